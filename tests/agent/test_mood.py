"""How the caller sounds, against their own voice."""

import numpy as np
import pytest

from gateway.agent.mood import LEAST_TURNS, Mood
from gateway.agent.prosody import Tail
from gateway.media.lines import FRAME
from gateway.speech.contract import RATE
from tests.agent.stage import Stage, say


def spoken(mood: Mood, pitch: float = 20.0, level: float = 60.0, a_second: float = 2.0) -> str:
    mood.speech(pitch, level, 2.0)
    mood.speech(pitch, level, 2.0)
    return mood.turn(round(4.0 * a_second))


def known() -> Mood:
    mood = Mood()
    for pitch, level, a_second in ((20.0, 60.0, 2.0), (20.6, 61.0, 2.2), (19.5, 59.0, 1.8)):
        assert spoken(mood, pitch, level, a_second) == ""
    assert len(mood.turns) == LEAST_TURNS
    return mood


@pytest.mark.parametrize(
    ("pitch", "level", "a_second", "told"),
    [
        (24.0, 66.0, 2.0, "a higher voice, louder."),
        (24.0, 66.0, 3.5, "a higher voice, louder, faster."),
        (20.0, 66.0, 3.0, "louder, faster."),
        (16.0, 54.0, 2.0, "a lower voice, quieter."),
        (20.0, 54.0, 1.25, "quieter, slower."),
        (26.0, 60.0, 2.0, ""),  # a question
        (20.0, 70.0, 2.0, ""),  # a step nearer
        (24.0, 66.0, 1.0, ""),  # they contradict each other
        (20.5, 61.0, 2.1, ""),
    ],
)
def test_two_that_move_the_same_way_are_told(
    pitch: float, level: float, a_second: float, told: str
) -> None:
    note = spoken(known(), pitch, level, a_second)
    assert told in note
    assert bool(note) is bool(told)
    assert ("agitation" in note) is (told.endswith(("louder.", "faster.")))


def test_a_stranger_is_not_judged_nor_a_word_or_a_noise() -> None:
    mood = Mood()
    assert [spoken(mood, 20.0 + 10 * n, 60.0 + 10 * n) for n in range(3)] == ["", "", ""]
    mood = known()
    mood.speech(30.0, 80.0, 0.5)
    assert mood.turn(3) == ""
    mood.speech(float("nan"), 80.0, 3.0)
    assert mood.turn(9) == ""
    mood.speech(30.0, 80.0, 3.0)
    assert mood.turn(0) == ""
    assert len(mood.turns) == LEAST_TURNS


def test_a_voice_that_has_changed_for_good_becomes_the_usual_one() -> None:
    mood = known()
    notes = [bool(spoken(mood, 24.0, 66.0)) for _ in range(8)]
    assert notes[0]
    assert not notes[-1]


def hum(hertz: float, level: float) -> Tail:
    tail, time = Tail(), np.arange(40 * FRAME) / RATE
    sound = sum(np.sin(2 * np.pi * hertz * n * time) / n for n in range(1, 6)) * level
    for frame in sound.astype(np.int16).reshape(-1, FRAME):
        tail.add(frame.tobytes())
    return tail


def test_pitch_and_level_are_those_of_the_sound() -> None:
    low, high, loud = (hum(*how).tone() for how in ((110.0, 2000), (220.0, 2000), (110.0, 4000)))
    assert high[0] - low[0] == pytest.approx(12.0, abs=0.3)
    assert loud[1] - low[1] == pytest.approx(6.0, abs=0.2)
    assert np.isnan(Tail().tone()[0])


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_note_is_in_that_turns_request_alone(
    wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = iter(["louder.", ""])
    monkeypatch.setattr(Mood, "turn", lambda self, words: next(notes))
    async with Stage(emotion=wanted) as stage:
        for text in ("Tell me.", "And again."):
            stage.clay.replies = [say("It is noon.")]
            await stage.until("listening")
            await stage.turn(text)
            await stage.until("speaking")
        first, second = (repr(messages) for messages in stage.clay.asked)
    assert ("louder." in first) is wanted
    assert "louder." not in second
