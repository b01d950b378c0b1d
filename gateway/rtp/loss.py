"""Packet-loss concealment at 8 kHz, after G.711 Appendix I, for many rows at once.

A lost frame is made of the last two pitch periods before it, repeated with overlapping joins; after
10 ms it fades, and is silent at 60 ms, so that a long loss neither buzzes nor rings on. When sound
comes back it is cross-faded from what would have gone on.
"""

import numpy as np
import numpy.typing as npt

FRAME = 160
_HISTORY = 480  # samples: four of the longest periods
_SHORTEST, _LONGEST = 40, 120  # samples of a pitch period: 200 Hz to 66 Hz
_STEADY, _FADE = 80, 400  # samples at full level, then until silent
_CROSS = 40  # samples in which found sound takes over
MOST = (_STEADY + _FADE) // FRAME  # frames that are made up before there is silence

Rows = npt.NDArray[np.int64]
Samples = npt.NDArray[np.int16]
_RISE = (np.arange(_CROSS) + 0.5) / _CROSS


class Concealment:
    """What each row's last 60 ms were, and how long it has been without."""

    def __init__(self, capacity: int) -> None:
        self._history = np.zeros((capacity, _HISTORY), np.int16)
        self._model = np.zeros((capacity, _HISTORY), np.int16)  # the history when the loss began
        self._period = np.full(capacity, _LONGEST, np.int64)
        self._lost = np.full(capacity, MOST, np.int64)  # frames made up since the last true one

    def forget(self, rows: Rows | int) -> None:
        """Nothing that was heard before may sound again: a new stream, or a key was pressed."""
        self._history[rows] = 0
        self._lost[rows] = MOST

    def run(
        self, rows: Rows, sound: Samples, there: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Fill the frames of ``sound`` (rows x 160) that are not ``there``, in place; returns
        which rows got made-up sound. Each row once."""
        lost = self._lost[rows]
        made_up = ~there & (lost < MOST)
        missing, found = np.flatnonzero(made_up), np.flatnonzero(there & (lost > 0))
        sound[~there] = 0
        if len(missing):
            sound[missing] = self._next(rows[missing], FRAME)
            self._lost[rows[missing]] += 1
        if len(found):
            ending = self._next(rows[found], _CROSS)
            head = sound[found, :_CROSS]
            sound[found, :_CROSS] = np.rint(ending * (1 - _RISE) + head * _RISE)
        self._lost[rows[there]] = 0
        self._history[rows, :-FRAME] = self._history[rows, FRAME:]
        self._history[rows, -FRAME:] = sound
        return made_up

    def _next(self, rows: Rows, samples: int) -> Samples:
        """The continuation of each row's sound, ``lost`` frames after the true sound ended."""
        first = rows[self._lost[rows] == 0]
        if len(first):
            self._model[first] = self._history[first]
            self._period[first] = _pitch(self._history[first].astype(np.float32))
        at = self._lost[rows, None] * FRAME + np.arange(samples)
        period = self._period[rows, None]
        phase = at % (2 * period)
        overlap = period // 4
        weight = np.clip((phase - (2 * period - overlap)) / overlap, 0, 1)
        model = self._model[rows]
        now = np.take_along_axis(model, _HISTORY - 2 * period + phase, 1)
        before = np.take_along_axis(model, np.maximum(_HISTORY - 4 * period + phase, 0), 1)
        level = np.clip(1 - (at - _STEADY) / _FADE, 0, 1)
        return np.rint((now * (1 - weight) + before * weight) * level).astype(np.int16)


def _pitch(history: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The lag, 40 to 120 samples, at which each row's last 20 ms are most like themselves; found
    on every second sample, which is near enough under overlapping joins."""
    sparse = np.ascontiguousarray(history[:, ::2])
    recent = sparse[:, -FRAME // 2 :]
    past = sparse[:, -(FRAME + _LONGEST) // 2 : -_SHORTEST // 2]
    windows = np.lib.stride_tricks.sliding_window_view(past, FRAME // 2, axis=1)
    like = np.einsum("rwn,rn->rw", windows, recent)
    squares = np.cumsum(np.pad(past.astype(np.float64) ** 2, ((0, 0), (1, 0))), axis=1)
    energy = squares[:, FRAME // 2 :] - squares[:, : -FRAME // 2]
    likeness = like / np.sqrt(np.maximum(energy, 1.0))
    return np.asarray(_LONGEST - 2 * likeness.argmax(axis=1), np.int64)
