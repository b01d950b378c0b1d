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
_UNKNOWN = -1.0

Rows = npt.NDArray[np.int64]


class Floor:
    def __init__(self, capacity: int) -> None:
        self._power = np.full(capacity, _UNKNOWN, np.float32)  # smoothed
        self._least = np.full(capacity, np.inf, np.float32)  # in the part that is being heard
        self._left = np.full(capacity, _PART, np.int16)  # frames until it is over
        self._parts = np.full((capacity, _PARTS), np.inf, np.float32)
        self._heard = np.zeros(capacity, np.int64)  # parts that are over
        self._past = np.zeros(capacity, np.float32)  # the least of them; 0: it does not count yet

    def forget(self, row: int) -> None:
        self._power[row] = _UNKNOWN
        self._heard[row] = self._past[row] = 0
        self._left[row] = _PART
        self._least[row] = self._parts[row] = np.inf

    def above(
        self, rows: Rows, power: npt.NDArray[np.float32], speaking: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Take in the mean power of a frame of each row; which stand out from their noise."""
        smooth = self._power[rows]
        if np.count_nonzero(first := smooth == _UNKNOWN):
            smooth[first] = power[first]
        smooth += (power - smooth) * np.float32(_SMOOTH)
        least = np.minimum(self._least[rows], smooth)
        floor = np.minimum(self._past[rows], least)
        left = self._left[rows] - np.int16(1)
        self._power[rows], self._least[rows], self._left[rows] = smooth, least, left
        if np.count_nonzero(over := left == 0):
            self._end_part(rows[over])
        return np.asarray(power > floor * np.where(speaking, _GOES_ON, _BEGINS))

    def _end_part(self, rows: Rows) -> None:
        heard = self._heard[rows] + 1
        self._parts[rows, heard % _PARTS] = self._least[rows]
        floor = np.minimum(self._parts[rows].min(axis=1), _HIGHEST)
        self._past[rows] = np.where(heard >= _SURE, floor, 0)
        self._heard[rows] = heard
        self._least[rows], self._left[rows] = np.inf, _PART
