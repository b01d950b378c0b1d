"""Noise is taken out of what is heard, on the rows that ask for it, and keys are still found."""

import numpy as np
import pytest

from gateway.media import denoise
from gateway.media.lines import FRAME
from gateway.rtp.tones import TONES

RATE = 8000


def hiss(seconds: float, level: float = 500.0) -> np.ndarray:
    return np.random.default_rng(1).normal(0, level, int(seconds * RATE))


def power(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(sound.astype(float) ** 2)))


def test_the_noise_of_the_row_that_asks_for_it_is_less(stage) -> None:
    for row in (2, 3):
        stage.open(row)
    assert stage.open(3).denoise() is None
    heard = {}
    for row in (2, 3):
        stage.hear(row, hiss(3).astype(np.int16))
        heard[row] = power(stage.ring("heard", row, 50))
    assert heard[2] - heard[3] > 10


def test_a_voice_in_noise_stands_out_further(stage, vowel) -> None:
    rows = {False: 2, True: 3}
    found = {}
    for clean, row in rows.items():
        line = stage.open(row)
        if clean:
            line.denoise()
        sound = hiss(4)
        sound[3 * RATE :] += vowel(1.0, RATE)
        stage.hear(row, np.clip(sound, -32768, 32767).astype(np.int16))
        its = stage.ring("heard", row, 90)
        found[clean] = power(its[50 * FRAME :]) - power(its[: 35 * FRAME])
    assert found[True] - found[False] > 6


def test_the_next_call_on_the_row_is_not_denoised(stage) -> None:
    stage.open(3).denoise()
    stage.main["live"][3] = 0
    stage.main["settings"][3] += 1
    stage.settle()
    stage.open(3)
    sound = hiss(2).astype(np.int16)
    stage.hear(3, sound)
    assert abs(power(stage.ring("heard", 3, 40)) - power(sound)) < 2


def test_another_process_goes_on_denoising(stage) -> None:
    stage.open(3).denoise()
    stage.hear(3, hiss(2).astype(np.int16))
    stage.another_process()
    stage.hear(3, hiss(3).astype(np.int16))
    assert power(stage.ring("heard", 3, 40)) < power(hiss(1)) - 10


def test_keys_are_found_in_the_sound_as_it_came(stage) -> None:
    line = stage.open(3, digits_in=None, digits_out=None)
    line.denoise()
    stage.hear(3, np.zeros(RATE // 2, np.int16))
    tone = np.concatenate([TONES[5, n] for n in range(5)])[::2]
    stage.hear(3, np.concatenate([tone, np.zeros(RATE // 5, np.int16)]))
    assert int(stage.main["digits"][3]) == 1
    assert int(stage.main["digit"][3, 0]) == 5


def test_without_its_library_it_is_told_and_sound_goes_on(
    stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denoise, "find_spec", lambda name: None)
    stage.another_process()
    line = stage.open(3)
    assert "webrtc-noise-gain" in (line.denoise() or "")
    stage.main["denoise"][3] = 1
    sound = hiss(1).astype(np.int16)
    stage.hear(3, sound)
    assert abs(power(stage.ring("heard", 3, 20)) - power(sound)) < 2
