"""Listening in: the sound of a line as it goes by, read from its rings by whoever likes."""

from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from gateway.media.lines import FRAME, RING, Lines

_SAFE = RING - 10  # frames: older ones may be overwritten while they are copied

Samples = npt.NDArray[np.int16]


class Followed(Protocol):
    """A ``Line``."""

    row: int
    parted: bool  # its row may be another's by now
    lines: Lines

    def followers(self, change: int) -> None: ...


class Tap:
    """Follows a line from now on; disturbs nobody. To be read at least every 1.8 s, and closed at
    the end: meanwhile the line is decoded, whoever else may hear it."""

    def __init__(self, line: Followed) -> None:
        self._line = line
        self._cursor = int(line.lines["beat"][line.row])
        self._open = True
        line.followers(1)

    @property
    def ended(self) -> bool:
        """There is nothing more to come: the line was given back, or this closed."""
        return self._line.parted or not self._open

    def stereo(self) -> Samples:
        """What is new: samples x 2 at 16 kHz, left what the peer said, right what it was sent.
        What was fetched too late is silence."""
        lines, row = self._line.lines, self._line.row
        end = self._cursor if self.ended else int(lines["beat"][row])
        beats = np.arange(self._cursor, end)
        self._cursor = end
        sound = np.zeros((len(beats), FRAME, 2), np.int16)
        kept = beats >= end - _SAFE
        sound[kept, :, 0] = lines["heard"][row, beats[kept] % RING]
        sound[kept, :, 1] = lines["said"][row, beats[kept] % RING]
        return sound.reshape(-1, 2)

    def mixed(self) -> Samples:
        """What is new, both as one."""
        both = self.stereo().astype(np.int32).sum(axis=1)
        return np.asarray(np.clip(both, -32768, 32767).astype(np.int16))

    def close(self) -> None:
        if self._open:
            self._open = False
            self._line.followers(-1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
