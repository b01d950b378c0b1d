"""The caller is on hold while somebody else is called: the agent speaks, and heeds nothing."""

from gateway.agent.messages import Away, Say, Spoken, Summarise, Summary
from tests.agent.stage import Stage, call, say

MOVE = {"kind": "transferCall", "name": "move", "timeout_s": 3600.0}


async def test_nothing_that_the_line_brings_is_heeded_until_the_caller_is_back() -> None:
    async with Stage(tools=(MOVE,), silence_timeout_s=5.0) as stage:
        stage.clay.replies = [[call("move")], say("They are busy.")]
        await stage.until("listening")
        await stage.turn("To sales.")
        await stage.until("tool")
        stage.agent.receive(Away(call="c1", away=True))
        stage.media.press("5")
        await stage.seconds(10, speech=True)
        assert stage.state == "tool"
        assert not stage.happened("digit")
        stage.agent.receive(Say(call="c1", text="A caller for you.", aside=True))
        await stage.until("speaking")
        await stage.until("tool")
        assert stage.transcript("assistant")[-1] == "A caller for you."
        assert "A caller for you." not in [text for _, text in stage.conversation]
        stage.agent.receive(Away(call="c1", away=False))
        await stage.result("t1", "It failed.", ok=False)
        await stage.until("listening")
        assert stage.transcript("assistant")[-1] == "They are busy."


async def test_a_caller_whom_somebody_else_took_away_is_not_silent_meanwhile() -> None:
    async with Stage(silence_timeout_s=5.0) as stage:
        await stage.until("listening")
        stage.agent.receive(Away(call="c1", away=True))
        await stage.seconds(20)
        assert stage.state == "listening"
        stage.agent.receive(Away(call="c1", away=False))
        await stage.seconds(4)
        assert stage.state == "listening"
        await stage.until("ended")


async def test_the_model_sums_up_what_was_said() -> None:
    async with Stage() as stage:
        stage.clay.replies = [say("Noted."), say("They want sales.")]
        await stage.until("listening")
        await stage.turn("To sales, please.")
        await stage.until("listening")
        stage.agent.receive(Summarise(call="c1", messages=()))
        await stage.beat(3)
        assert [m.text for m in stage.of(Summary)] == ["They want sales."]
        assert "User: To sales, please." in stage.clay.asked[-1][1].content
        said = len(stage.of(Spoken))
        wanted = ({"role": "system", "content": "In one word: {{transcript}}"},)
        stage.clay.replies = [say("Sales.")]
        stage.agent.receive(Summarise(call="c1", messages=wanted))
        await stage.beat(3)
        assert stage.of(Summary)[-1].text == "Sales."
        assert stage.clay.asked[-1][0].content.startswith("In one word: User: ")
        assert len(stage.of(Spoken)) == said  # nobody hears it
