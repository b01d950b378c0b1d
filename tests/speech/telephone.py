"""Sentences as they come out of a telephone: made by eSpeak NG, 8 kHz, 300 to 3,400 Hz, µ-law."""

import numpy as np
import numpy.typing as npt
import soxr

from gateway.speech.contract import RATE
from gateway.speech.vendors.espeak import EspeakSpeaking, Voice

Samples = npt.NDArray[np.int16]
MU = 255


def degraded(sound: Samples, gain: float = 1.0, noise: float = 15.0, seed: int = 0) -> Samples:
    """The same at 16 kHz after a telephone line."""
    narrow = soxr.resample(sound.astype(np.float32), RATE, 8000)
    spectrum = np.fft.rfft(narrow)
    hertz = np.fft.rfftfreq(len(narrow), 1 / 8000)
    spectrum[(hertz < 300) | (hertz > 3400)] *= 0.05
    line = np.fft.irfft(spectrum, len(narrow)) * gain
    line += np.random.default_rng(seed).normal(0, noise, len(line))
    share = np.clip(line / 32768, -1, 1)
    coded = np.round((np.sign(share) * np.log1p(MU * abs(share)) / np.log1p(MU) + 1) * 127.5)
    share = coded / 127.5 - 1
    share = np.sign(share) * ((1 + MU) ** abs(share) - 1) / MU
    wide = soxr.resample((share * 32767).astype(np.float32), 8000, RATE)
    return np.clip(wide, -32768, 32767).astype(np.int16)


async def utterance(text: str, voice: str = "en-us", noise: float = 15.0) -> bytes:
    """``text`` with the silence that a voice activity detector leaves around it."""
    speaking = EspeakSpeaking(Voice(voice=voice, words_per_minute=150))
    sound = np.frombuffer(b"".join([p async for p in speaking.speak(text)]), np.int16)
    loud = np.flatnonzero(np.abs(sound) > 600)
    sound = sound[loud[0] : loud[-1]]
    quiet = [np.zeros(int(RATE * seconds), np.int16) for seconds in (0.3, 0.26)]
    return degraded(np.concatenate([quiet[0], sound, quiet[1]]), noise=noise).tobytes()
