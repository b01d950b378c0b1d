"""8 kHz to 16 kHz and back for many rows at once, without a seam between frames.

One half-band low-pass serves both ways: every other of its taps is zero but the middle one, so
half of the output is the delayed input and the other half one short filter. That filter is
applied as a banded matrix to blocks of 40 samples, which lets BLAS do the work.

Pass band to 3.4 kHz, stop band from 4.6 kHz at -58 dB; each direction delays by 1.5 ms.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

_TAPS = 24  # of the half that is not zero
_PAST = _TAPS - 1  # samples of the frame before that a frame still needs
_DELAY = _TAPS // 2  # samples at 8 kHz
_BLOCK = 40

Samples = npt.NDArray[np.int16]
Rows = npt.NDArray[Any]


def _odd_taps() -> npt.NDArray[np.float64]:
    n = np.arange(_TAPS) - _DELAY + 0.5  # distance from the middle, in samples at 8 kHz
    taps = np.sinc(n) * np.kaiser(2 * _TAPS + 1, 5.65)[1::2]
    return np.asarray(taps / taps.sum())


def _band() -> npt.NDArray[np.float32]:
    """(past + block) x block: column *i* filters the inputs *i* .. *i* + taps - 1."""
    band = np.zeros((_PAST + _BLOCK, _BLOCK), np.float32)
    for i in range(_BLOCK):
        band[i : i + _TAPS, i] = _odd_taps()
    return band


_BAND = _band()


def _filtered(joined: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rows x (past + samples) to rows x samples."""
    rows, length = joined.shape
    blocks = (length - _PAST) // _BLOCK
    windows = np.lib.stride_tricks.as_strided(
        joined,
        (rows, blocks, _PAST + _BLOCK),
        (joined.strides[0], _BLOCK * joined.strides[1], joined.strides[1]),
        writeable=False,
    )
    product = windows.reshape(rows * blocks, -1) @ _BAND
    return product.reshape(rows, blocks * _BLOCK)


def _rounded(sound: npt.NDArray[Any]) -> Samples:
    return np.asarray(np.clip(np.rint(sound), -32768, 32767), np.int16)


class Upsampler:
    """8 kHz to 16 kHz. What each row's next frame needs of its last one is kept here."""

    def __init__(self, capacity: int) -> None:
        self._past = np.zeros((capacity, _PAST), np.float32)

    def forget(self, row: int) -> None:
        self._past[row] = 0

    def run(self, rows: Rows, samples: Samples) -> Samples:
        """``samples``: rows x n, n a multiple of 40; returns rows x 2n. Each row once."""
        joined = np.concatenate([self._past[rows], samples], axis=1, dtype=np.float32)
        self._past[rows] = joined[:, -_PAST:]
        out = np.empty((len(samples), 2 * samples.shape[1]), np.int16)
        # Of filter position i, the middle lies between inputs i + 11 and i + 12 (_DELAY).
        out[:, 0::2] = joined[:, _DELAY - 1 : _DELAY - 1 + samples.shape[1]]
        out[:, 1::2] = _rounded(_filtered(joined))
        return out


class Downsampler:
    """16 kHz to 8 kHz."""

    def __init__(self, capacity: int) -> None:
        self._past = np.zeros((capacity, 2, _PAST), np.float32)

    def forget(self, row: int) -> None:
        self._past[row] = 0

    def run(self, rows: Rows, samples: Samples) -> Samples:
        """``samples``: rows x 2n, n a multiple of 40; returns rows x n. Each row once."""
        pairs = samples.reshape(len(samples), -1, 2)
        even = np.concatenate([self._past[rows, 0], pairs[:, :, 0]], axis=1, dtype=np.float32)
        odd = np.concatenate([self._past[rows, 1], pairs[:, :, 1]], axis=1, dtype=np.float32)
        self._past[rows, 0], self._past[rows, 1] = even[:, -_PAST:], odd[:, -_PAST:]
        # Output i is centred on even sample i + 12, between odd samples i + 11 and i + 12.
        middle = even[:, _DELAY : _DELAY + pairs.shape[1]]
        return _rounded((middle + _filtered(odd)) * np.float32(0.5))
