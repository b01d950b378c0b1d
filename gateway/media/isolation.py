"""A beat that goes on when one row makes it fail.

What a row's peer sent, or a slip of ours, must not end the sound of all the others, nor of the
process that takes over and meets the same. When the beat raises, it is run again on halves of
the rows, until the guilty ones are found. Such a row begins anew; one that fails again and again
is muted, and main tells its call.
"""

import traceback
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.media.beat import Beat, Received
from gateway.media.lines import Lines
from gateway.media.packing import Outgoing

CHANCES = 3  # failures after which a row is muted


class Fault(NamedTuple):
    row: int
    why: str  # the end of the traceback


class Careful:
    """Runs a Beat; ``faults`` are those of the last run."""

    def __init__(self, beat: Beat, lines: Lines) -> None:
        self._beat, self._lines = beat, lines
        self.faults: list[Fault] = []

    def run(self, received: Sequence[Received], now: float, missed: int = 0) -> list[Outgoing]:
        self.faults = []
        try:
            return [self._beat.run(received, now, missed)]
        except Exception as error:
            if len(self._beat.rows) == 1:
                self.blame(int(self._beat.rows[0]), error)
                return []
            return self._in_parts(received, now, missed)

    def blame(self, row: int, error: Exception) -> None:
        """This row cannot be gone on with as it is."""
        lines = self._lines
        lines["faults"][row] += 1
        mute = bool(lines["faults"][row] >= CHANCES)
        lines["muted"][row] = mute
        self._beat.renew(row, mute=mute)
        self.faults.append(Fault(row, "".join(traceback.format_exception(error))[-1500:]))

    def _in_parts(
        self, received: Sequence[Received], now: float, missed: int
    ) -> list[Outgoing]:  # fmt: skip
        sent: list[Outgoing] = []
        waiting = [*reversed(np.array_split(self._beat.rows, 2))]
        while waiting:
            rows = waiting.pop()
            try:
                sent.append(self._beat.run(_of(received, rows), now, missed, rows))
            except Exception as error:
                if len(rows) == 1:
                    self.blame(int(rows[0]), error)
                else:
                    waiting += reversed(np.array_split(rows, 2))
        return sent


def _of(received: Sequence[Received], rows: npt.NDArray[np.int64]) -> list[Received]:
    batches = (batch.only(np.isin(batch.rows, rows)) for batch in received)
    return [batch for batch in batches if len(batch.rows)]
