"""Sound in files, as a softphone plays and records it: 16 bits, mono, 8 kHz."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]
RATE = 8000  # Hz
FRAME = RATE // 50
LOUD = 300.0  # root mean square above which somebody speaks


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


def loudness(pcm: Pcm) -> npt.NDArray[np.float64]:
    """Root mean square of each 20 ms."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    level: npt.NDArray[np.float64] = np.sqrt((frames**2).mean(axis=1))
    return level


def loud_s(pcm: Pcm) -> float:
    """For how many seconds somebody speaks in it."""
    return float((loudness(pcm) > LOUD).sum() * FRAME / RATE)
