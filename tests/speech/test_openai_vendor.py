"""OpenAI through its SDK, over loopback, against the simulator: what goes well and what breaks."""

import json
from collections.abc import AsyncIterator

import numpy as np
import pytest
from pydantic import SecretStr

from gateway.errors import Fault, VendorError
from gateway.speech import catalog
from gateway.speech.contract import Called, Delta, Finished, Message, Said, Speaking, Thinking, Tool
from gateway.speech.settings import VendorSettings
from tests.simulators.openai_wire import OpenAISimulator, Rule
from tests.simulators.sound import spoken_s
from tests.simulators.wire import Trouble

HELLO = [Message("system", "Be brief."), Message("user", "hello")]


@pytest.fixture
async def cloud() -> AsyncIterator[OpenAISimulator]:
    async with OpenAISimulator() as simulator:
        yield simulator


def settings(cloud: OpenAISimulator, timeout_s: float = 30.0) -> VendorSettings:
    return VendorSettings(base_url=cloud.base_url, api_key=SecretStr("k"), timeout_s=timeout_s)


def mind(cloud: OpenAISimulator, timeout_s: float = 30.0, **options: object) -> Thinking:
    return catalog.thinking("openai", "gpt-4.1", options, settings(cloud, timeout_s), "call-1")


def voice(cloud: OpenAISimulator, timeout_s: float = 30.0, **options: object) -> Speaking:
    return catalog.speaking("openai", "tts-1", options, settings(cloud, timeout_s), "call-1")


async def replied(thinking: Thinking, tools: tuple[Tool, ...] = ()) -> list[Delta]:
    return [delta async for delta in thinking.reply(HELLO, tools)]


async def test_tool_calls_are_put_together_from_their_pieces(cloud: OpenAISimulator) -> None:
    digits = {"dtmf": "1234#", "why": "the menu asked for a number"}
    cloud.rules = [Rule("hello", "One moment.", (("dtmf", digits), ("endCall", {})))]
    deltas = await replied(mind(cloud), (Tool("dtmf", "press keys"), Tool("endCall")))
    calls = [d for d in deltas if isinstance(d, Called)]
    assert [(c.id, c.name) for c in calls] == [
        ("call_dtmf_0", "dtmf"),
        ("call_endCall_1", "endCall"),
    ]
    assert [json.loads(c.arguments) for c in calls] == [digits, {}]
    assert deltas[-1] == Finished("tool_calls", 11, 7, 3)
    assert [t["function"]["name"] for t in cloud.requests[-1].json()["tools"]] == [
        "dtmf",
        "endCall",
    ]


async def test_what_was_said_and_called_before_is_sent_as_chat_models_know_it(
    cloud: OpenAISimulator,
) -> None:
    made = Called("c1", "dtmf", '{"dtmf": "1"}')
    history = [*HELLO, Message("assistant", "", (made,)), Message("tool", "sent", (), "c1")]
    async for _ in mind(cloud, temperature=0.2, max_tokens=50).reply(history, ()):
        pass
    request = cloud.requests[-1]
    sent = request.json()
    assert sent["messages"][2]["tool_calls"][0]["function"] == {
        "name": "dtmf",
        "arguments": '{"dtmf": "1"}',
    }
    assert sent["messages"][3] == {"role": "tool", "content": "sent", "tool_call_id": "c1"}
    assert (sent["temperature"], sent["max_completion_tokens"]) == (0.2, 50)
    assert "tools" not in sent
    assert request.headers["x-client-request-id"] == "call-1-1"
    assert request.headers["authorization"] == "Bearer k"


async def test_a_conversation_begins_though_nobody_has_said_anything_nor_given_instructions(
    cloud: OpenAISimulator,
) -> None:
    async for _ in mind(cloud).reply([], ()):
        pass
    (message,) = cloud.requests[-1].json()["messages"]
    assert (message["role"], bool(message["content"])) == ("user", True)


async def test_a_compatible_vendor_is_a_row(cloud: OpenAISimulator) -> None:
    body = {"call": {"id": "call-7"}}
    options = {"url": cloud.base_url + "/chat/completions", "max_tokens": 9, "body": body}
    thinking = catalog.thinking("custom-llm", "my-model", options, VendorSettings(), "call-7")
    assert Said(" hello") in await replied(thinking)
    sent = cloud.requests[-1].json()
    assert (sent["model"], sent["max_tokens"], sent["call"]) == ("my-model", 9, {"id": "call-7"})


