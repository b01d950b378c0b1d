"""Sound from a telephone line is known by what it lacks; anything above 4 kHz is coded at once."""

import numpy as np
import pytest

from gateway.media.band import Band
from gateway.media.lines import FRAME
from gateway_codecs.resample import Downsampler, Upsampler

ROW = np.array([1])


def look(band: Band, sound: np.ndarray) -> list[bool]:
    return [bool(band.narrow(ROW, frame[None])[0]) for frame in sound.reshape(-1, FRAME)]


def telephone(sound: np.ndarray) -> np.ndarray:
    down, up = Downsampler(2), Upsampler(2)
    frames = [up.run(ROW, down.run(ROW, frame[None])) for frame in sound.reshape(-1, FRAME)]
    return np.concatenate(frames).reshape(-1)


def hiss(seconds: float, level: float = 3000) -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.rint(rng.normal(0, level, int(seconds * 16_000))).astype(np.int16)


@pytest.mark.parametrize("level", [3, 100, 8000])
def test_what_came_over_the_telephone_is_narrow_after_a_second(level: float) -> None:
    found = look(Band(2), telephone(hiss(3, level)))
    assert not any(found[:50])
    assert all(found[55:])


def test_silence_is_narrow() -> None:
    assert all(look(Band(2), np.zeros(FRAME * 100, np.int16))[51:])


def test_wide_sound_is_wide_at_once_and_for_a_second(vowel) -> None:
    band = Band(2)
    assert look(band, np.zeros(FRAME * 60, np.int16))[-1]
    assert not any(look(band, hiss(0.02)))
    assert not any(look(band, np.zeros(FRAME * 49, np.int16)))


def test_a_forgotten_row_is_wide() -> None:
    band = Band(2)
    assert look(band, np.zeros(FRAME * 60, np.int16))[-1]
    band.forget(1)
    assert not any(look(band, np.zeros(FRAME * 10, np.int16)))
