"""What an owner has done when something happens, on the stage."""

import asyncio
import random
from typing import Any

import pytest

from gateway.agent.hooks import Hooks
from gateway.agent.messages import Action, Progress
from gateway.agent.plans import Hook, HookAction
from gateway.agent.turn_table import State
from gateway.speech.contract import Heard
from tests.agent.stage import Stage, say

LONG = "This is a sentence that takes its time. And this is another one, no shorter than that."


def hook(on: str, *do: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"on": on, "do": do, **options}


def says(*texts: str) -> dict[str, Any]:
    return {"do": "say", "texts": texts}


async def test_a_silent_caller_is_asked_so_often_and_no_more() -> None:
    silence = hook("silence", {**says("One?", "Two?"), "in_order": True}, after_s=5, most=3)
    async with Stage(hooks=(silence,), silence_timeout_s=20, end_message="Bye.") as stage:
        await stage.until("ended")
        assert stage.transcript() == ["One?", "Two?", "One?", "Bye."]


async def test_a_caller_who_speaks_sets_the_count_back_where_that_is_wished_for() -> None:
    for forgetful, times in ((True, 2), (False, 1)):
        silence = hook("silence", says("Hello?"), after_s=3, most=1, forgetful=forgetful)
        async with Stage(hooks=(silence,), silence_timeout_s=9) as stage:
            await stage.until("speaking")
            await stage.until("listening")
            stage.clay.replies = [say("Fine.")]
            await stage.turn("I am here.")
            await stage.until("ended")
            assert stage.transcript("assistant").count("Hello?") == times


async def test_the_count_is_kept_for_another_process() -> None:
    silence = hook("silence", says("Hello?"), after_s=3, most=1)
    async with Stage(hooks=(silence,), silence_timeout_s=9) as stage:
        await stage.until("speaking")
        await stage.until("listening")
        checkpoint = stage.of(Progress)[-1].checkpoint
        assert checkpoint.fired == (1,)
        await stage.agent.close()
        stage.sent.clear()
        stage.begin(resumed=checkpoint)
        await stage.until("ended")
        assert stage.transcript() == []


async def test_the_time_that_a_call_has_lasted_is_told_once() -> None:
    async with Stage(hooks=(hook("elapsed", says("A minute."), after_s=10),)) as stage:
        await stage.seconds(9.9)
        assert stage.state == "listening"
        await stage.until("speaking", 0.3)
        await stage.until("ended", 120)
        assert stage.transcript() == ["A minute."]


async def test_a_slow_model_is_excused() -> None:
    thought = asyncio.Event()
    async with Stage(hooks=(hook("slow", says("One moment."), after_s=1),)) as stage:
        await stage.until("listening")
        stage.clay.replies = [[thought, *say("It is noon.")]]
        await stage.turn("What time is it?")
        await stage.until("speaking", 2.0)
        await stage.seconds(1.0)
        thought.set()
        await stage.settle()
        await stage.until("listening")
        assert " ".join(stage.transcript("assistant")) == "One moment. It is noon."


async def test_an_interruption_is_apologised_for_before_the_answer() -> None:
    async with Stage(hooks=(hook("agent-interrupted", says("Go on.")),), backoff_s=0) as stage:
        await stage.until("listening")
        stage.clay.replies = [say(LONG), say("It is ten.")]
        await stage.turn("Tell me.")
        await stage.until("speaking")
        await stage.seconds(2.0)
        await stage.turn("how much is it?")
        await stage.until("speaking")
        await stage.until("listening")
        assert stage.transcript("assistant")[-1] == "Go on. It is ten."
        assert stage.conversation[-1] == ("assistant", "It is ten.")


