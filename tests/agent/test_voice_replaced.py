"""A voice that fails or stalls is replaced within the turn, from the words not yet spoken."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.agent.brief import Brief, Choice
from gateway.agent.messages import Start, TurnTimings, Used
from gateway.agent.phrases import phrases
from gateway.agent.reply import BYTES_PER_S, Piece
from gateway.agent.vendors import Catalog
from gateway.agent.voice import Speaker, Voice
from gateway.errors import VendorError
from gateway.speech import catalog
from gateway.speech.contract import Mark
from gateway.speech.settings import VendorSettings
from tests.agent.stage import AUTH, FRAMES_A_CHARACTER, Clay, Stage, say
from tests.simulators.sound import spoken_s
from tests.simulators.voice_wire import VoiceSimulator
from tests.simulators.wire import Trouble

OTHER = (Choice(vendor="other"),)
TEXT = "The train leaves at ten from platform four."


async def test_a_dead_voice_is_replaced_at_once_and_for_the_rest_of_the_call() -> None:
    async with Stage(Clay(dead_voices=["clay"]), speaking_substitutes=OTHER) as stage:
        for question in ("What time is it?", "And now?"):
            await stage.until("listening")
            stage.clay.replies = [say("It is noon.")]
            await stage.turn(question)
            await stage.until("speaking")
        await stage.until("listening")
        assert stage.transcript("assistant") == ["It is noon.", "It is noon."]
        assert [(m.facts["vendor"], m.facts["by"]) for m in stage.happened("substituted")] == [
            ("clay", "other")
        ]
        assert stage.hang_ups == []


async def test_of_equal_voices_the_quickest_speaks() -> None:
    for fastest, vendor in ((True, "other"), (False, "clay")):
        async with Stage(
            Clay(slow=("clay",)), speaking_substitutes=OTHER, fastest_voice_first=fastest
        ) as stage:
            await stage.until("listening")
            stage.clay.replies = [say("It is noon.")]
            await stage.turn("What time is it?")
            await stage.until("listening")
            assert stage.of(TurnTimings)[-1].vendors["speaking"] == vendor


def test_voices_and_models_of_a_vendor_are_timed_apart() -> None:
    known = Catalog({}, lambda used: None, lambda: 10.0)
    slow, quick = Choice(vendor="openai", model="slow"), Choice(vendor="openai", model="quick")
    for choice, first_at in ((slow, 2.0), (quick, 1.2)):
        facts = {"call": "c", "vendor": "openai", "model": choice.model, "began_at": 1.0}
        known._used(Used(part="speaking", ended_at=3.0, first_at=first_at, **facts))
    assert known.by_speed([slow, quick], "speaking") == [quick, slow]
    assert known.by_speed([slow, quick]) == [slow, quick]


async def test_one_that_breaks_off_is_followed_by_the_words_not_yet_spoken() -> None:
    async with Stage(speaking_substitutes=OTHER) as stage:
        await stage.until("listening")
        stage.clay.voice_breaks_after = int(1.2 * BYTES_PER_S)  # some 18 characters
        stage.clay.replies = [say(TEXT)]
        await stage.turn("When?")
        await stage.until("speaking")
        await stage.until("listening")
        rest = "at ten from platform four."
        assert stage.clay.spoken == [TEXT, rest]
        assert stage.media.column("taken") == 60 + len(rest) * FRAMES_A_CHARACTER
        assert stage.transcript("assistant") == [TEXT]


async def test_one_that_stalls_is_left_sooner_than_if_it_were_alone() -> None:
    clay = Clay(voice_stalls=True, patience_s=10.0)
    async with Stage(clay, speaking_substitutes=OTHER, greeting="Hello.") as stage:
        taken = await stage.until("listening")
        assert 3.0 <= taken < 4.0
        assert stage.transcript("assistant") == ["Hello."]


async def test_one_that_cannot_be_had_is_left_out() -> None:
    clay, gone = Clay(unfit=["gone"]), Choice(vendor="gone")
    async with Stage(clay, speaking=gone, speaking_substitutes=OTHER, greeting="Hello.") as stage:
        await stage.until("listening")
        assert stage.transcript("assistant") == ["Hello."]
        assert stage.happened("substituted") == []


async def test_only_if_none_is_left_the_spare_voice_apologises_and_the_call_ends() -> None:
    clay = Clay(dead_voices=["clay", "other"])
    async with Stage(clay, speaking_substitutes=OTHER, greeting="Hello.") as stage:
        await stage.until("ended")
        assert stage.transcript("assistant") == [phrases("en").goodbye]
        assert stage.hang_ups == ["pipeline-error-other-voice-failed"]


async def test_the_spare_voice_apologises_also_if_another_failure_came_first() -> None:
    """Nobody has a key: the ear fails first, and what is said about that has no voice either."""
    clay = Clay(dead_voices=["clay"])
    async with Stage(clay) as stage:
        await stage.until("listening")
        clay.hearings[0].queue.put_nowait(AUTH)
        await stage.until("ended")
        assert stage.transcript("assistant") == [phrases("en").goodbye]
        assert stage.hang_ups == ["pipeline-error-clay-transcriber-failed"]


def test_what_was_heard_is_read_off_the_marks() -> None:
    piece = Piece("One two three")
    piece.mark(Mark(3 / 11, 0.5), 0, 0)
    piece.mark(Mark(6 / 11, 0.8), 0, 0)
    piece.mark(Mark(1.0, 2.0), 0, 0)
    piece.sound(bytes(int(2.1 * BYTES_PER_S)))
    piece.start, piece.written = 100, 105
    piece.end()
    assert [piece.heard(100 + n) for n in (0, 24, 25, 39, 40, 99, 100)] == [
        "", "", "One", "One", "One two", "One two", "One two three",
    ]  # fmt: skip


def test_sound_of_half_a_word_is_dropped_when_another_voice_takes_over() -> None:
    piece = Piece("One two three")
    piece.mark(Mark(3 / 11, 0.5), 0, 0)
    piece.mark(Mark(6 / 11, 0.8), 0, 0)
    piece.sound(bytes(int(0.7 * BYTES_PER_S)))
    assert piece.leave() == 3
    assert piece.received == int(0.5 * BYTES_PER_S)
    piece.mark(Mark(1.0, 1.0), 3, piece.received)
    assert piece.marks == [(0.5, 3), (1.5, 13)]


@dataclass
class Owner:
    piece: Piece
    told: list[tuple[str, str]] = field(default_factory=list)
    whole: asyncio.Event = field(default_factory=asyncio.Event)

    def voiced(self, piece: Piece) -> None:
        if piece.whole:
            self.whole.set()

    def voice_failed(self, error: VendorError) -> None:
        self.told.append(("failed", error.vendor))
        self.whole.set()

    def retrying(self, error: VendorError, after_s: float) -> None:
        self.told.append(("retrying", error.vendor))

    def substituted(self, error: VendorError, by: str) -> None:
        self.told.append((error.vendor, by))


@pytest.mark.parametrize("trouble", ["refuse", "cut", "half", "stall", "nonsense", "end"])
@pytest.mark.parametrize("after", [0, 4])
async def test_over_the_wire_not_a_word_is_lost_or_said_twice(
    trouble: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.agent.voice.SUBSTITUTE_S", 60.0)  # the machine may be slow
    bad = Trouble(trouble, after, status=503)  # type: ignore[arg-type]
    async with (
        VoiceSimulator(vendor="cartesia", trouble=bad) as first,
        VoiceSimulator(vendor="11labs") as second,
    ):
        places = (first, second)
        choices = [Choice(vendor=place.vendor) for place in places]
        settings = {
            place.vendor: VendorSettings(
                base_url=place.base_url, api_key=SecretStr("k"), timeout_s=patience_s
            )
            for place, patience_s in ((first, 2.0 if trouble == "stall" else 60.0), (second, 60.0))
        }
        used: list[Used] = []
        vendors = Catalog(settings, used.append, time.monotonic)
        start = Start(
            call="c1",
            row=1,
            brief=Brief(hearing=choices[0], thinking=choices[0], speaking=choices[0]),
        )
        tasks: list[asyncio.Task[None]] = []

        def spawn(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
            tasks.append(asyncio.create_task(work))
            return tasks[-1]

        speakers = [Speaker(vendors.speaking(start, choice), 60.0) for choice in choices]
        piece = Piece(TEXT)
        owner = Owner(piece)
        voice = Voice(speakers, spawn, time.monotonic, owner)
        voice.open()
        voice.say(piece, time.monotonic())
        await _until(owner.whole.is_set, voice)
        assert owner.told == [("cartesia", "11labs")]
        (asked,) = second.said
        assert TEXT.endswith(asked)
        if trouble not in ("refuse", "stall") and after == 4:
            assert asked != TEXT
        words = spoken_s(TEXT) if asked == TEXT else spoken_s(TEXT[: -len(asked)].strip())
        expected = spoken_s(asked) + (0 if asked == TEXT else words)
        assert piece.received / BYTES_PER_S == pytest.approx(expected, abs=0.1)
        await asyncio.gather(*tasks)
        for speaker in speakers:
            await speaker.speaking.close()
        await catalog.close()


async def _until(done: Callable[[], bool], voice: Voice) -> None:
    async with asyncio.timeout(60):
        while not done():
            voice.beat(time.monotonic())
            await asyncio.sleep(0)


async def test_a_dead_voice_is_not_asked_again_for_the_next_sentence() -> None:
    async with Stage(Clay(voice_errors=[AUTH]), speaking_substitutes=OTHER) as stage:
        await stage.until("listening")
        stage.clay.replies = [say("The first sentence is here. The second sentence is here.")]
        await stage.turn("Well?")
        await stage.until("speaking")
        await stage.until("listening")
        assert len(stage.happened("substituted")) == 1
        assert len(stage.clay.spoken) == 2