@pytest.mark.parametrize(
    ("trouble", "fault", "after_s"),
    [
        (Trouble("refuse", status=401), Fault.AUTH, None),
        (Trouble("refuse", status=403), Fault.AUTH, None),
        (Trouble("refuse", status=402), Fault.QUOTA, None),
        (Trouble("refuse", status=400), Fault.OURS, None),
        (Trouble("refuse", status=404), Fault.OURS, None),
        (Trouble("refuse", status=429, retry_after="2"), Fault.OVERLOAD, 2.0),
        (Trouble("refuse", status=429, code="insufficient_quota"), Fault.QUOTA, None),
        (Trouble("refuse", status=503, retry_after="1.5"), Fault.THEIRS, 1.5),
        (Trouble("refuse", status=500), Fault.THEIRS, None),
        (Trouble("cut", after=0), Fault.THEIRS, None),
        (Trouble("cut", after=2), Fault.THEIRS, None),
        (Trouble("half", after=2), Fault.THEIRS, None),
        (Trouble("stall", after=-1), Fault.OVERLOAD, None),
        (Trouble("stall", after=2), Fault.OVERLOAD, None),
    ],
    ids=lambda v: f"{v.kind}-{v.status}-{v.after}{v.code}" if isinstance(v, Trouble) else None,
)
@pytest.mark.parametrize("part", ["thinking", "speaking"])
async def test_a_failure_says_whose_it_is(
    cloud: OpenAISimulator, part: str, trouble: Trouble, fault: Fault, after_s: float | None
) -> None:
    cloud.trouble = trouble
    timeout_s = 1.0 if trouble.kind == "stall" else 30.0
    if part == "thinking":
        stream: AsyncIterator[object] = mind(cloud, timeout_s).reply(HELLO, ())
    else:
        stream = voice(cloud, timeout_s).speak("One moment, please.")
    with pytest.raises(VendorError) as failure:
        [_ async for _ in stream]
    error = failure.value
    assert (error.vendor, error.fault, error.retry_after_s) == ("openai", fault, after_s)
    assert len(cloud.requests) == 1  # whether to try again is the pipeline's to say


async def test_what_a_model_does_not_support_is_left_out(cloud: OpenAISimulator) -> None:
    cloud.trouble = Trouble(
        "refuse", status=400, code="unsupported_value", param="temperature", times=1
    )
    thinking = mind(cloud, temperature=0.0, max_tokens=50)
    for _ in range(2):
        assert Said(" hello") in await replied(thinking)
    sent = [request.json() for request in cloud.requests]
    assert ["temperature" in one for one in sent] == [True, False, False]
    assert all("max_completion_tokens" in one for one in sent)


@pytest.mark.parametrize("kind", ["nonsense", "end"])
async def test_a_reply_that_is_no_reply_is_the_vendors_fault(
    cloud: OpenAISimulator, kind: str
) -> None:
    cloud.trouble = Trouble(kind, after=2)  # type: ignore[arg-type]
    with pytest.raises(VendorError) as failure:
        await replied(mind(cloud))
    assert failure.value.fault is Fault.THEIRS


async def test_nobody_listens_there(cloud: OpenAISimulator) -> None:
    gone = settings(cloud)
    await cloud.__aexit__()
    with pytest.raises(VendorError) as failure:
        await replied(catalog.thinking("openai", "m", {}, gone, "c"))
    assert failure.value.fault is Fault.THEIRS
    await catalog.thinking("openai", "m", {}, gone, "c").open()  # never fails


async def test_a_sentence_becomes_sound_at_16_khz(cloud: OpenAISimulator) -> None:
    text = "The time is a quarter past nine."
    pieces = [p async for p in voice(cloud, voice="nova", speed=1.1).speak(text)]
    assert len(pieces) > 5
    assert all(len(p) % 2 == 0 for p in pieces)
    sound = np.frombuffer(b"".join(pieces), np.int16)
    assert len(sound) == pytest.approx(spoken_s(text) * 16_000, abs=16)
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.argmax(spectrum) * 16_000 / len(sound) == pytest.approx(440, abs=2)
    asked = cloud.requests[-1].json()
    assert (asked["voice"], asked["response_format"], asked["speed"]) == ("nova", "pcm", 1.1)


async def test_a_slow_voice_is_no_failure(cloud: OpenAISimulator) -> None:
    text = "One moment, please."
    cloud.piece_s = 0.003
    pieces = [piece async for piece in voice(cloud).speak(text)]
    assert len(b"".join(pieces)) == pytest.approx(2 * spoken_s(text) * 16_000, abs=32)


async def test_calls_share_a_warm_connection(cloud: OpenAISimulator) -> None:
    thinking, speaking = mind(cloud), voice(cloud)
    await thinking.open()
    await speaking.open()
    assert len(cloud.requests) == 1  # one warming is enough
    await replied(thinking)
    async for _ in speaking.speak("Hello."):
        pass
    await replied(mind(cloud))
    assert cloud.connections == 1
