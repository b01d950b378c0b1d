"""The caller makes a sound while the agent speaks: what is heard, and what stays of it."""

import asyncio

from gateway.agent.messages import Spoken
from tests.agent.stage import Stage, call, say

LONG = "This is a sentence that takes its time. And this is another one, no shorter than that."


async def speaking(stage: Stage, text: str = LONG, seconds: float = 1.0) -> None:
    """The caller has asked something, and the agent has been answering for ``seconds``."""
    await stage.until("listening")
    stage.clay.replies = [say(text), *stage.clay.replies]
    await stage.turn("Tell me.")
    await stage.until("speaking")
    await stage.seconds(seconds)
    assert stage.state == "speaking"


def last(stage: Stage) -> Spoken:
    return next(m for m in reversed(stage.of(Spoken)) if m.role == "assistant")


async def test_the_sound_stops_at_the_onset_and_is_dropped_by_an_interruption() -> None:
    async with Stage() as stage:
        await speaking(stage)
        taken = stage.media.column("taken")
        assert await stage.seconds(0.3, speech=True) == 0
        await stage.says("Stop", final=False)
        assert stage.state == "hearing"
        assert not stage.media.paused
        assert stage.media.column("drop_to") > taken
        assert await stage.seconds(0.5, speech=True) == 0
        assert last(stage).interrupted
        assert len(stage.happened("barge_in")) == 1


async def test_the_conversation_is_cut_to_the_words_that_were_heard() -> None:
    async with Stage() as stage:
        await speaking(stage, seconds=1.2)
        played = stage.media.column("taken")
        await stage.seconds(0.3, speech=True)
        await stage.says("Stop", final=False)
        heard = last(stage).text
        assert stage.conversation[-1] == ("assistant", heard)
        assert LONG.startswith(heard)
        assert LONG[len(heard)] == " "  # no word is broken
        assert 0 <= played // 3 - len(heard) < len("sentence")


async def test_the_interruption_is_answered_and_the_model_knows_what_was_heard() -> None:
    async with Stage(backoff_s=1.0) as stage:
        await speaking(stage)
        began = stage.now
        stage.clay.replies = [say("All right.")]
        await stage.turn("Wait, something else.")
        await stage.until("speaking")
        assert stage.now - began >= 1.0
        asked = stage.clay.asked[-1]
        assert [m.role for m in asked] == ["system", "user", "assistant", "user"]
        assert asked[2].content == last(stage).text
        assert asked[3].content == "Wait, something else."
        await stage.until("listening")
        assert stage.transcript("assistant")[-1] == "All right."


async def test_a_cough_is_nothing_and_every_frame_is_played() -> None:
    async with Stage() as stage:
        await speaking(stage)
        before = stage.media.column("taken")
        assert await stage.seconds(0.3, speech=True) == 0
        assert stage.state == "doubted"
        await stage.until("speaking", 2.0)
        await stage.until("listening")
        assert stage.media.column("skipped") == 0
        assert stage.media.column("taken") - before == len(LONG) * 3 - before
        assert stage.conversation[-1] == ("assistant", LONG)
        assert not last(stage).interrupted
        assert [m.facts["words"] for m in stage.happened("false_alarm")] == [""]


async def test_an_acknowledgement_is_in_the_transcript_but_not_for_the_model() -> None:
    async with Stage() as stage:
        await speaking(stage)
        await stage.seconds(0.4, speech=True)
        await stage.seconds(0.1)
        await stage.says("Uh-huh.")
        assert stage.state == "speaking"
        await stage.until("listening")
        assert stage.conversation[-1] == ("assistant", LONG)
        said = [m for m in stage.of(Spoken) if m.text == "Uh-huh."]
        assert said[0].extra == {"ignored": True}
        assert said[0].ended_at - said[0].began_at > 0.3
        assert len(stage.clay.asked) == 1


async def test_two_coughs_in_a_row_and_then_an_interruption() -> None:
    async with Stage() as stage:
        await speaking(stage, seconds=0.6)
        for _ in range(2):
            await stage.seconds(0.1, speech=True)
            await stage.seconds(0.3)
            assert stage.state == "speaking"
        assert stage.media.column("pauses") == 2
        await stage.turn("No, no.")
        assert stage.state == "waiting"
        assert len(stage.happened("false_alarm")) == 2
        assert len(stage.happened("barge_in")) == 1


async def test_an_interruption_of_the_answer_to_an_interruption() -> None:
    async with Stage(backoff_s=0.0) as stage:
        await speaking(stage)
        stage.clay.replies = [say(LONG), say("Fine.")]
        await stage.turn("Wait.")
        await stage.until("speaking")
        await stage.seconds(0.8)
        await stage.turn("No, wait again.")
        await stage.until("speaking")
        await stage.until("listening")
        roles = [role for role, _ in stage.conversation]
        assert roles == ["system", *["user", "assistant"] * 3]
        assert stage.conversation[-1] == ("assistant", "Fine.")
        assert not stage.media.paused


async def test_an_interruption_at_the_border_of_two_sentences() -> None:
    first = "This is a sentence that takes its time. "
    async with Stage() as stage:
        await speaking(stage, seconds=0.0)
        while stage.media.column("taken") < len(first) * 3:
            await stage.beat()
        await stage.turn("Stop.")
        assert last(stage).text == first.strip()


