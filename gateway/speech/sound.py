"""A voice's sound, as the vendor sends it, on its way to int16 mono at 16 kHz."""

import numpy as np
import soxr  # type: ignore[import-untyped]

from gateway.speech.contract import RATE

LONGEST_HEADER = 4096  # of a WAV file, before its samples


class Sound:
    """One utterance of int16 mono at ``rate``, in pieces of any size. If it turns out to be a WAV
    file, its header is taken off, and says the rate. Raises ValueError for one that cannot be
    played."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._resample: soxr.ResampleStream | None = None
        self._begun = False
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data
        if not self._begun:
            samples = without_header(data)
            if samples is None:
                self._rest = data
                return b""
            self._rate = rate_of(data) or self._rate
            self._begun, data = True, samples
            if self._rate != RATE:
                self._resample = soxr.ResampleStream(self._rate, RATE, 1, "int16", "MQ")
        even = len(data) & ~1
        self._rest = data[even:]
        return self._converted(data[:even])

    def finish(self) -> bytes:
        """What the resampler still held."""
        return self._converted(b"", last=True)

    def _converted(self, pcm: bytes, last: bool = False) -> bytes:
        if self._resample is None:
            return pcm
        sound = self._resample.resample_chunk(np.frombuffer(pcm, np.int16), last=last)
        return bytes(sound.tobytes())


def without_header(data: bytes) -> bytes | None:
    """The samples of what may be a WAV file (RIFF); None: more of it has to come first."""
    if not b"RIFF".startswith(data[:4]):
        return data
    at = 12
    while at + 8 <= len(data) and at < LONGEST_HEADER:
        if data[at : at + 4] == b"data":
            return data[at + 8 :]
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    if at >= LONGEST_HEADER:
        raise ValueError("a WAV file without samples")
    return None


def rate_of(data: bytes) -> int | None:
    """The rate that a WAV file says it has; None: it is none."""
    at = data.find(b"fmt ", 0, LONGEST_HEADER)
    if data[:4] != b"RIFF" or at < 0:
        return None
    channels, bits = int.from_bytes(data[at + 10 : at + 12], "little"), data[at + 22]
    if (channels, bits) != (1, 16):
        raise ValueError(f"a WAV file of {channels} channels and {bits} bits")
    return int.from_bytes(data[at + 12 : at + 16], "little")
