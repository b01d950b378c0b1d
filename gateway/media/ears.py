"""Who is speaking: webrtcvad on every frame, smoothed into onset and end.

Speech begins when three of the last five frames are voiced, and loud enough beside the noise of
the line: a click or one bad
frame is not speech, and an onset is known after 60 ms. It ends after four frames without voice;
the pauses inside words are shorter, and how long a silence ends a turn is the agent's decision.
"""

import numpy as np
import numpy.typing as npt
import webrtcvad  # type: ignore[import-untyped]

from gateway.media.floor import Floor
from gateway.media.lines import SILENT, TRAILING, VOICED

_ONSET = 3
_WINDOW = 0b11111  # frames looked back on for an onset
_END = 0b1111  # frames without voice that end it
_RATE = 16_000

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_BITS = np.array([n.bit_count() for n in range(_WINDOW + 1)])


class Ears:
    """``mode`` is webrtcvad's aggressiveness, 0 to 3; ``level_db`` the least level in dBFS."""

    def __init__(self, capacity: int, mode: int = 2, level_db: float = -50.0) -> None:
        self._mode = mode
        self._least = (32768 * 10 ** (level_db / 20)) ** 2 * 320  # energy of a frame
        self._vads: list[webrtcvad.Vad] = [webrtcvad.Vad(mode) for _ in range(capacity)]
        self._floor = Floor(capacity)
        self._voiced = np.zeros(capacity, np.uint8)  # the newest frame is the lowest bit
        self.speaking = np.zeros(capacity, bool)

    def forget(self, row: int) -> None:
        self._vads[row] = webrtcvad.Vad(self._mode)
        self._floor.forget(row)
        self._voiced[row] = 0
        self.speaking[row] = False

    def listen(self, rows: Rows, frames: npt.NDArray[np.int16]) -> Mask:
        """One frame (rows x 320, 16 kHz) each; returns the rows on which speech begins in it."""
        voiced = self._voices(rows, frames)
        recent = self._voiced[rows] << 1 & _WINDOW | voiced
        before = self.speaking[rows]
        starts = ~before & (_BITS[recent] >= _ONSET)
        self._voiced[rows] = recent
        self.speaking[rows] = starts | (before & (recent & _END != 0))
        return np.asarray(starts)

    def marks(self, rows: Rows) -> npt.NDArray[np.uint8]:
        """What the frames just listened to are: SILENT, TRAILING or VOICED. Speech is declared
        over some frames late; whoever waits for its end counts from the last voiced one."""
        voiced = self._voiced[rows] & 1 == 1
        return np.where(self.speaking[rows], np.where(voiced, VOICED, TRAILING), SILENT).astype(
            np.uint8
        )

    def _voices(self, rows: Rows, frames: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
        sound = frames.astype(np.float32)
        energy = np.einsum("rn,rn->r", sound, sound)
        loud = (energy >= self._least) & self._floor.above(
            rows, energy / frames.shape[1], self.speaking[rows]
        )
        voiced = np.zeros(len(rows), np.uint8)
        size = frames.shape[1] * 2
        octets = frames.tobytes()
        # Quiet frames are shown to the detector too: it learns the line's noise from them.
        for i, row in enumerate(rows.tolist()):
            voiced[i] = self._vads[row].is_speech(octets[i * size : (i + 1) * size], _RATE)
        return np.asarray(voiced & loud, np.uint8)
