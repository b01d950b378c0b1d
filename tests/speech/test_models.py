"""Every protocol that models speak, over loopback, against its simulator: the same promises kept by
each, in what goes well and in what breaks."""

import json

import pytest

from gateway.errors import ConfigError, Fault, VendorError
from gateway.speech.contract import Called, Finished, Message, Said, Tool
from tests.simulators.openai_wire import Rule
from tests.simulators.wire import Trouble
from tests.speech.clouds import HELLO, SYSTEM, TOOLS, Cloud, replied, said


async def test_a_reply_streams_and_is_counted(cloud: Cloud) -> None:
    deltas = await replied(cloud.mind())
    assert [d.text for d in deltas if isinstance(d, Said)] == ["You", " said:", " hello"]
    assert deltas[-1] == Finished("stop", tokens_in=11, tokens_out=7, tokens_cached=3)


async def test_several_tool_calls_come_whole_after_the_text(cloud: Cloud) -> None:
    digits = {"dtmf": "1234#", "why": "the menu asked for a number"}
    cloud.server.rules = [Rule("hello", "One moment.", (("dtmf", digits), ("endCall", {})))]
    deltas = await replied(cloud.mind(), HELLO, TOOLS)
    assert said(deltas) == "One moment."
    calls = [d for d in deltas if isinstance(d, Called)]
    assert [(c.name, json.loads(c.arguments)) for c in calls] == [("dtmf", digits), ("endCall", {})]
    assert len({c.id for c in calls}) == 2
    assert deltas[-1] == Finished("tool_calls", 11, 7, 3)


async def test_results_go_back_to_who_called(cloud: Cloud) -> None:
    cloud.server.rules = [
        Rule("hello", "", (("look", {"n": 1}), ("look", {"n": 2}))),
        Rule("", "You said: {heard}"),
    ]
    mind = cloud.mind()
    calls = tuple(d for d in await replied(mind, HELLO, (Tool("look"),)) if isinstance(d, Called))
    results = [Message("tool", f"seen {n}", tool_call_id=c.id) for n, c in enumerate(calls)]
    history = [*HELLO, Message("assistant", "", calls), *results]
    assert said(await replied(mind, history, (Tool("look"),))) == "You said: seen 1"
    # And a substitute, which has seen nothing of it, can go on from there.
    assert said(await replied(cloud.mind(), history)) == "You said: seen 1"


async def test_an_agent_that_greets_and_speech_that_was_not_understood(cloud: Cloud) -> None:
    history = [SYSTEM, Message("assistant", "Good morning."), Message("user", "")]
    assert said(await replied(cloud.mind(), history)).startswith("You said:")
    history += [
        Message("assistant", "Pardon?"),
        Message("user", "hello"),
        Message("assistant", "You are"),
        Message("system", "Go on."),
    ]
    assert "Go on." in said(await replied(cloud.mind(), history))
    assert said(await replied(cloud.mind(), [SYSTEM])).startswith("You said:")


@pytest.mark.parametrize(
    ("trouble", "fault", "after_s"),
    [
        (Trouble("refuse", status=401), Fault.AUTH, None),
        (Trouble("refuse", status=403), Fault.AUTH, None),
        (Trouble("refuse", status=402), Fault.QUOTA, None),
        (Trouble("refuse", status=400), Fault.OURS, None),
        (Trouble("refuse", status=404), Fault.OURS, None),
        (Trouble("refuse", status=429, retry_after="2"), Fault.OVERLOAD, 2.0),
        (Trouble("refuse", status=529), Fault.OVERLOAD, None),
        (Trouble("refuse", status=503, retry_after="1.5"), Fault.THEIRS, 1.5),
        (Trouble("refuse", status=500), Fault.THEIRS, None),
        (Trouble("cut", after=0), Fault.THEIRS, None),
        (Trouble("cut", after=2), Fault.THEIRS, None),
        (Trouble("half", after=2), Fault.THEIRS, None),
        (Trouble("nonsense", after=2), Fault.THEIRS, None),
        (Trouble("end", after=2), Fault.THEIRS, None),
        (Trouble("stall", after=-1), Fault.OVERLOAD, None),
        (Trouble("stall", after=2), Fault.OVERLOAD, None),
    ],
    ids=lambda v: f"{v.kind}-{v.status}-{v.after}" if isinstance(v, Trouble) else None,
)
async def test_a_failure_says_whose_it_is(
    cloud: Cloud, trouble: Trouble, fault: Fault, after_s: float | None
) -> None:
    cloud.server.trouble = trouble
    timeout_s = 1.0 if trouble.kind == "stall" else 30.0
    with pytest.raises(VendorError) as failure:
        await replied(cloud.mind(timeout_s))
    error = failure.value
    assert (error.vendor, error.fault, error.retry_after_s) == (cloud.vendor, fault, after_s)
    assert len(cloud.server.requests) == 1  # whether to try again is the pipeline's to say


async def test_a_slow_stream_is_no_failure(cloud: Cloud) -> None:
    cloud.server.token_s = 0.01
    assert said(await replied(cloud.mind(timeout_s=5.0))) == "You said: hello"


async def test_calls_share_a_warm_connection(cloud: Cloud) -> None:
    for _ in range(3):
        mind = cloud.mind()
        await mind.open()
        await replied(mind)
    assert cloud.server.connections == 1


async def test_a_reply_that_is_closed_early_is_cancelled(cloud: Cloud) -> None:
    cloud.server.trouble = Trouble("stall", after=4)
    reply = cloud.mind().reply(HELLO, ())
    assert await anext(reply) == Said("You")
    await reply.aclose()  # type: ignore[attr-defined]
    cloud.server.trouble = None
    assert said(await replied(cloud.mind())) == "You said: hello"


async def test_nobody_listens_there(cloud: Cloud) -> None:
    mind = cloud.mind()
    await cloud.server.__aexit__()
    await mind.open()  # never fails
    with pytest.raises(VendorError) as failure:
        await replied(mind)
    assert failure.value.fault is Fault.THEIRS


async def test_a_wrong_option_is_named(cloud: Cloud) -> None:
    with pytest.raises(ConfigError, match=f"{cloud.vendor}: temprature: "):
        cloud.mind(temprature=1)


async def test_settings_are_sent_in_each_ones_words(cloud: Cloud) -> None:
    await replied(cloud.mind(temperature=0.0, max_tokens=99))
    sent = cloud.sent
    wanted = {
        "openai-gpt-4.1": lambda: (sent["temperature"], sent["max_completion_tokens"]),
        "openai-gpt-5.4": lambda: (sent["temperature"], sent["max_output_tokens"]),
        "anthropic": lambda: (sent["temperature"], sent["max_tokens"]),
        "anthropic-bedrock": lambda: (sent["temperature"], sent["max_tokens"]),
        "google": lambda: (
            sent["generationConfig"]["temperature"],
            sent["generationConfig"]["maxOutputTokens"],
        ),
    }
    key = f"openai-{cloud.model}" if cloud.vendor == "openai" else cloud.vendor
    assert wanted[key]() == (0.0, 99)
