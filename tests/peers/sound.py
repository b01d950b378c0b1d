"""Sound for the tests: sentences to say, files to play, and what was heard in them."""

from pathlib import Path

import numpy as np
import soxr

from gateway.probe.sound import FRAME, LOUD, RATE, Pcm, loud_s, loudness, read_wav, write_wav
from gateway.speech.vendors.espeak import EspeakSpeaking, Voice

__all__ = [
    "FRAME", "LOUD", "RATE", "Pcm", "find", "loud_s", "loudness", "read_wav", "spoken", "tone",
    "write_wav",
]  # fmt: skip


async def spoken(text: str, folder: Path, lead_s: float = 0.0) -> Path:
    """A WAV file of this sentence, said by eSpeak NG, behind ``lead_s`` of silence."""
    voice = EspeakSpeaking(Voice())
    pcm = np.frombuffer(b"".join([piece async for piece in voice.speak(text)]), np.int16)
    said = soxr.resample(pcm, 16_000, RATE)
    path = folder / f"{abs(hash(text)):x}.wav"
    write_wav(path, np.concatenate([np.zeros(int(lead_s * RATE), np.int16), said]))
    return path


def tone(seconds: float, hz: float = 440.0, amplitude: int = 8000) -> Pcm:
    at = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hz * at)).astype(np.int16)


def find(needle: Pcm, haystack: Pcm) -> int | None:
    """Where ``needle`` stands in ``haystack``, sample for sample; None if it does not."""
    first = np.flatnonzero(haystack[: len(haystack) - len(needle) + 1] == needle[0])
    return next(
        (int(at) for at in first if np.array_equal(haystack[at : at + len(needle)], needle)), None
    )
