"""What callers sound like: the embedded voice, noise, and how loud they are."""

import re
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import soxr  # type: ignore[import-untyped]  # has no types

from gateway.simulate.exchange import NARROW
from gateway.speech.contract import RATE
from gateway.speech.vendors.espeak import EspeakSpeaking, Voice

S = TypeVar("S", bound=np.generic)
Samples = npt.NDArray[np.int16]  # 8 kHz
QUIET = 60  # what is softer at either end of an utterance is no part of it


@dataclass(frozen=True)
class Utterance:
    """``text`` and its sound, in frames of 20 ms at 8 kHz; it begins and ends with a sound."""

    text: str
    frames: tuple[Samples, ...]

    def said_by(self, share: float) -> str:
        """The words that are over when this share of the sound is."""
        words, done = self.text.split(), []
        total, length = sum(map(len, words)), 0
        for word in words:
            length += len(word)
            if length > share * total + 1e-9:
                break
            done.append(word)
        return " ".join(done)


async def utterance(text: str, voice: Voice, level_db: float) -> Utterance:
    """``text`` said aloud, with its loudest 20 ms at ``level_db`` dBFS."""
    pieces = [piece async for piece in EspeakSpeaking(voice).speak(text)]
    sound = soxr.resample(np.frombuffer(b"".join(pieces), np.int16), RATE, 8000)
    audible = np.flatnonzero(np.abs(sound.astype(np.int32)) > QUIET)
    if not len(audible):
        raise ValueError(f"nothing can be heard of {text!r}")
    sound = at_level(sound[audible[0] : audible[-1] + 1], level_db)
    return Utterance(text, _frames(sound))


def noise(seconds: float, level_db: float, seed: int) -> tuple[Samples, ...]:
    """Hiss of a line or a street: softer towards the high."""
    dice = np.random.default_rng(seed)
    white = dice.standard_normal(max(NARROW, round(seconds * 8000)))
    soft = np.convolve(white, np.ones(4) / 4, mode="same")
    return _frames(at_level(soft * 1000, level_db))


def at_level(sound: npt.ArrayLike, level_db: float) -> Samples:
    """The same sound with its loudest 20 ms at this level, in dBFS."""
    samples = np.asarray(sound, np.float64)
    powers = np.mean(_whole(samples) ** 2, axis=1)
    wanted = 32768 * 10 ** (level_db / 20)
    scaled = samples * (wanted / max(float(np.sqrt(powers.max())), 1.0))
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def _whole(sound: npt.NDArray[S]) -> npt.NDArray[S]:
    return np.concatenate([sound, np.zeros(-len(sound) % NARROW, sound.dtype)]).reshape(-1, NARROW)


def _frames(sound: Samples) -> tuple[Samples, ...]:
    return tuple(_whole(sound))


def spoken(text: str) -> str:
    """A text as it is compared: words alone."""
    return " ".join(re.findall(r"[\w']+", text.lower()))
