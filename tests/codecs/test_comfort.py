"""Comfort noise (RFC 3389): the level and the spectrum that are told are those that are heard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_codecs import comfort

RNG = np.random.default_rng(3)


def coloured(pole: float, rms: float = 80.0, samples: int = 16_000) -> np.ndarray:
    """Noise with more of low tones (``pole`` > 0) or of high ones."""
    white, out, last = RNG.normal(0, 1, samples), np.empty(samples), 0.0
    for n, each in enumerate(white.tolist()):
        out[n] = last = each + pole * last
    return np.rint(out * rms / out.std()).astype(np.int16)


def heard(payload: bytes, frames: int = 60) -> np.ndarray:
    level, shape = comfort.read(payload)
    shapes = {} if shape is None else {0: shape}
    levels = np.array([level], np.uint8)
    parts = [comfort.noise(levels, 160, beat, shapes)[0] for beat in range(frames)]
    return np.concatenate(parts).astype(float)


def tilt_db(sound: np.ndarray) -> float:
    """How much more there is below 1 kHz than above 3."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / 8000)
    return float(10 * np.log10(power[hz < 1000].mean() / power[hz > 3000].mean()))


def told(sound: np.ndarray) -> bytes:
    frames = sound.reshape(-1, 160)
    correlation = sum(comfort.correlation(frame) for frame in frames)
    level = comfort.level_of(float(np.mean(sound.astype(float) ** 2)))
    return comfort.write(level, comfort.reflections(np.asarray(correlation)))


@pytest.mark.parametrize("pole", [0.9, 0.5, 0.0, -0.6])
def test_what_is_told_sounds_like_what_was_heard(pole: float) -> None:
    sound = coloured(pole)
    payload = told(sound)
    assert len(payload) == 1 + comfort.ORDER
    again = heard(payload)
    assert again.std() == pytest.approx(80, rel=0.15)
    assert tilt_db(again) == pytest.approx(tilt_db(sound), abs=2)


def test_octets_are_those_of_section_3() -> None:
    """258 / 32768 for each step from 127; minus one is a low tone's, as in libwebrtc."""
    reflections = np.array([-0.5, 0.25, 0, 1, -1, 0, 0, 0])
    assert comfort.write(45, reflections) == bytes([45, 63, 159, 127, 254, 0, 127, 127, 127])
    assert tilt_db(heard(bytes([50, 30]))) > 10
    assert tilt_db(heard(bytes([50, 224]))) < -10


def test_a_level_alone_and_zeros_are_white() -> None:
    for payload in (b"\x32", b"\x32\x7f\x7f"):
        assert comfort.read(payload) == (50, None)
    assert abs(tilt_db(heard(b"\x32"))) < 1.5


@pytest.mark.parametrize("level", [30, 50, 70])
def test_noise_is_as_loud_as_it_was_said_to_be(level: int) -> None:
    for coefficients in (b"", b"\x20\x90"):
        expected = 32768 * 10 ** (-level / 20)
        assert heard(bytes([level]) + coefficients).std() == pytest.approx(expected, rel=0.2)


def test_noise_is_never_loud_and_never_the_same_twice_running() -> None:
    loud, next_beat = (comfort.noise(np.array([0, 0x80 | 40], np.uint8), 160, n) for n in (1, 2))
    assert np.abs(loud.astype(int)).max() < 32768 * 10 ** (-30 / 20) * 5
    assert not np.array_equal(loud, next_beat)
    assert comfort.write(200) == b"\x7f"


def test_levels_are_of_the_loudest_square_wave() -> None:
    assert [comfort.level_of(power) for power in (32768.0**2, 100.0, 0.0)] == [0, 70, 127]


@given(st.binary(min_size=1, max_size=200))
def test_any_payload_is_a_noise_of_its_level(payload: bytes) -> None:
    level, shape = comfort.read(payload)
    frames = comfort.noise(np.array([level], np.uint8), 160, 7, {} if shape is None else {0: shape})
    rms = np.sqrt(np.mean(frames.astype(float) ** 2))
    assert rms < 8 * 32768 * 10 ** (-max(level, 30) / 20) + 1
