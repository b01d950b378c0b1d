"""Which rows say nothing above 4 kHz: what came from another telephone line, mostly.

A codec for wide sound can be told so, and then codes an empty band neither in its bits nor in our
time. One frame with anything up there ends it at once; it takes a second without to begin again,
so that no hiss at a word's end is lost.
"""

import numpy as np
import numpy.typing as npt

from gateway.media.lines import FRAME

_FROM = 96  # of the spectrum's lines, 50 Hz apart: 4.8 kHz, where the resampler's stop band lies
_LEAST = 10 ** (-45 / 10)  # of a frame's energy that counts as something
_ROUNDING = 8.0  # more than int16's rounding makes up there, which is 2 on the average
_PATIENCE = 50  # beats
_WINDOW = np.hanning(FRAME).astype(np.float32)

Rows = npt.NDArray[np.int64]


class Band:
    def __init__(self, capacity: int) -> None:
        self._beats = np.zeros(capacity, np.int64)  # without anything up there

    def forget(self, row: int) -> None:
        self._beats[row] = 0

    def narrow(self, rows: Rows, said: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
        """Take in a frame (rows x 320, 16 kHz) of each; which are to be coded as narrow."""
        spectrum = np.fft.rfft(said * _WINDOW, axis=1)
        energy = (spectrum.real**2 + spectrum.imag**2) / FRAME
        high = energy[:, _FROM:].sum(axis=1)
        empty = high <= np.maximum(energy.sum(axis=1) * _LEAST, _ROUNDING)
        self._beats[rows] = np.where(empty, self._beats[rows] + 1, 0)
        return np.asarray(self._beats[rows] > _PATIENCE)
