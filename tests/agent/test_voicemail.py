"""A machine answers: the greeting stops, the beep is waited for, the message is left; or a person
picks up after all."""

from typing import Any

import numpy as np

from gateway.agent.answering import FETCH, PERSON, PLAY
from gateway.agent.messages import Action
from gateway.media.lines import BEAT_S, FRAME, RATE, RING
from tests.agent.stage import Stage, call, say

GREETING = "Hello, this is Kim. I am calling about the book that you have ordered."
MESSAGE = "Please call Kim."
TOOL = {"kind": "voicemail", "name": "voicemail"}


def stage(**brief: Any) -> Stage:
    plan = {"message": MESSAGE, **brief.pop("plan", {})}
    return Stage(**{"greeting": GREETING, "voicemail": plan, **brief})


async def beeps(stage: Stage, seconds: float = 0.4, hz: float = 1000.0) -> None:
    t = np.arange(round(seconds / BEAT_S) * FRAME) / RATE
    frames = (6000 * np.sin(2 * np.pi * hz * t)).astype(np.int16).reshape(-1, FRAME)
    for frame in frames:
        stage.now += BEAT_S
        stage.media.beat(stage.now)
        at = stage.media.column("beat") - 1
        stage.media.lines["heard"][stage.media.row, at % RING] = frame
        stage.agent.beat(stage.now)
        await stage.settle()


async def machine(stage: Stage) -> None:
    """It greets us, and the transcriber knows what it is."""
    await stage.seconds(2.0, speech=True)
    await stage.says("You have reached the voicemail of Bob.", final=True)
    await stage.seconds(0.2, speech=True)
    assert stage.state == "machine"


async def test_the_message_is_left_after_the_beep() -> None:
    async with stage() as on:
        await machine(on)
        (found,) = on.happened("voicemail_detected")
        assert (found.facts["who"], found.facts["why"]) == ("machine", "mailbox")
        assert len(on.transcript("assistant")[0]) < len(GREETING), "the greeting was cut off"
        await on.seconds(2, speech=True)
        await on.seconds(0.5)
        await beeps(on)
        assert on.state == "machine"
        await on.until("leaving", 0.5)
        await on.until("ended")
        assert on.transcript("assistant")[-1] == MESSAGE
        assert on.hang_ups == ["voicemail"]
        assert on.happened("voicemail_message")[0].facts["beep"] is True
        assert on.transcript("user") == ["You have reached the voicemail of Bob."]
        assert on.clay.asked == [], "the model has nothing to say to a machine"


async def test_a_beep_alone_tells() -> None:
    async with stage() as on:
        await on.seconds(3.0, speech=True)
        await on.seconds(0.4)
        await beeps(on)
        await on.until("leaving", 1.0)


async def test_without_a_message_the_call_ends_at_once() -> None:
    async with stage(plan={"message": ""}) as on:
        await on.seconds(2.0, speech=True)
        await on.says("Please leave a message after the tone.")
        await on.beat(2)
        assert (on.state, on.hang_ups) == ("ended", ["voicemail"])


async def test_a_beep_that_never_comes_is_waited_for_until_the_limit() -> None:
    async with stage(plan={"beep_wait_s": 12.0}) as on:
        began = on.now
        await machine(on)
        await on.until("leaving")
        assert abs(on.now - began - 12.0) < 0.1
        await on.until("ended")
        assert on.happened("voicemail_message")[0].facts["beep"] is False


async def test_a_silence_does_as_well_if_the_plan_says_so() -> None:
    async with stage(plan={"silence_s": 3.0}) as on:
        await machine(on)
        await on.seconds(2.5)
        assert on.state == "machine"
        await on.until("leaving", 1.0)


async def test_a_late_beep_begins_the_message_anew() -> None:
    async with stage(plan={"beep_wait_s": 5.0}) as on:
        await machine(on)
        await on.until("leaving")
        await beeps(on)
        await on.until("machine", 1.0)
        await on.until("leaving", 1.0)
        await on.until("ended")
        assert on.transcript("assistant")[-1] == MESSAGE


async def test_a_machine_that_goes_on_had_not_finished() -> None:
    async with stage(plan={"beep_wait_s": 5.0}) as on:
        await machine(on)
        await on.until("leaving")
        await on.seconds(0.4, speech=True)
        await on.says("To page this person, press one.")
        await on.until("machine", 1.0)


async def test_a_person_who_picks_up_gets_the_conversation() -> None:
    async with stage() as on:
        on.clay.replies = [say("Hello, Bob.")]
        await machine(on)
        await on.seconds(1.5)
        await on.seconds(0.5, speech=True)
        await on.says("Hello, this is Bob.")
        await on.until("speaking", 4.0)
        await on.until("listening")
        roles = [text for role, text in on.conversation if role in ("user", "system")]
        assert roles[-2:] == [PERSON, "Hello, this is Bob."]
        assert on.happened("person_picked_up")
        assert on.hang_ups == []


