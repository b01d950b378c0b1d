"""The greeting is made while the phone rings, so that it is there when somebody answers."""

from gateway.agent.messages import Answered
from gateway.speech.remembered import Memory
from tests.agent.stage import AUTH, Clay, Stage

GREETING = "Good morning, this is Kim. How can I help you today?"
PIECES = ["Good morning, this is Kim. ", "How can I help you today?"]


async def test_the_voice_is_asked_while_it_rings_and_not_again() -> None:
    async with Stage(Clay(memory=Memory(1 << 24))) as stage:
        await stage.agent.close()
        stage.brief = stage.brief.model_copy(
            update={"greeting": "Good morning, this is {{ who }}. How can I help you today?"}
        )
        stage.start = stage.start.model_copy(update={"brief": stage.brief})
        stage.begin(ringing=True)
        await stage.beat(3)
        assert stage.clay.spoken == PIECES
        stage.agent.receive(Answered(call="c1"))
        await stage.settle()
        assert await stage.beat(2) == 2  # no beat is lost
        await stage.until("listening")
        assert stage.clay.spoken == PIECES
        assert stage.transcript("assistant") == [GREETING]


async def test_a_voice_that_remembers_nothing_is_asked_only_when_it_is_to_speak() -> None:
    async with Stage(greeting=GREETING) as stage:
        await stage.agent.close()
        stage.clay.spoken.clear()
        stage.begin(ringing=True)
        await stage.beat(3)
        assert stage.clay.spoken == []


async def test_a_voice_that_fails_while_it_rings_is_tried_again_when_it_is_to_speak() -> None:
    clay = Clay(memory=Memory(1 << 24))
    async with Stage(clay, greeting="") as stage:
        await stage.agent.close()
        brief = stage.brief.model_copy(update={"greeting": GREETING})
        stage.start = stage.start.model_copy(update={"brief": brief})
        clay.voice_errors = [AUTH]
        stage.begin(ringing=True)
        await stage.beat(3)
        assert clay.spoken == []
        stage.agent.receive(Answered(call="c1"))
        await stage.until("listening")
        assert stage.transcript("assistant") == [GREETING]
