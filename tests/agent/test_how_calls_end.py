"""Silence, the longest duration, the last words; and what main asks for."""

import asyncio

from gateway.agent.messages import Answered, Say, TurnTimings
from tests.agent.stage import Stage, call, say

SILENCE = {
    "on": "silence",
    "after_s": 5.0,
    "most": 1,
    "do": ({"do": "say", "texts": ("Are you there, {{ who }}?",)},),
}


async def test_silence_is_reminded_of_and_then_ends_the_call() -> None:
    async with Stage(
        hooks=(SILENCE,),
        silence_timeout_s=12.0,
        end_message="Goodbye.",
    ) as stage:
        await stage.until("ended")
        assert stage.transcript() == ["Are you there, Kim?", "Goodbye."]
        assert stage.hang_ups == ["silence-timed-out"]


async def test_speech_of_either_side_breaks_the_silence() -> None:
    async with Stage(silence_timeout_s=5.0) as stage:
        for _ in range(4):
            await stage.seconds(3)
            stage.clay.replies = [say("Yes.")]
            await stage.turn("Hello?")
            await stage.until("speaking")
        assert stage.hang_ups == []


async def test_the_longest_duration() -> None:
    async with Stage(max_duration_s=10.0, end_message="Time is up.") as stage:
        await stage.seconds(8)
        stage.clay.replies = [say("A very long answer that goes on and on, and then on again.")]
        await stage.turn("Tell me.")
        await stage.until("ended")
        assert stage.hang_ups == ["exceeded-max-duration"]
        assert stage.transcript("assistant")[-1] == "Time is up."


async def test_an_end_phrase_ends_the_call_after_it_was_played() -> None:
    async with Stage(end_phrases=("good bye",), end_message="Not said.") as stage:
        await stage.until("listening")
        stage.clay.replies = [say("All done. Good bye!")]
        await stage.turn("Thanks.")
        await stage.until("ended")
        assert stage.media.column("taken") == len("All done. Good bye!") * 3
        assert stage.hang_ups == ["assistant-said-end-call-phrase"]
        assert stage.transcript("assistant") == ["All done. Good bye!"]


async def test_an_interrupted_goodbye_does_not_end_the_call() -> None:
    async with Stage(end_phrases=("good bye",)) as stage:
        await stage.until("listening")
        stage.clay.replies = [say("All is done now. Good bye!")]
        await stage.turn("Thanks.")
        await stage.until("speaking")
        await stage.seconds(0.5)
        stage.clay.replies = [say("Of course.")]
        await stage.turn("Wait, one more thing.")
        await stage.until("speaking")
        await stage.until("listening")
        assert stage.hang_ups == []


async def test_the_model_ends_the_call_with_its_tool() -> None:
    tool = {"kind": "endCall", "name": "endCall"}
    async with Stage(tools=(tool,), end_message="Thank you, {{ who }}.") as stage:
        await stage.until("listening")
        stage.clay.replies = [[*say("Very well."), call("endCall")]]
        await stage.turn("Hang up.")
        await stage.until("ended")
        assert stage.transcript("assistant") == ["Very well.", "Thank you, Kim."]
        assert stage.hang_ups == ["assistant-ended-call"]
        assert len(stage.clay.asked) == 1


async def test_main_has_something_said_and_the_call_goes_on() -> None:
    async with Stage() as stage:
        await stage.until("listening")
        stage.agent.receive(Say(call="c1", text="A message for you."))
        await stage.until("listening")
        assert stage.transcript() == ["A message for you."]
        stage.agent.receive(Say(call="c1", text="And good night.", then_end=True))
        await stage.until("ended")
        assert stage.transcript()[-1] == "And good night."
        assert stage.hang_ups == ["assistant-ended-call"]


async def test_what_main_has_said_does_not_lose_the_answer_in_progress() -> None:
    async with Stage() as stage:
        await stage.until("listening")
        stage.clay.replies = [say("The answer is a long one, as you can hear.")]
        await stage.turn("Tell me.")
        await stage.until("speaking")
        stage.agent.receive(Say(call="c1", text="One minute left."))
        await stage.until("listening")
        assert stage.transcript("assistant") == [
            "The answer is a long one, as you can hear. One minute left."
        ]
        assert [role for role, _ in stage.conversation] == [
            "system",
            "user",
            "assistant",
            "assistant",
        ]


async def test_nothing_happens_before_the_phone_is_answered() -> None:
    async with Stage(greeting="Hello.", max_duration_s=100) as stage:
        pass
    async with Stage(greeting="Hello.", max_duration_s=100) as stage:
        await stage.agent.close()
        stage.begin(ringing=True)
        assert await stage.seconds(5, speech=True) == 0
        assert stage.state == "ringing"
        assert stage.clay.hearings[-1].hints == []
        stage.agent.receive(Answered(call="c1"))
        await stage.settle()
        assert stage.state == "greeting"
        await stage.until("listening")
        assert stage.transcript() == ["Hello."]


async def test_a_greeting_that_waits_and_one_that_the_model_makes() -> None:
    async with Stage(greeting="Hello.", greeting_mode="wait") as stage:
        assert stage.state == "listening"
        assert await stage.seconds(1) == 0
    async with Stage(greeting_mode="generate") as stage:
        assert [m.role for m in stage.clay.asked[0]] == ["system"]
        assert stage.of(TurnTimings) == []


async def test_the_dialogues_expectations_reach_the_transcriber() -> None:
    async with Stage() as stage:
        stage.clay.expects = ["yes", "no"]
        stage.clay.replies = [say("Yes or no?")]
        await stage.turn("Ask me.")
        await stage.until("speaking")
        assert stage.clay.hearings[0].expected == ("yes", "no")
        await stage.until("listening")
        stage.clay.replies = [say("Sorry, I did not catch that.")]
        await stage.turn("")
        await stage.until("speaking")
        assert stage.clay.asked[-1][-1].content == ""


async def test_what_was_being_said_when_the_caller_hung_up_is_in_the_transcript() -> None:
    async with Stage(greeting="Hello, this is a long greeting.") as stage:
        await stage.seconds(1.0)
        await stage.agent.close()
        (greeting,) = stage.transcript()
        assert "Hello, this is a long greeting.".startswith(greeting)
        assert greeting.startswith("Hello, this")
    async with Stage() as stage:
        await stage.seconds(0.5, speech=True)
        await stage.says("I hang up now", final=False)
        await stage.agent.close()
        assert stage.transcript() == ["I hang up now"]


async def test_the_row_is_silent_when_the_agent_has_let_go() -> None:
    async with Stage(greeting="Hello, this is a long greeting.") as stage:
        await stage.seconds(0.5)
        await stage.agent.close()
        assert not sum(stage.media.beat(stage.now) for _ in range(50))
        assert set(stage.clay.closed) == {"hearing", "thinking", "clay"}


async def test_a_vendor_that_is_not_done_with_its_farewell_does_not_keep_the_others() -> None:
    async with Stage() as stage:
        await stage.beat()
        (hearing,) = stage.clay.hearings
        farewell = asyncio.Event()
        hearing.close = farewell.wait
        closing = asyncio.create_task(stage.agent.close())
        await stage.settle()
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        assert set(stage.clay.closed) == {"thinking", "clay"}
        farewell.set()
        await stage.settle()
