"""A vendor refuses, stalls or drops: it is tried again, then the caller is told."""

import asyncio

import pytest

from gateway.agent.brief import Choice
from gateway.agent.phrases import phrases
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Finished, Said
from tests.agent.stage import AUTH, THEIRS, Clay, Stage, call, say

SORRY, GOODBYE = phrases("en").sorry, phrases("en").goodbye


async def listening(stage: Stage) -> None:
    await stage.until("listening")


async def test_a_model_that_fails_at_first_is_asked_again_unnoticed() -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.clay.replies = [[THEIRS], [THEIRS], say("It is noon.")]
        await stage.turn("What time is it?")
        await stage.until("speaking", 3.0)
        await listening(stage)
        assert stage.transcript("assistant") == ["It is noon."]
        assert [m.facts["after_s"] for m in stage.happened("retry")] == [0.2, 0.8]
        assert stage.hang_ups == []


async def test_a_model_that_keeps_failing_is_apologised_for_and_the_call_goes_on() -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.clay.replies = [[THEIRS]] * 3
        await stage.turn("What time is it?")
        await stage.until("speaking", 4.0)
        await listening(stage)
        assert stage.transcript("assistant") == [SORRY]
        stage.clay.replies = [say("It is noon.")]
        await stage.turn("What time is it?")
        await stage.until("speaking")
        await listening(stage)
        assert stage.transcript("assistant")[-1] == "It is noon."
        assert stage.hang_ups == []


async def test_a_model_that_fails_two_turns_running_ends_the_call() -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.clay.replies = [[THEIRS]] * 6
        for _ in range(2):
            await stage.turn("What time is it?")
            await stage.until("thinking")
            await stage.seconds(10)
        await stage.until("ended")
        assert stage.transcript("assistant") == [SORRY, GOODBYE]
        assert stage.hang_ups == ["pipeline-error-clay-llm-failed"]


async def test_a_wrong_key_is_not_tried_again() -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.clay.replies = [[AUTH]]
        await stage.turn("What time is it?")
        await stage.until("ended")
        assert len(stage.clay.asked) == 1
        assert stage.transcript("assistant") == [GOODBYE]
        assert stage.hang_ups == ["pipeline-error-clay-llm-failed"]
        assert stage.happened("vendor_error")[0].facts["fault"] == "auth"


async def test_a_model_that_keeps_dropping_in_mid_sentence_is_apologised_for() -> None:
    async with Stage() as stage:
        await listening(stage)
        gone = asyncio.Event()
        text = "The first sentence is complete. The second "
        stage.clay.replies = [[*say(text), gone, THEIRS], [THEIRS], [THEIRS]]
        await stage.turn("Tell me.")
        await stage.until("speaking")
        await stage.seconds(1.0)
        gone.set()
        await stage.settle()
        await stage.until("listening")
        said = stage.transcript("assistant")
        assert said[1] == SORRY
        assert text.startswith(said[0])
        assert stage.hang_ups == []


async def test_a_model_that_stalls_counts_as_failed() -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.clay.replies = [[asyncio.Event()], say("It is noon.")]
        await stage.turn("What time is it?")
        await stage.until("thinking")
        taken = await stage.until("speaking")
        assert 3.0 <= taken < 4.0
        assert stage.clay.cancelled == 1
        assert stage.happened("retry")[0].facts["detail"] == "no token within 3 s"


async def test_a_slip_in_a_vendors_dialect_is_that_vendors_failure() -> None:
    async with Stage() as stage:
        await listening(stage)
        error = KeyError("choices")
        stage.clay.replies = [[error], say("It is noon.")]
        await stage.turn("What time is it?")
        await stage.until("speaking", 3.0)
        assert "KeyError" in stage.happened("retry")[0].facts["detail"]


async def test_a_voice_that_fails_at_first_is_tried_again() -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.clay.voice_errors = [THEIRS]
        stage.clay.replies = [say("It is noon.")]
        await stage.turn("What time is it?")
        await stage.until("speaking")
        await listening(stage)
        assert stage.transcript("assistant") == ["It is noon."]


async def test_a_voice_that_drops_in_mid_sentence_goes_on_where_it_was() -> None:
    text = "A sentence of some length."
    async with Stage() as stage:
        await listening(stage)
        stage.clay.voice_breaks_after = 7777 * 2
        stage.clay.replies = [say(text)]
        await stage.turn("Tell me.")
        await stage.until("speaking")
        await listening(stage)
        assert stage.media.column("taken") == len(text) * 3  # not a frame twice
        assert stage.transcript("assistant") == [text]


async def test_a_voice_that_is_dead_is_excused_by_another_and_the_call_ends() -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.clay.voice_errors = [AUTH]
        stage.clay.replies = [say("It is noon.")]
        await stage.turn("What time is it?")
        await stage.until("ended")
        assert stage.transcript("assistant") == [GOODBYE]
        assert stage.hang_ups == ["pipeline-error-clay-voice-failed"]


async def test_a_dead_voice_with_no_other_ends_the_call_in_silence() -> None:
    clay = Clay(spare=False, voice_errors=[AUTH, AUTH])
    async with Stage(clay, greeting="Hello.") as stage:
        await stage.until("ended")
        assert stage.hang_ups == ["pipeline-error-clay-voice-failed"]


