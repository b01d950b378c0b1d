"""A fan, a street and a loud room are not speech; speech over them is."""

import numpy as np
import pytest

from gateway.media.ears import Ears
from gateway.media.lines import FRAME

ROW = np.array([1])
RATE = 16_000


def level(sound: np.ndarray, db: float) -> np.ndarray:
    """At this level (RMS, dBFS)."""
    return sound / np.sqrt(np.mean(sound**2)) * 32768 * 10 ** (db / 20)


def white(seconds: float, db: float) -> np.ndarray:
    return level(np.random.default_rng(3).normal(0, 1, int(seconds * RATE)), db)


def fan(seconds: float, db: float) -> np.ndarray:
    """Low noise and the blades' hum."""
    n = int(seconds * RATE)
    noise = np.random.default_rng(4).normal(0, 1, n)
    low = np.convolve(noise, np.ones(24) / 24, "same")
    t = np.arange(n) / RATE
    return level(low + 0.1 * sum(np.sin(2 * np.pi * 95 * k * t + k) / k for k in range(1, 6)), db)


def street(seconds: float, db: float) -> np.ndarray:
    """Pink noise that swells and ebbs by 3 dB as cars pass."""
    n = int(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(5).normal(0, 1, n))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 20)), n)
    swell = 10 ** (1.5 * np.sin(2 * np.pi * 0.15 * np.arange(n) / RATE) / 20)
    return level(pink * swell, db)


def speaking(sound: np.ndarray) -> list[bool]:
    ears, found = Ears(2), []
    pcm = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    for frame in pcm[: len(pcm) // FRAME * FRAME].reshape(-1, 1, FRAME):
        ears.listen(ROW, frame)
        found.append(bool(ears.speaking[1]))
    return found


@pytest.mark.parametrize("noise", [white, fan, street])
@pytest.mark.parametrize("db", [-48, -40, -32, -28])
def test_noise_is_not_speech_once_it_is_known(noise, db: float) -> None:
    found = speaking(noise(20, db))
    assert sum(found[50:]) <= 0.03 * len(found)


@pytest.mark.parametrize("noise", [white, fan, street])
@pytest.mark.parametrize("db", [-48, -40, -32])
def test_noise_that_begins_in_the_call_is_known_after_some_seconds(noise, db: float) -> None:
    found = speaking(np.concatenate([np.zeros(3 * RATE), noise(20, db)]))
    assert sum(found[150 + 200 :]) <= 0.01 * len(found)


@pytest.mark.parametrize("noise", [white, fan, street])
@pytest.mark.parametrize("db", [-48, -40, -32])
def test_speech_over_noise_is_speech(noise, db: float, vowel) -> None:
    sound = noise(12, db)
    for second in (4, 7, 10):
        at = second * RATE
        sound[at : at + RATE] += level(vowel(1.0, RATE).astype(float), db + 15)
    found = speaking(sound)
    for second in (4, 7, 10):
        begun = found[second * 50 : second * 50 + 50]
        assert begun.index(True) <= 8
        assert sum(begun) >= 35
    assert sum(found[50:200]) <= 4


def words(seconds: float, vowel) -> np.ndarray:
    """A voice with a closure of 60 ms, as of a p or a k, in every 600 ms; no other pause."""
    sound = vowel(seconds, RATE).astype(float).reshape(-1, RATE * 6 // 10)
    sound[:, : RATE * 6 // 100] = 0
    return sound.reshape(-1)


def test_a_call_that_begins_with_speech(vowel) -> None:
    found = speaking(np.concatenate([words(3.0, vowel), np.zeros(RATE)]))
    assert found.index(True) <= 10
    assert sum(found[:150]) >= 125


def test_a_long_speech_is_speech_to_its_end(vowel) -> None:
    found = speaking(words(60.0, vowel))
    assert sum(found) >= 0.9 * len(found)
