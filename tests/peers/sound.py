"""Sound for the tests: sentences to say, files to play, and what was heard in them."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from gateway.speech.vendors.espeak import EspeakSpeaking, Voice

Pcm = npt.NDArray[np.int16]
RATE = 8000  # Hz, of every file that a peer plays or records
FRAME = RATE // 50
LOUD = 300.0  # root mean square above which somebody speaks


async def spoken(text: str, folder: Path, lead_s: float = 0.0) -> Path:
    """A WAV file of this sentence, said by eSpeak NG, behind ``lead_s`` of silence."""
    voice = EspeakSpeaking(Voice())
    pcm = np.frombuffer(b"".join([piece async for piece in voice.speak(text)]), np.int16)
    said = soxr.resample(pcm, 16_000, RATE)
    path = folder / f"{abs(hash(text)):x}.wav"
    write_wav(path, np.concatenate([np.zeros(int(lead_s * RATE), np.int16), said]))
    return path


def write_wav(path: Path, pcm: Pcm) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.astype("<i2").tobytes())


def read_wav(path: Path) -> Pcm:
    """Samples of a mono file at RATE."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def tone(seconds: float, hz: float = 440.0, amplitude: int = 8000) -> Pcm:
    at = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hz * at)).astype(np.int16)


def loudness(pcm: Pcm) -> npt.NDArray[np.float64]:
    """Root mean square of each 20 ms."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    return np.sqrt((frames**2).mean(axis=1))


def loud_s(pcm: Pcm) -> float:
    """For how many seconds somebody speaks in it."""
    return float((loudness(pcm) > LOUD).sum() * FRAME / RATE)


def find(needle: Pcm, haystack: Pcm) -> int | None:
    """Where ``needle`` stands in ``haystack``, sample for sample; None if it does not."""
    first = np.flatnonzero(haystack[: len(haystack) - len(needle) + 1] == needle[0])
    return next(
        (int(at) for at in first if np.array_equal(haystack[at : at + len(needle)], needle)), None
    )