async def test_a_voice_that_stalls_is_tried_again_and_then_given_up() -> None:
    async with Stage(Clay(voice_stalls=True), greeting="Hello.") as stage:
        taken = await stage.until("ending")
        assert 9.0 <= taken < 11.0  # three attempts of 3 s
        await stage.until("ended")
        assert stage.hang_ups == ["pipeline-error-clay-voice-failed"]


async def test_a_dropped_hearing_is_opened_again_and_given_what_it_missed() -> None:
    async with Stage() as stage:
        await listening(stage)
        await stage.seconds(1.0)
        await stage.seconds(0.5, speech=True)
        stage.clay.hearings[0].queue.put_nowait(THEIRS)
        await stage.settle()
        await stage.seconds(0.5, speech=True)
        assert len(stage.clay.hearings) == 2
        again = stage.clay.hearings[1]
        assert again.frames >= 50  # all the speech, and a little before
        assert again.hints == ["onset"]
        assert "hearing" in stage.clay.closed
        stage.clay.replies = [say("It is noon.")]
        await stage.turn("What time is it?")
        await stage.until("speaking")
        assert stage.hang_ups == []


async def test_a_hearing_that_cannot_be_had_any_more_ends_the_call() -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.clay.hearing_errors = [THEIRS] * 20
        stage.clay.hearings[0].queue.put_nowait(THEIRS)
        await stage.until("ended", 30.0)
        assert stage.transcript("assistant") == [GOODBYE]
        assert stage.hang_ups == ["pipeline-error-clay-transcriber-failed"]


async def test_a_hearing_without_a_key_ends_the_call_at_once() -> None:
    async with Stage(Clay(hearing_errors=[AUTH])) as stage:
        await stage.until("ended")
        assert stage.hang_ups == ["pipeline-error-clay-transcriber-failed"]


@pytest.mark.parametrize("fault", [Fault.OVERLOAD, Fault.THEIRS])
async def test_a_vendor_that_says_when_is_asked_then(fault: Fault) -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.clay.replies = [[VendorError("clay", fault, "busy", 1.5)], say("It is noon.")]
        await stage.turn("What time is it?")
        await stage.until("thinking")
        assert 1.5 <= await stage.until("speaking") < 2.0


async def test_vendors_that_do_not_open_or_close_cleanly_end_no_call() -> None:
    async def slip() -> None:
        raise RuntimeError("a slip in an SDK")

    clay = Clay()
    thinking, speaking = clay.thinking, clay.speaking
    clay.thinking = lambda start, choice: spoilt(thinking(start, choice), slip)
    clay.speaking = lambda start, choice: spoilt(speaking(start, choice), slip)
    async with Stage(clay, greeting="Hello.") as stage:
        await listening(stage)
        assert stage.transcript() == ["Hello."]
        assert stage.hang_ups == []


def spoilt(vendor: object, slip: object) -> object:
    vendor.open = vendor.close = slip
    return vendor


async def test_a_slip_of_our_own_ends_this_call_and_says_so() -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.agent._caller = None  # type: ignore[assignment]
        await stage.beat(3)
        assert stage.state == "ended"
        assert stage.hang_ups == ["call.in-progress.error-vapifault-worker-died"]


async def test_a_model_that_calls_tools_in_circles_is_stopped() -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.clay.replies = [[call("nothing")] for _ in range(30)]
        await stage.turn("Go.")
        await stage.until("speaking")
        assert len(stage.clay.asked) == 10


async def test_a_reply_without_a_word_leaves_the_caller_the_turn() -> None:
    async with Stage() as stage:
        await listening(stage)
        stage.clay.replies = [[Said(""), Finished("stop")]]
        await stage.turn("Hm.")
        await stage.until("waiting")
        await listening(stage)
        assert len(stage.clay.asked) == 1
        assert stage.conversation[-1] == ("user", "Hm.")


SPARE = (Choice(vendor="other"),)


async def test_a_hearing_that_dies_is_replaced_within_the_turn_and_given_what_was_said() -> None:
    async with Stage(hearing_substitutes=SPARE) as stage:
        await listening(stage)
        await stage.seconds(0.8, speech=True)
        await stage.seconds(0.1)  # the caller has finished; no words have come yet
        stage.clay.hearings[0].queue.put_nowait(THEIRS)
        await stage.settle()
        await stage.beat()
        other = stage.clay.hearings[1]
        assert (other.vendor, other.hints) == ("other", ["onset", "offset"])
        assert other.frames >= 40
        (happened,) = stage.happened("substituted")
        assert (happened.facts["vendor"], happened.facts["by"]) == ("clay", "other")
        stage.clay.replies = [say("It is noon.")]
        await stage.says("What time is it?")
        await stage.until("speaking")
        assert stage.transcript("user") == ["What time is it?"]
        assert stage.hang_ups == []


async def test_only_if_no_hearing_is_left_does_the_call_end_with_an_apology() -> None:
    async with Stage(Clay(hearing_errors=[AUTH, AUTH]), hearing_substitutes=SPARE) as stage:
        await stage.until("ended")
        assert stage.transcript("assistant") == [GOODBYE]
        assert stage.hang_ups == ["pipeline-error-clay-transcriber-failed"]


async def test_long_speech_without_words_is_kept_whole_for_the_next() -> None:
    async with Stage(hearing_substitutes=SPARE) as stage:
        await listening(stage)
        await stage.seconds(3.0, speech=True)
        await stage.seconds(3.0)  # and the words are late
        stage.clay.hearings[0].queue.put_nowait(THEIRS)
        await stage.settle()
        await stage.beat()
        assert stage.clay.hearings[1].frames >= 150
