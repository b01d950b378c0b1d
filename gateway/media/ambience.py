"""Sounds that are made here, so that nobody else has rights in them: music to wait by, and an
office to speak in front of. Both are loops without a seam, int16 mono at 16 kHz."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.media.lines import RATE

Samples = npt.NDArray[np.int16]
Floats = npt.NDArray[np.floating[Any]]

_BEAT_S = 0.5
_PEAK = 7000
# Four bars of four chords, as semitones from A3; a broken chord is played over each.
_CHORDS = ((0, 4, 7, 11), (-3, 0, 4, 7), (2, 5, 9, 12), (-5, -1, 2, 5)) * 2
_PATTERN = (0, 2, 1, 3, 2, 1, 3, 2)


def hold_music() -> Samples:
    """16 s of soft broken chords."""
    length = round(len(_CHORDS) * len(_PATTERN) * _BEAT_S / 2 * RATE)
    sound = np.zeros(length)
    step = round(_BEAT_S / 2 * RATE)
    for bar, chord in enumerate(_CHORDS):
        start = bar * len(_PATTERN) * step
        _add(sound, start, 0.5 * _note(chord[0] - 12, 2.0))
        for at, which in enumerate(_PATTERN):
            _add(sound, start + at * step, _note(chord[which], 0.9))
    return np.asarray(np.rint(_PEAK * sound / np.abs(sound).max()).astype(np.int16))


def _note(semitones: int, seconds: float) -> Floats:
    """A plucked tone whose overtones die first; all within a telephone's band."""
    t = np.arange(round(seconds * RATE)) / RATE
    hz = 220 * 2 ** (semitones / 12)
    parts = [np.sin(2 * np.pi * hz * k * t) * np.exp(-t * (2 + k)) / k**1.5 for k in range(1, 6)]
    note = np.sum(parts, axis=0)
    note *= np.minimum(t / 0.008, 1) * np.minimum((seconds - t) / 0.05, 1)
    return np.asarray(note)


def _add(loop: Floats, at: int, sound: Floats) -> None:
    """What goes over the end goes on at the beginning."""
    place = (at + np.arange(len(sound))) % len(loop)
    loop[place] += sound


def office() -> Samples:
    """20 s: the air, a murmur of far voices, and now and then a keyboard."""
    rng = np.random.default_rng(20)
    length = 20 * RATE
    sound = 0.25 * _noise(rng, length, lambda hz: 1 / np.maximum(hz, 60) * (hz < 1500))
    for voice in range(8):
        sound += 0.16 * _murmur(rng, length, 105 + 17 * voice)
    for start in (1.1, 4.7, 8.2, 9.0, 13.4, 17.9):
        at = start
        for _ in range(int(rng.integers(5, 12))):
            click = rng.standard_normal(320) * np.exp(-np.arange(320) / 40)
            _add(sound, round(at * RATE), 0.12 * click * rng.uniform(0.5, 1))
            at += rng.uniform(0.08, 0.22)
    return np.asarray(np.rint(_PEAK * sound / np.abs(sound).max()).astype(np.int16))


def _noise(
    rng: np.random.Generator, length: int, shape: Callable[[Floats], npt.NDArray[Any]]
) -> Floats:
    """Noise of the spectrum ``shape`` (amplitude by Hz), the end joining the beginning."""
    hz = np.fft.rfftfreq(length, 1 / RATE)
    phases = np.exp(2j * np.pi * rng.random(len(hz)))
    sound = np.fft.irfft(phases * shape(hz), length)
    return np.asarray(sound / sound.std())


def _murmur(rng: np.random.Generator, length: int, pitch: float) -> Floats:
    """Somebody speaks behind a wall: the band of a voice, in syllables, with pauses."""
    band = _noise(rng, length, lambda hz: np.exp(-(((hz - 4 * pitch) / (1.5 * pitch)) ** 2)))
    syllables = np.maximum(_noise(rng, length, lambda hz: (hz > 1) & (hz < 5)), 0)
    turns = 1 / (1 + np.exp(-4 * _noise(rng, length, lambda hz: (hz > 0.02) & (hz < 0.25))))
    return np.asarray(band * syllables * turns)
