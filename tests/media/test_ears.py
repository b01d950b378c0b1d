"""Speech is found soon after it begins, and line noise, clicks and tones of silence are not it."""

import numpy as np
import pytest

from gateway.media.ears import Ears
from gateway.media.lines import FRAME, PAUSE_HOLD, SILENT, TRAILING, VOICED

ROW = np.array([1])


def listen(ears: Ears, sound: np.ndarray) -> tuple[list[int], list[bool]]:
    """The frames in which speech began, and whether each was speech."""
    starts, speaking = [], []
    for n, frame in enumerate(sound.reshape(-1, FRAME)):
        if ears.listen(ROW, frame[None])[0]:
            starts.append(n)
        speaking.append(bool(ears.speaking[1]))
    return starts, speaking


def noise(seconds: float, level: float) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.rint(rng.normal(0, level, int(seconds * 16_000))).astype(np.int16)


def test_a_voice_is_heard_within_100_ms_and_its_end_within_100_ms(vowel) -> None:
    silence = np.zeros(FRAME * 25, np.int16)
    starts, speaking = listen(
        Ears(2), np.concatenate([silence, vowel(1.0, 16_000), silence, vowel(0.5, 16_000)])
    )
    assert len(starts) == 2
    assert 25 + 2 <= starts[0] <= 25 + 5
    assert 75 + 25 + 2 <= starts[1] <= 75 + 25 + 5
    assert all(speaking[starts[0] : 75])
    assert not any(speaking[75 + 4 : 100])


@pytest.mark.parametrize("level", [1, 10, 60])
def test_line_noise_is_not_speech(level: float) -> None:
    assert listen(Ears(2), noise(3, level))[0] == []


def test_a_faint_voice_from_another_line_is_not_speech(vowel) -> None:
    assert listen(Ears(2), vowel(1.0, 16_000, level=40))[0] == []


def test_a_click_is_not_speech() -> None:
    sound = np.zeros(FRAME * 50, np.int16)
    sound[FRAME * 20 : FRAME * 20 + 30] = 20_000
    assert listen(Ears(2), sound)[0] == []


def test_a_forgotten_row_is_silent(vowel) -> None:
    ears = Ears(2)
    listen(ears, vowel(0.5, 16_000))
    ears.forget(1)
    assert not ears.speaking[1]
    assert listen(ears, np.zeros(FRAME * 5, np.int16)) == ([], [False] * 5)


def test_a_caller_who_speaks_stops_the_agent_in_that_beat(stage, vowel) -> None:
    stage.open(1)
    stage.agent["policy"][1] = PAUSE_HOLD
    stage.say(1, np.tile(np.int16([5000, -5000]), FRAME * 30))
    stage.hear(1, np.zeros(160 * 10, np.int16))
    stage.hear(1, vowel(0.3, 8000))
    paused, beat = int(stage.main["paused_beat"][1]), int(stage.main["beat"][1])
    assert stage.main["pauses"][1] == 1
    speech = [int(stage.main["speech"][1, n % 100]) for n in range(beat)]
    assert speech.index(VOICED) == paused
    assert paused <= 10 + 1 + 5
    assert stage.main["taken"][1] == paused
    assert not stage.ring("said", 1, beat - paused - 1).any()


def test_the_last_voiced_frame_is_known_though_speech_ends_later(vowel) -> None:
    ears, row = Ears(1), np.array([0])
    pcm = np.concatenate([vowel(0.5, 16_000), np.zeros(FRAME * 10, np.int16)])
    marks = []
    for frame in pcm[: len(pcm) // FRAME * FRAME].reshape(-1, 1, FRAME):
        ears.listen(row, frame)
        marks.append(int(ears.marks(row)[0]))
    ends = len(marks) - marks[::-1].index(VOICED)
    assert abs(ends - 25) <= 2
    trailing = marks[ends : marks.index(SILENT, ends)]
    assert trailing == [TRAILING] * 3
    assert set(marks[ends + 3 :]) == {SILENT}