async def test_a_person_who_picks_up_stops_the_message() -> None:
    async with stage(plan={"beep_wait_s": 4.0, "message": 40 * "Please call. "}) as on:
        on.clay.replies = [say("Hello, Bob.")]
        await machine(on)
        await on.until("leaving")
        await on.seconds(1.0)
        await on.seconds(0.5, speech=True)
        await on.says("Hello, I am here.")
        await on.until("speaking", 4.0)


async def test_a_person_notices_nothing() -> None:
    async with stage(greeting="Hello.") as on:
        on.clay.replies = [say("I am well."), say("Good.")]
        await on.seconds(0.4, speech=True)
        await on.until("listening")
        await on.turn("How are you?")
        await on.until("listening")
        await on.turn("Fine. He is not available right now, by the way.", 3.0)
        await on.until("listening")
        assert on.happened("voicemail_detected") == []


async def test_what_is_said_in_the_window_s_wake_is_nobody_s_business() -> None:
    async with stage(greeting="Hello.") as on:
        await on.seconds(0.4, speech=True)
        await on.until("listening")
        await on.seconds(29)
        await on.says("Leave a message after the tone.")
        await on.beat(5)
        assert on.happened("voicemail_detected") == []


async def test_a_menu_is_left_to_an_agent_that_can_press_keys() -> None:
    for tools in ((), ({"kind": "dtmf", "name": "dtmf"},)):
        async with stage(tools=tools) as on:
            await on.seconds(2, speech=True)
            await on.says("For sales, press one.", final=False)
            await on.beat(2)
            assert bool(on.happened("voicemail_detected")) is not bool(tools)
            assert bool(on.happened("menu_answered")) is bool(tools)


async def test_a_fax_gets_no_message() -> None:
    async with stage() as on:
        await beeps(on, 1.5, 2100.0)
        assert on.hang_ups == ["voicemail"]
        assert on.happened("voicemail_detected")[0].facts["who"] == "fax"


async def test_a_model_judges_the_words() -> None:
    plan = {"by": "transcript", "first_check_s": 3.0, "every_s": 3.0}
    async with stage(plan=plan) as on:
        on.clay.replies = [say("unsure"), say("MACHINE")]
        await on.seconds(2.5, speech=True)
        await on.says("Bob and Ann are on the beach. Leave a message.", final=False)
        await on.seconds(2, speech=True)
        assert on.state != "machine", "only the model decides"
        await on.seconds(2, speech=True)
        assert on.state == "machine"
        assert "on the beach" in on.clay.asked[0][-1].content
        assert on.happened("voicemail_detected")[0].facts["why"] == "model"


async def test_the_model_decides_to_leave_a_message() -> None:
    start = {"at": "start", "content": "It is about your book."}
    for messages, said in (((start,), "It is about your book."), ((), MESSAGE)):
        tool = {**TOOL, "messages": messages}
        async with Stage(tools=(tool,), voicemail_message=MESSAGE) as on:
            on.clay.replies = [[call("voicemail")]]
            await on.until("listening")
            await on.turn("You have reached Bob.")
            await on.until("ended")
            assert on.transcript("assistant") == [said]
            assert on.hang_ups == ["voicemail"]
            assert "A message is left" in on.transcript("tool_result")[0]


async def test_with_no_message_at_all_the_tool_hangs_up() -> None:
    async with Stage(tools=(TOOL,)) as on:
        on.clay.replies = [[call("voicemail")]]
        await on.until("listening")
        await on.turn("You have reached Bob.")
        await on.until("ended")
        assert (on.transcript("assistant"), on.hang_ups) == ([], ["voicemail"])


async def test_the_tool_may_wait_for_the_beep() -> None:
    tool = {**TOOL, "written": {"beepDetectionEnabled": True}}
    async with Stage(tools=(tool,), voicemail_message=MESSAGE) as on:
        on.clay.replies = [[call("voicemail")]]
        await on.until("listening")
        await on.turn("You have reached Bob.")
        await on.until("machine")
        await on.seconds(1)
        assert on.state == "machine"
        await beeps(on)
        await on.until("leaving", 1.0)
        await on.until("ended")


async def test_a_file_is_fetched_early_and_played_by_main() -> None:
    url = "https://example.org/message.mp3"
    async with stage(plan={"message": url}) as on:
        await machine(on)
        assert [a.action for a in on.of(Action)] == [FETCH]
        await on.seconds(0.5)
        await beeps(on)
        await on.until("leaving", 1.0)
        await on.seconds(2)
        assert on.of(Action)[-1].action == PLAY
        assert on.of(Action)[-1].arguments == {"url": url}
        assert on.state == "leaving", "until it has been played"
        await on.result(PLAY, "played")
        assert on.hang_ups == ["voicemail"]


async def test_a_file_that_cannot_be_had_ends_the_call() -> None:
    async with stage(plan={"message": "https://example.org/message.mp3"}) as on:
        await machine(on)
        await beeps(on)
        await on.until("leaving", 1.0)
        await on.result(PLAY, "there is no such file", ok=False)
        assert on.hang_ups == ["voicemail"]
        assert on.happened("voicemail_sound_failed")[0].facts["why"] == "there is no such file"
