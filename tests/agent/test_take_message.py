"""The agent takes a message: what the caller says then is no turn, and is given to the model."""

from gateway.agent.messages import Action, Spoken
from tests.agent.stage import Stage, call, say

PROMPT = {"at": "start", "content": "Speak after the beep.", "blocking": True}
TOOL = {"kind": "takeMessage", "name": "takeMessage", "messages": (PROMPT,)}


async def taking(stage: Stage) -> None:
    stage.clay.replies = [[call("takeMessage")], say("Thank you.")]
    await stage.until("listening")
    await stage.turn("May I leave a message?")
    await stage.until("speaking")
    assert stage.of(Action) == [], "the prompt is said first"
    await stage.until("taking")
    assert [a.kind for a in stage.of(Action)] == ["takeMessage"]


async def test_a_message_is_no_turn_and_reaches_the_model() -> None:
    async with Stage(tools=(TOOL,)) as on:
        await taking(on)
        await on.turn("This is Ann.", 1.0)
        await on.seconds(2.0)
        await on.turn("Call me back.", 1.0)
        await on.seconds(3.0)
        assert on.state == "taking"
        assert len(on.clay.asked) == 1
        await on.result("t1", "A message of 7 s was recorded.")
        await on.until("listening")
        assert "'This is Ann. Call me back.'" in on.clay.asked[1][-1].content
        assert on.transcript("assistant")[-1] == "Thank you."
        (message,) = [m for m in on.of(Spoken) if m.extra.get("message")]
        assert (message.text, message.extra["message"]) == ("This is Ann. Call me back.", "t1")


async def test_a_caller_who_hangs_up_has_left_it() -> None:
    async with Stage(tools=(TOOL,)) as on:
        await taking(on)
        await on.turn("This is Ann.", 1.0)
    (message,) = [m for m in on.of(Spoken) if m.extra.get("message")]
    assert message.text == "This is Ann."
