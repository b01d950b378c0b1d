"""Telephone keys in the sound itself (ITU-T Q.23, Q.24), for peers that agreed on no events.

Every 10 ms, a window of 25 ms is compared with the eight tones, by Goertzel's measure taken for all
of them at once: one matrix product over rows. A window holds a key if two tones, one of each
group, are nearly all there is in it; a key is three such windows running, which a tone of 40 ms
gives and one of 20 ms cannot. Speech has more in it than two tones: that is the whole protection
against talk-off, together with the high tone's harmonic, which voices have and keys have not.
"""

import numpy as np
import numpy.typing as npt

from gateway.rtp.digits import KEYS

_RATE = 16_000
FRAME = 320  # samples of a beat
_HOP = 160
_WINDOW = 400  # samples: 25 ms
_LOW, _HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_OFF = (-0.012, 0.0, 0.012)  # a key's tones may be off by 1.5 % (Q.24)
_LAYOUT = "123A456B789C*0#D"  # by low tone, then high
_CODES = np.array([KEYS.index(key) for key in _LAYOUT], np.uint8)

_LEAST = 10 ** (-38 / 20) * 32768  # of each tone's amplitude: -38 dBFS
_PURE = 0.75  # of the window's energy lies in the two tones
_TWIST, _REVERSE = 10 ** (8 / 10), 10 ** (6 / 10)  # low over high, high over low (power)
_CLEAR = 10 ** (-7 / 10)  # the second strongest of a group, against the strongest
_HARMONIC = 10 ** (-16 / 10)  # the second harmonic, against its tone
_RUN = 3  # windows that make a key
_REST = 6  # windows without it that end it, whatever else there is
_GONE = 0.35  # of its energy is left: it has ended; a break of 10 ms leaves more (Q.24)

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def _basis() -> npt.NDArray[np.float32]:
    """Cosines and sines: eight tones a little low, right and a little high, then harmonics."""
    t = np.arange(_WINDOW) / _RATE
    hz = [f * (1 + off) for off in _OFF for f in (*_LOW, *_HIGH)]
    hz += [2 * f for f in _HIGH]  # those of the low tones lie too near to the high ones
    phase = 2 * np.pi * np.outer(t, hz)
    return np.concatenate([np.cos(phase), np.sin(phase)], axis=1).astype(np.float32)


_BASIS = _basis()


class InBand:
    """What each row's last windows held."""

    def __init__(self, capacity: int) -> None:
        self._past = np.zeros((capacity, _WINDOW - _HOP), np.float32)
        self._key = np.full(capacity, -1, np.int64)  # in the windows that run now
        self._run = np.zeros(capacity, np.int64)
        self._held = np.full(capacity, -1, np.int64)  # reported, and not let go yet
        self._rest = np.zeros(capacity, np.int64)
        self._energy = np.zeros(capacity, np.float32)  # of the key that is held

    def forget(self, rows: Rows | int) -> None:
        self._past[rows] = 0
        self._key[rows] = self._held[rows] = -1
        self._run[rows] = self._rest[rows] = 0

    def listen(
        self, rows: Rows, frames: npt.NDArray[np.int16]
    ) -> tuple[Mask, npt.NDArray[np.uint8]]:
        """A frame (rows x 320, 16 kHz) each: on which rows a key began, and its event code."""
        sound = np.concatenate([self._past[rows], frames], axis=1, dtype=np.float32)
        self._past[rows] = sound[:, -(_WINDOW - _HOP) :]
        began, codes = np.zeros(len(rows), bool), np.zeros(len(rows), np.uint8)
        for first in range(0, FRAME, _HOP):
            windows = sound[:, first : first + _WINDOW]
            energy = np.einsum("rn,rn->r", windows, windows)
            keys = _keys(windows, energy)
            new = self._follow(rows, keys, energy)
            began |= new
            codes[new] = _CODES[keys[new]]
        return began, codes

    def _follow(self, rows: Rows, keys: Rows, energy: npt.NDArray[np.float32]) -> Mask:
        same = (keys >= 0) & (keys == self._key[rows])
        self._run[rows] = np.where(same, self._run[rows] + 1, keys >= 0)
        self._key[rows] = keys
        away = keys != self._held[rows]
        self._rest[rows] = np.where(away, self._rest[rows] + 1, 0)
        ended = (self._rest[rows] >= _REST) | (energy < _GONE * self._energy[rows])
        self._held[rows[ended]] = -1
        new = (self._run[rows] >= _RUN) & (keys != self._held[rows])
        self._held[rows[new]] = keys[new]
        self._rest[rows[new]] = 0
        self._energy[rows] = np.where(new, energy, self._energy[rows])
        return np.asarray(new)


def _keys(windows: npt.NDArray[np.float32], energy: npt.NDArray[np.float32]) -> Rows:
    """The key in each window, as a place in the layout; -1: none."""
    found = np.full(len(windows), -1, np.int64)
    loud = np.flatnonzero(energy > _LEAST**2 * _WINDOW)
    if not len(loud):
        return found
    parts = windows[loud] @ _BASIS
    half = parts.shape[1] // 2
    # The energy in the window that a tone of this strength would have.
    power = (parts[:, :half] ** 2 + parts[:, half:] ** 2) * (2 / _WINDOW)
    tones = power[:, :24].reshape(-1, 3, 8).max(axis=1)
    harmonics = power[:, 24:]
    low, high = tones[:, :4], tones[:, 4:]
    n = np.arange(len(loud))
    at_low, at_high = low.argmax(axis=1), high.argmax(axis=1)
    strong_low, strong_high = low[n, at_low], high[n, at_high]
    least = _LEAST**2 * _WINDOW / 2
    good = (strong_low > least) & (strong_high > least)
    good &= strong_low + strong_high > _PURE * energy[loud]
    good &= (strong_low < _TWIST * strong_high) & (strong_high < _REVERSE * strong_low)
    good &= np.partition(low, 2, axis=1)[:, 2] < _CLEAR * strong_low
    good &= np.partition(high, 2, axis=1)[:, 2] < _CLEAR * strong_high
    good &= harmonics[n, at_high] < _HARMONIC * strong_high
    found[loud[good]] = (4 * at_low + at_high)[good]
    return found
