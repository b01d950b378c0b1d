"""What is said about a tool: when, to whom, under which conditions, and what it holds up."""

from typing import Any

import pytest

from gateway.agent.brief import Condition, ToolMessage
from gateway.agent.messages import Action, Limits
from gateway.agent.tools import choose, holds
from tests.agent.stage import Stage, call, say


def tool(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"kind": "function", "name": "look", "timeout_s": 5.0, "messages": messages, **fields}


async def asked(stage: Stage) -> None:
    await stage.until("listening")
    await stage.turn("Look.")


async def test_a_blocking_message_is_said_before_the_tool_begins() -> None:
    first = {"at": "start", "content": "I will charge your card now.", "blocking": True}
    async with Stage(tools=(tool(first),)) as stage:
        stage.clay.replies = [[call("look", '{"n": 1}')], say("Done.")]
        await asked(stage)
        await stage.until("speaking")
        await stage.beat(5)
        assert stage.of(Action) == []
        await stage.until("tool")
        await stage.beat(2)
        (action,) = stage.of(Action)
        assert action.arguments == {"n": 1}
        await stage.result("t1", "charged")
        await stage.until("listening")
        assert stage.transcript("assistant") == ["I will charge your card now.", "Done."]


async def test_an_interrupted_blocking_message_holds_nothing_up() -> None:
    first = {"at": "start", "content": "This takes a good while, so be patient.", "blocking": True}
    async with Stage(tools=(tool(first),)) as stage:
        stage.clay.replies = [[call("look")], say("Looking."), say("Done.")]
        await asked(stage)
        await stage.until("speaking")
        await stage.turn("Hurry up.")
        await stage.beat(3)
        assert len(stage.of(Action)) == 1


async def test_what_nobody_wrote_is_left_out_where_the_model_speaks_itself() -> None:
    own = {"at": "start", "content": "One moment.", "own": True}
    for text, said in (("", "One moment."), ("Let me see that for you.", "Let me see that")):
        async with Stage(tools=(tool(own),)) as stage:
            stage.clay.replies = [[*(say(text) if text else []), call("look")], say("Done.")]
            await asked(stage)
            await stage.until("speaking")
            await stage.until("tool")
            assert stage.transcript("assistant")[0].startswith(said)
            assert "moment" not in stage.transcript("assistant")[0] or not text


async def test_a_message_for_the_model_is_not_said() -> None:
    for ok, at in ((True, "complete"), (False, "failed")):
        hint = {"at": at, "content": "Be sorry, {{ who }}.", "to_model": True}
        async with Stage(tools=(tool(hint),)) as stage:
            stage.clay.replies = [[call("look")], say("Well.")]
            await asked(stage)
            await stage.until("tool")
            await stage.result("t1", "a cat", ok)
            await stage.until("listening")
            assert stage.transcript("assistant") == ["Well."]
            result, told = stage.clay.asked[-1][-2:]
            assert (result.role, result.content) == ("tool", "a cat")
            assert (told.role, told.content) == ("system", "Be sorry, Kim.")


async def test_a_message_may_be_the_last() -> None:
    last = {"at": "complete", "content": "You are booked. Goodbye.", "end_call": True}
    async with Stage(tools=(tool(last),)) as stage:
        stage.clay.replies = [[call("look")]]
        await asked(stage)
        await stage.until("tool")
        await stage.result("t1", "ok")
        await stage.until("ended")
        assert stage.transcript("assistant") == ["You are booked. Goodbye."]
        assert stage.hang_ups == ["assistant-ended-call"]
        assert len(stage.clay.asked) == 1


async def test_a_tool_that_is_not_waited_for_is_announced_as_well() -> None:
    first = {"at": "start", "content": "I am sending it."}
    async with Stage(tools=(tool(first, wait=False),)) as stage:
        stage.clay.replies = [[call("look")], say("Anything else?")]
        await asked(stage)
        await stage.until("speaking")
        await stage.until("listening")
        assert stage.transcript("assistant") == ["I am sending it. Anything else?"]
        await stage.result("t1", "sent")  # late: noted, and nothing is said twice
        await stage.seconds(1)
        assert len(stage.clay.asked) == 2


