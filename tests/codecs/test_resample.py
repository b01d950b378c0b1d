"""Resampling: flat where telephone speech is, deaf above, seamless between frames."""

import numpy as np
import pytest

from gateway_codecs.resample import Downsampler, Upsampler

ROW = np.array([0])


def tone(hz: float, rate: int, seconds: float = 0.4) -> np.ndarray:
    return np.rint(10_000 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(
        np.int16
    )


def in_frames(resampler: Upsampler | Downsampler, sound: np.ndarray, frame: int) -> np.ndarray:
    return np.concatenate([resampler.run(ROW, f[None])[0] for f in sound.reshape(-1, frame)])


def level(sound: np.ndarray, hz: float, rate: int) -> float:
    middle = sound[len(sound) // 4 : -len(sound) // 4].astype(float)
    turns = np.exp(-2j * np.pi * hz * np.arange(len(middle)) / rate)
    return float(2 * abs((middle * turns).mean()))


@pytest.mark.parametrize("hz", [100, 300, 1000, 2000, 3000, 3400])
def test_speech_passes_both_ways_unchanged(hz: int) -> None:
    up = in_frames(Upsampler(1), tone(hz, 8000), 160)
    assert level(up, hz, 16000) == pytest.approx(10_000, rel=0.02)
    assert level(up, 8000 - hz, 16000) < 25  # the image
    down = in_frames(Downsampler(1), tone(hz, 16000), 320)
    assert level(down, hz, 8000) == pytest.approx(10_000, rel=0.02)


@pytest.mark.parametrize("hz", [4600, 5000, 6000, 7500])
def test_what_8_khz_cannot_carry_does_not_fold_into_speech(hz: int) -> None:
    down = in_frames(Downsampler(1), tone(hz, 16000), 320)
    assert level(down, 8000 - hz, 8000) < 25


def test_frames_leave_no_seam() -> None:
    sound = np.random.default_rng(1).integers(-9000, 9000, 1600).astype(np.int16)
    assert np.array_equal(
        in_frames(Upsampler(1), sound, 160), Upsampler(1).run(ROW, sound[None])[0]
    )
    assert np.array_equal(
        in_frames(Downsampler(1), sound, 160), Downsampler(1).run(ROW, sound[None])[0]
    )


def test_there_and_back_is_the_same_sound_3_ms_later() -> None:
    sound = tone(440, 8000) // 2 + tone(1900, 8000) // 3
    back = in_frames(Downsampler(1), in_frames(Upsampler(1), sound, 160), 320)
    for delay in range(40):
        if np.abs(back[200:2000].astype(int) - sound[200 - delay : 2000 - delay]).max() < 40:
            assert delay == 23
            return
    pytest.fail("the sound did not come back")


def test_rows_do_not_hear_each_other() -> None:
    rng = np.random.default_rng(2)
    frames = rng.integers(-9000, 9000, (5, 3, 160)).astype(np.int16)
    together, rows = Upsampler(8), np.array([5, 1, 7])
    batch = np.stack([together.run(rows, f) for f in frames])
    for i in range(3):
        alone = in_frames(Upsampler(1), np.ascontiguousarray(frames[:, i]).ravel(), 160)
        assert np.abs(batch[:, i].ravel().astype(int) - alone).max() <= 1


def test_full_scale_does_not_wrap() -> None:
    square = np.repeat(np.tile([32767, -32768], 40), 20).astype(np.int16)
    up = in_frames(Upsampler(1), square, 160)
    middles = square.reshape(-1, 20)[:, 10]  # far enough from an edge to be all one sign
    assert np.array_equal(np.sign(up[2 * (10 + 12) :: 40]), np.sign(middles[: len(up[44::40])]))


def test_forgotten_row_starts_silent() -> None:
    up = Upsampler(1)
    up.run(ROW, np.full((1, 160), 20_000, np.int16))
    up.forget(0)
    assert not up.run(ROW, np.zeros((1, 160), np.int16)).any()
