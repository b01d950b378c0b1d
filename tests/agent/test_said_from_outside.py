"""What others than the model have an agent say, and know."""

import pytest

from gateway.agent.messages import Add, Say, Spoken
from tests.agent.stage import Stage, say


def heard(stage: Stage) -> list[str]:
    return [m.text for m in stage.of(Spoken) if m.role == "assistant"]


@pytest.mark.parametrize("firm", [True, False])
async def test_what_is_firm_cannot_be_interrupted(firm: bool) -> None:
    text = "Please hold the line while I look for somebody who can help you with that."
    async with Stage(greeting_mode="wait") as stage:
        stage.agent.receive(Say(call="c1", text=text, firm=firm))
        await stage.settle()
        await stage.seconds(0.5)
        await stage.seconds(1.5, speech=True)
        await stage.says("No, stop that now please.")
        await stage.seconds(6.0)
        assert (text in heard(stage)) is firm


async def test_what_is_added_is_known_and_may_be_answered() -> None:
    fact = {"role": "system", "content": "The shop closes at six."}
    async with Stage(greeting_mode="wait") as stage:
        stage.agent.receive(Add(call="c1", messages=(fact,)))
        await stage.seconds(1.0)
        assert stage.clay.asked == []
        stage.clay.replies = [say("We close at six.")]
        stage.agent.receive(Add(call="c1", messages=({**fact, "content": "Say so."},), answer=True))
        await stage.until("speaking")
        await stage.until("listening")
        assert heard(stage) == ["We close at six."]
        (messages,) = stage.clay.asked
        assert [m.content for m in messages[-2:]] == [fact["content"], "Say so."]


async def test_what_is_told_somebody_else_is_dropped_when_they_leave() -> None:
    text = "There is somebody for you who would like to know when their order comes, and why not."
    async with Stage(greeting_mode="wait") as stage:
        stage.agent.receive(Say(call="c1", text=text, aside=True))
        await stage.until("speaking")
        await stage.seconds(1.0)
        stage.agent.receive(Say(call="c1", text="", aside=True, interrupt=True))
        assert stage.agent.quiet
        stage.agent.receive(Say(call="c1", text="Nobody is there."))
        await stage.until("speaking")
        await stage.until("listening")
        told, apology = heard(stage)
        assert told
        assert len(told) < len(text)
        assert apology == "Nobody is there."
