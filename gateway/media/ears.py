"""Who is speaking: webrtcvad on every frame, smoothed into onset and end.

Speech begins when three of the last five frames are voiced, and loud enough beside the noise of
the line: a click or one bad
frame is not speech, and an onset is known after 60 ms. It ends after four frames without voice;
the pauses inside words are shorter, and how long a silence ends a turn is the agent's decision.
"""

from itertools import repeat
from typing import Any

import _webrtcvad  # type: ignore[import-not-found]  # in C
import numpy as np
import numpy.typing as npt

from gateway.media.floor import Floor
from gateway.media.lines import RATE, SILENT, TRAILING, VOICED

_ONSET = 3
_WINDOW = 0b11111  # frames looked back on for an onset
_END = 0b1111  # frames without voice that end it
_NARROW = 8000  # Hz: the detector looks at no more; from 16 kHz it would halve the rate itself

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Samples = npt.NDArray[np.int16]
_ENOUGH = np.array([n.bit_count() >= _ONSET for n in range(_WINDOW + 1)])
_MARKS = np.array([SILENT, SILENT, TRAILING, VOICED], np.uint8)  # by speaking, and voiced


class Ears:
    """``mode`` is webrtcvad's aggressiveness, 0 to 3; ``level_db`` the least level in dBFS."""

    def __init__(self, capacity: int, mode: int = 2, level_db: float = -50.0) -> None:
        self._mode = mode
        self._least = (32768 * 10 ** (level_db / 20)) ** 2  # mean power of a frame
        self._vads = [_detector(mode) for _ in range(capacity)]
        self._frames = {
            rate: np.zeros((capacity, rate // 50), np.int16) for rate in (_NARROW, RATE)
        }
        self._views = {rate: [frame.data for frame in its] for rate, its in self._frames.items()}
        self._floor = Floor(capacity)
        self._voiced = np.zeros(capacity, np.uint8)  # the newest frame is the lowest bit
        self.speaking = np.zeros(capacity, bool)

    def forget(self, row: int) -> None:
        self._vads[row] = _detector(self._mode)
        self._floor.forget(row)
        self._voiced[row] = 0
        self.speaking[row] = False

    def listen(
        self,
        rows: Rows,
        sound: Samples,
        narrow: Samples | None = None,
        thin: Mask | None = None,
    ) -> Mask:
        """One frame (rows x 320, 16 kHz) each; ``narrow`` is the same at 8 kHz (rows x 160) where
        ``thin``, which costs less. Returns the rows on which speech begins in it."""
        if narrow is None or thin is None or not thin.any():
            voiced = self._voices(rows, sound)
        elif thin.all():
            voiced = self._voices(rows, narrow)
        else:
            voiced = np.empty(len(rows), np.uint8)
            voiced[thin] = self._voices(rows[thin], narrow[thin])
            voiced[~thin] = self._voices(rows[~thin], sound[~thin])
        recent = self._voiced[rows] << 1 & _WINDOW | voiced
        before = self.speaking[rows]
        starts = _ENOUGH.take(recent) & ~before
        self._voiced[rows] = recent
        self.speaking[rows] = starts | (before & (recent & _END != 0))
        return np.asarray(starts)

    def marks(self, rows: Rows) -> npt.NDArray[np.uint8]:
        """What the frames just listened to are: SILENT, TRAILING or VOICED. Speech is declared
        over some frames late; whoever waits for its end counts from the last voiced one."""
        return np.asarray(_MARKS.take(self._voiced[rows] & 1 | self.speaking[rows] << 1))

    def _voices(self, rows: Rows, frames: Samples) -> npt.NDArray[np.uint8]:
        sound, size = frames.astype(np.float32), frames.shape[1]
        power = np.einsum("rn,rn->r", sound, sound) / np.float32(size)
        loud = (power >= self._least) & self._floor.above(rows, power, self.speaking[rows])
        rate = 50 * size
        self._frames[rate][: len(rows)] = frames
        vads = map(self._vads.__getitem__, rows.tolist())
        # Quiet frames are shown to the detector too: it learns the line's noise from them.
        found = map(_webrtcvad.process, vads, repeat(rate), self._views[rate], repeat(size))
        return np.asarray(np.fromiter(found, np.uint8, len(rows)) & loud)


def _detector(mode: int) -> Any:
    """webrtcvad's own state, without its wrapper, which checks what is known here: the checks take
    a fifth of the time."""
    detector = _webrtcvad.create()
    _webrtcvad.init(detector)
    _webrtcvad.set_mode(detector, mode)
    return detector