async def test_a_result_that_comes_after_an_interruption_reaches_the_model_once() -> None:
    first = {"at": "start", "content": "One moment, I am looking for it."}
    async with Stage(tools=(tool(first),)) as stage:
        stage.clay.replies = [[call("look")], say("A cat, and no dog.")]
        await asked(stage)
        await stage.until("speaking")
        await stage.seconds(0.2)
        await stage.seconds(0.5, speech=True)
        await stage.says("And a dog", final=False)
        await stage.result("t1", "a cat")  # in the middle of the caller's words
        assert len(stage.clay.asked) == 1
        await stage.says("And a dog?")
        await stage.until("speaking")
        await stage.until("listening")
        assert len(stage.clay.asked) == 2
        shown = stage.clay.asked[-1]
        assert [m.role for m in shown] == ["system", "user", "assistant", "tool", "user"]
        assert stage.transcript("assistant")[-1] == "A cat, and no dog."


async def test_a_result_larger_than_the_limit_is_cut_and_says_so() -> None:
    async with Stage(tools=(tool(),)) as stage:
        await stage.agent.close()
        stage.begin(limits=Limits(result=100))
        stage.clay.replies = [[call("look")], say("Much.")]
        await asked(stage)
        await stage.until("tool")
        await stage.result("t1", "x" * 1000)
        await stage.until("speaking")
        content = stage.clay.asked[-1][-1].content
        assert content == "x" * 100 + "\n[Cut here: 100 of 1000 characters are shown.]"


GOLD = Condition(operator="eq", param="card.kind", value="gold")


@pytest.mark.parametrize(
    ("operator", "value", "given", "holding"),
    [
        ("eq", "gold", "gold", True),
        ("eq", "gold", "silver", False),
        ("neq", "gold", "silver", True),
        ("neq", "gold", None, True),
        ("eq", "gold", None, False),
        ("gt", "9", 10, True),  # as numbers, not as texts
        ("gt", "9", "10", True),
        ("lt", "9", 10, False),
        ("gte", "10", 10, True),
        ("lte", "10", 10.5, False),
        ("eq", "true", True, True),
        ("gt", "a", "b", True),
        ("lt", "5", "soon", False),
    ],
)
def test_conditions_are_about_arguments(
    operator: Any, value: str, given: Any, holding: bool
) -> None:
    condition = Condition(operator=operator, param="x", value=value)
    assert holds((condition,), {} if given is None else {"x": given}) is holding


def test_the_message_whose_conditions_hold_goes_first_and_others_take_turns() -> None:
    special = ToolMessage(at="start", content="For gold.", conditions=(GOLD,))
    plain = [ToolMessage(at="start", content=f"{n}") for n in range(3)]
    messages = [*plain, special, ToolMessage(at="failed", content="!")]
    assert choose(messages, "start", {"card": {"kind": "gold"}}, "1") == special
    chosen = {choose(messages, "start", {}, str(n)) for n in range(50)}
    assert chosen == set(plain)
    assert choose(messages, "start", {}, "7") == choose(messages, "start", {}, "7")
    assert choose(messages, "complete", {}, "1") is None


async def test_a_filler_that_comes_too_early_is_said_as_soon_as_the_agent_may_speak() -> None:
    first = {"at": "start", "content": "One moment."}
    quick = {"endpointing": {"by": "text", "punctuation_s": 0.0}}
    async with Stage(tools=(tool(first),), wait_s=2.0, **quick) as stage:
        stage.clay.replies = [[call("look")], say("Done.")]
        await stage.until("listening")
        await stage.turn("Look.")
        await stage.until("speaking")
        await stage.until("tool")
        assert stage.transcript("assistant") == ["One moment."]