async def test_an_interruption_before_anything_was_heard_leaves_nothing() -> None:
    async with Stage() as stage:
        await stage.until("listening")
        stage.clay.replies = [say(LONG)]
        stage.clay.voice_waits = asyncio.Event()
        await stage.turn("Tell me.", 0.3)
        await stage.until("thinking")
        await stage.beat(2, speech=True)
        assert stage.conversation[-1] == ("assistant", LONG)
        await stage.says("everything", final=False)
        assert stage.state == "hearing"
        assert stage.conversation[-1] == ("user", "Tell me.")
        stage.clay.replies = [say("All of it.")]
        stage.clay.voice_waits = None
        await stage.beat()
        await stage.says("everything")
        await stage.until("speaking")
        assert stage.clay.asked[-1][-1].content == "Tell me. everything"
        assert stage.transcript("assistant") == []


async def test_half_a_sentence_that_was_thought_and_never_said_is_forgotten() -> None:
    async with Stage() as stage:
        await stage.until("listening")
        stage.clay.replies = [[*say("I would say"), asyncio.Event()], say("All of it.")]
        await stage.turn("Tell me.")
        await stage.until("thinking")
        assert stage.conversation[-1] == ("assistant", "I would say")
        await stage.turn("everything")
        assert stage.conversation[-1] == ("user", "Tell me.")
        await stage.until("speaking")
        assert stage.clay.asked[-1][-1].content == "Tell me. everything"


async def test_a_cough_while_the_model_thinks_only_delays_the_answer() -> None:
    thought = asyncio.Event()
    async with Stage() as stage:
        await stage.until("listening")
        stage.clay.replies = [[thought, *say("It is noon.")]]
        await stage.turn("What time is it?")
        await stage.until("thinking")
        await stage.beat(4, speech=True)
        assert stage.state == "hesitating"
        thought.set()
        await stage.beat(1, speech=True)
        assert stage.media.column("written") == 0
        await stage.until("speaking")
        await stage.until("listening")
        assert len(stage.clay.asked) == 1
        assert stage.clay.cancelled == 0
        assert ("caller_hesitated") in dict(stage.timings[-1].segments)


async def test_a_voice_without_words_while_thinking_does_not_lose_the_question() -> None:
    thought = asyncio.Event()
    async with Stage() as stage:
        await stage.until("listening")
        stage.clay.replies = [[thought], say("It is noon.")]
        await stage.turn("What time is it?")
        await stage.until("thinking")
        await stage.seconds(0.5, speech=True)
        assert stage.clay.cancelled == 1
        await stage.until("speaking")
        await stage.until("listening")
        assert stage.conversation[-2:] == [
            ("user", "What time is it?"),
            ("assistant", "It is noon."),
        ]


async def test_the_greeting_is_not_interrupted() -> None:
    async with Stage(greeting="Welcome to the company. How can I help you today?") as stage:
        await stage.seconds(0.5)
        assert await stage.seconds(1.0, speech=True) == 50
        await stage.says("Hello I need help")
        assert stage.state == "greeting"
        stage.clay.replies = [say("Sure.")]
        await stage.until("speaking")
        assert stage.conversation[1][1] == "Welcome to the company. How can I help you today?"
        assert stage.conversation[2] == ("user", "Hello I need help")


async def test_a_greeting_that_may_be_interrupted_is() -> None:
    greeting = "Welcome to the company. How can I help you today?"
    async with Stage(greeting=greeting, greeting_interruptible=True) as stage:
        await stage.seconds(0.8)
        await stage.turn("I need help")
        assert stage.state == "waiting"
        assert greeting.startswith(stage.conversation[1][1])
        assert len(stage.conversation[1][1]) < len(greeting)


async def test_a_key_interrupts_and_the_model_is_told_the_keys() -> None:
    async with Stage() as stage:
        await speaking(stage)
        stage.clay.replies = [say("Option twelve.")]
        for key in "12#":
            stage.media.press(key)
            await stage.beat(5)
        await stage.until("speaking")
        assert stage.clay.asked[-1][-1].content == "User's Keypad Entry: 12"
        assert len(stage.happened("barge_in")) == 1
        await stage.until("listening")
        assert "keypad_wait" not in dict(stage.timings[-1].segments)  # '#' ended it at once


async def test_an_interruption_cancels_the_model_and_the_voice() -> None:
    rest = asyncio.Event()
    async with Stage() as stage:
        await stage.until("listening")
        stage.clay.replies = [[*say(LONG + " "), rest, *say("Never said.")]]
        await stage.turn("Tell me.")
        await stage.until("speaking")
        await stage.seconds(0.5)
        await stage.turn("Stop.")
        assert stage.clay.cancelled == 1
        assert all("Never" not in text for text in stage.clay.spoken)


async def test_a_tools_result_that_comes_after_an_interruption_is_still_told() -> None:
    tool = {"kind": "function", "name": "look"}
    async with Stage(tools=(tool,)) as stage:
        stage.clay.replies = [say("Not yet.")]
        await stage.until("listening")
        stage.clay.replies = [[*say("Let me look that up for you now."), call("look")]]
        await stage.turn("Is it there?")
        await stage.until("speaking")
        await stage.seconds(0.5)
        stage.clay.replies = [say("Wait a moment.")]
        await stage.turn("Hurry up.")
        await stage.result("t1", "It is there.")
        stage.clay.replies = [say("Yes, it is there.")]
        await stage.until("speaking")
        roles = [m.role for m in stage.clay.asked[-1]]
        assert roles == ["system", "user", "assistant", "tool", "user"]
        assert stage.clay.asked[-1][3].content == "It is there."


async def test_a_second_sentence_is_asked_of_the_voice_while_the_first_plays() -> None:
    async with Stage() as stage:
        await speaking(stage, seconds=0.1)
        assert len(stage.clay.spoken) == 2
