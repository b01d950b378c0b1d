"""The noise on each row: the quietest that it gets, over the last seconds (minimum statistics).

A fan or a street is always there; speech has gaps between syllables and words in which its level
falls back to the noise. So the running minimum of the level is the noise, also while somebody
speaks, and what does not rise above it is not speech.
"""

import numpy as np
import numpy.typing as npt

_SMOOTH = 0.6  # of a new frame in the smoothed power
_PART = 15  # frames: 0.3 s
_PARTS = 10  # looked back on: 3 s, longer than anybody speaks without a gap
_SURE = 2  # parts that must have been heard before the floor counts: a call may begin with speech
# Speech begins so far above the minimum, which lies some 2 dB under the noise's mean, and goes on
# until it falls to within so little of it.
_BEGINS, _GOES_ON = np.float32(10 ** (8 / 10)), np.float32(10 ** (4.5 / 10))
_HIGHEST = (32768 * 10 ** (-22 / 20)) ** 2  # no noise is louder than that: it would be speech

Rows = npt.NDArray[np.int64]


class Floor:
    def __init__(self, capacity: int) -> None:
        self._power = np.zeros(capacity, np.float32)
        self._least = np.full(capacity, np.inf, np.float32)  # in the part that is being heard
        self._parts = np.full((capacity, _PARTS), np.inf, np.float32)
        self._frames = np.zeros(capacity, np.int64)

    def forget(self, row: int) -> None:
        self._power[row] = self._frames[row] = 0
        self._least[row] = self._parts[row] = np.inf

    def above(
        self, rows: Rows, power: npt.NDArray[np.float32], speaking: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Take in the mean power of a frame of each row; which stand out from their noise."""
        first = self._frames[rows] == 0
        smooth = self._power[rows]
        smooth = np.where(first, power, smooth + (power - smooth) * np.float32(_SMOOTH))
        least = np.minimum(self._least[rows], smooth)
        frames = self._frames[rows] + 1
        floor = np.minimum(self._parts[rows].min(axis=1), least)
        floor = np.where(frames > _SURE * _PART, np.minimum(floor, _HIGHEST), 0)

        full = frames % _PART == 0
        done = rows[full]
        self._parts[done, (frames[full] // _PART) % _PARTS] = least[full]
        self._power[rows], self._frames[rows] = smooth, frames
        self._least[rows] = np.where(full, np.inf, least)
        return np.asarray(power > floor * np.where(speaking, _GOES_ON, _BEGINS))