async def test_an_agent_that_began_too_early_knows_it() -> None:
    sorry = hook("caller-interrupted", says("Sorry."))
    async with Stage(hooks=(sorry,), backoff_s=0) as stage:
        await stage.until("listening")
        stage.clay.replies = [say(LONG), say("For two, then.")]
        await stage.turn("I need a room.")
        await stage.until("speaking")
        await stage.seconds(0.3)
        await stage.turn("for two nights.")
        await stage.until("speaking")
        await stage.until("listening")
        assert len(stage.happened("cut_off")) == 1
        assert stage.transcript("assistant")[-1] == "Sorry. For two, then."


async def test_the_model_says_something_by_a_prompt() -> None:
    prompt = {"do": "prompt", "messages": ({"role": "system", "content": "Greet {{ who }}."},)}
    async with Stage(hooks=(hook("silence", prompt, after_s=3, most=1),)) as stage:
        stage.clay.replies = [say("Hello Kim.")]
        await stage.until("speaking")
        assert [m.content for m in stage.clay.asked[0]] == ["You are Kim.", "Greet Kim."]
        await stage.until("listening")
        assert stage.conversation == [("system", "You are Kim."), ("assistant", "Hello Kim.")]


@pytest.mark.parametrize("answer", [True, False])
async def test_a_message_is_added_and_answered_or_not(answer: bool) -> None:
    add = {"do": "add", "messages": ({"role": "user", "content": "Still?"},), "answer": answer}
    async with Stage(hooks=(hook("silence", add, after_s=3, most=1),)) as stage:
        stage.clay.replies = [say("Yes.")]
        await stage.seconds(4.0)
        assert stage.conversation[1] == ("user", "Still?")
        assert len(stage.clay.asked) == answer


async def test_a_tool_is_called_that_the_model_does_not_know() -> None:
    tool = {"kind": "function", "name": "note", "parameters": {}}
    note = {"do": "tool", "tool": "note", "arguments": {"what": "silence"}}
    silence = hook("silence", note, after_s=3, most=1)
    async with Stage(hooks=(silence,), hook_tools=(tool,)) as stage:
        await stage.until("tool")
        (action,) = stage.of(Action)
        assert (action.tool, action.arguments) == ("note", {"what": "silence"})
        stage.clay.replies = [say("It is noted.")]
        await stage.result(action.action, "done")
        await stage.until("speaking")
        await stage.until("listening")
        assert stage.transcript() == ["It is noted."]


async def test_a_tool_that_ends_the_call_does() -> None:
    end = {"kind": "endCall", "name": "endCall"}
    silence = hook("silence", {"do": "tool", "tool": "endCall"}, after_s=3)
    async with Stage(hooks=(silence,), hook_tools=(end,), end_message="Bye.") as stage:
        await stage.until("ended")
        assert stage.transcript() == ["Bye."]
        assert stage.hang_ups == ["assistant-ended-call"]


async def test_words_that_were_hardly_understood() -> None:
    unsure = hook("unsure", says("Pardon me if I am wrong."), confidence=(0.2, 0.4))
    async with Stage(hooks=(unsure,)) as stage:
        await stage.until("listening")
        for confidence in (0.3, 0.9):
            stage.clay.replies = [say("A cat.")]
            await stage.seconds(0.6, speech=True)
            await stage.seconds(0.1)
            stage.clay.hearings[-1].queue.put_nowait(Heard("What is it?", True, False, confidence))
            await stage.settle()
            await stage.until("speaking")
            await stage.until("listening")
        said = stage.transcript("assistant")
        assert said == ["Pardon me if I am wrong. A cat.", "A cat."]


def test_one_of_several_lines_is_chosen() -> None:
    do = (HookAction(do="say", texts=("a", "b", "c")),)
    hooks = Hooks((Hook(on="agent-interrupted", do=do),), [], random.Random(1))
    said = set()
    for _ in range(30):
        hooks.fire("agent-interrupted")
        assert hooks.next(State.HEARING) is None
        action = hooks.next(State.LISTENING)
        assert action
        said |= set(action.texts)
    assert said == {"a", "b", "c"}
