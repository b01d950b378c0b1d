"""Who has answered where a caller is to be transferred: a machine has nobody to take the call."""

import numpy as np

from gateway.agent.opening import Opening
from gateway.media.line import Line
from gateway.media.lines import FRAME, RING


class Answerer:
    """Listens to a line from now on, until ``close``."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._opening = Opening()
        self._tap = line.listen()

    def machine(self) -> str:
        """What shows that it is one; "" as long as nothing does. To be asked at least every
        1.8 s."""
        lines, row = self._line.lines, self._line.row
        sound = self._tap.stereo().reshape(-1, FRAME, 2)
        end = int(lines["beat"][row])
        marks = lines["speech"][row, np.arange(end - len(sound), end) % RING].tolist()
        for frame, mark in zip(sound, marks, strict=True):
            self._opening.hear(frame[:, 0], mark, frame[:, 1])
        verdict = self._opening.verdict
        return verdict.why if verdict.who in ("machine", "fax") else ""

    def close(self) -> None:
        self._tap.close()
