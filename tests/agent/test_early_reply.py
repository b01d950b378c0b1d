"""The model is asked before it is certain that the caller has finished; nothing of that is heard,
shown or done before it is."""

from typing import Any

from gateway.agent.brief import ToolBrief
from gateway.agent.messages import Action, Live
from gateway.speech.contract import Heard
from tests.agent.stage import THEIRS, Stage, call, say

OPENS = "what time do you open on Sunday"  # without a question mark it is waited for


def kept(stage: Stage) -> list[bool]:
    return [event.facts["kept"] for event in stage.happened("early_reply")]


async def listening(**brief: Any) -> Stage:
    stage = Stage(**{"early": "stable", "live": ("model",), **brief})
    await stage.__aenter__()
    await stage.until("listening")
    return stage


async def test_words_that_stay_the_same_are_answered_early_and_the_answer_is_kept() -> None:
    stage = await listening()
    stage.clay.replies = [say("At noon.")]
    await stage.turn(OPENS)
    await stage.seconds(0.2)
    assert stage.state == "waiting"
    assert len(stage.clay.asked) == 1
    assert stage.clay.asked[0][-1].content == OPENS
    assert not stage.clay.spoken
    assert not stage.of(Live)
    assert ("user", OPENS) not in stage.conversation
    waited = await stage.until("speaking")
    assert waited > 0.1
    assert len(stage.clay.asked) == 1
    assert stage.clay.spoken == ["At noon."]
    assert kept(stage) == [True]
    assert stage.conversation[-2:] == [("user", OPENS), ("assistant", "At noon.")]
    await stage.__aexit__()


async def test_it_makes_the_wait_shorter() -> None:
    waits = []
    for early in ("off", "stable"):
        stage = await listening(early=early)
        first = stage.clay.replies
        first.append(say("At noon."))
        await stage.turn(OPENS)
        await stage.until("speaking")
        await stage.until("listening")
        waits.append(dict(stage.timings[0].segments))
        await stage.__aexit__()
    assert "model_first_token" not in waits[1]
    assert sum(waits[1].values()) <= sum(waits[0].values())


async def test_who_goes_on_is_given_an_answer_to_all_of_it() -> None:
    stage = await listening()
    stage.clay.replies = [say("At noon."), say("At eight.")]
    await stage.turn("when do you open on")
    await stage.seconds(0.3)
    assert len(stage.clay.asked) == 1
    await stage.turn("Monday morning?")
    await stage.until("speaking")
    assert kept(stage) == [False]
    assert stage.clay.asked[-1][-1].content == "when do you open on Monday morning?"
    assert stage.clay.spoken == ["At eight."]
    assert not any("noon" in text for _, text in stage.conversation)
    await stage.__aexit__()


async def test_a_final_that_is_only_written_otherwise_keeps_it() -> None:
    stage = await listening()
    stage.clay.replies = [say("At noon.")]
    await stage.seconds(0.6, speech=True)
    await stage.says("when do you open and", final=False)
    await stage.seconds(0.4)
    assert len(stage.clay.asked) == 1
    await stage.says("When do you open, and?")
    await stage.until("speaking")
    assert kept(stage) == [True]
    assert stage.conversation[-2] == ("user", "When do you open, and?")
    await stage.__aexit__()


async def test_a_tool_is_not_called_before_the_turn_is_over() -> None:
    stage = await listening(tools=(ToolBrief(kind="function", name="book"),))
    stage.clay.replies = [[call("book")], say("Booked.")]
    await stage.turn("book a table for four and")
    await stage.seconds(0.4)
    assert len(stage.clay.asked) == 1
    assert not stage.of(Action)
    await stage.until("tool")
    (action,) = stage.of(Action)
    await stage.result(action.action, "ok")
    await stage.until("speaking")
    assert stage.clay.spoken[-1] == "Booked."
    await stage.__aexit__()


async def test_a_tool_of_a_reply_that_is_thrown_away_is_never_called() -> None:
    stage = await listening(tools=(ToolBrief(kind="function", name="book"),))
    stage.clay.replies = [[call("book")], say("All right.")]
    await stage.turn("book a table for four and")
    await stage.seconds(0.4)
    await stage.turn("no, do not book it.")
    await stage.until("speaking")
    assert not stage.of(Action)
    assert not stage.transcript("tool_call")
    assert kept(stage)[0] is False
    await stage.__aexit__()


async def test_one_that_fails_is_no_failure_of_the_call() -> None:
    stage = await listening()
    stage.clay.replies = [[THEIRS], [THEIRS], [THEIRS], say("At noon.")]
    await stage.turn("I would like to know the")
    await stage.until("speaking")
    assert stage.clay.spoken == ["At noon."]
    assert not stage.happened("vendor_error")
    assert kept(stage) == [False]
    await stage.__aexit__()


async def test_who_goes_on_and_on_is_asked_about_no_more_than_twice() -> None:
    stage = await listening()
    for words in ("first and", "second and", "third and", "fourth and"):
        await stage.turn(words)
        await stage.seconds(0.5)
    assert len(stage.clay.asked) == 2
    await stage.__aexit__()


async def test_a_transcribers_guess_is_enough() -> None:
    stage = await listening(early="eager")
    stage.clay.replies = [say("At noon.")]
    await stage.seconds(0.6, speech=True)
    stage.clay.hearings[-1].queue.put_nowait(Heard(OPENS, eager=True))
    await stage.settle()
    assert len(stage.clay.asked) == 1
    await stage.says(OPENS, ended=True)
    await stage.until("speaking")
    assert len(stage.clay.asked) == 1
    assert kept(stage) == [True]
    await stage.__aexit__()


async def test_whoever_does_not_want_it_has_none() -> None:
    stage = await listening(early="off")
    await stage.seconds(0.6, speech=True)
    stage.clay.hearings[-1].queue.put_nowait(Heard(OPENS, eager=True))
    await stage.settle()
    assert not stage.clay.asked
    assert not kept(stage)
    await stage.__aexit__()
