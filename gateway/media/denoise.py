"""Less noise in what a peer says, on the rows that ask for it: WebRTC's suppressor (the extra
``denoise``), between the jitter buffer and the ears, so that the detector of voices, the agent and
the recording have it. Keys are still looked for in the sound as it came.
"""

from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.media.lines import FRAME, Lines

_LEVEL = 2  # of 0 to 4: 3 takes 2 dB more of the noise, and is heard in the voice
_HALF = FRAME  # bytes of 10 ms, which is what the suppressor takes at a time
_LIBRARY = "webrtc_noise_gain"

Rows = npt.NDArray[np.int64]
Samples = npt.NDArray[np.int16]


def missing() -> str | None:
    """Why there can be no denoising; None: there can."""
    return None if find_spec(_LIBRARY) else "the extra denoise (webrtc-noise-gain) is not installed"


class Denoising:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._suppressors: dict[int, Any] = {}  # by row
        self._new: Any = None
        if not missing():
            # Loaded before the beat begins: a beat has no time for it.
            from webrtc_noise_gain import AudioProcessor

            self._new = AudioProcessor

    def forget(self, row: int) -> None:
        self._suppressors.pop(row, None)

    def chosen(self, rows: Rows) -> Rows:
        """The places, in ``rows``, of those that ask for it."""
        return np.flatnonzero(self._lines["denoise"][rows]) if self._new else rows[:0]

    def run(self, rows: Rows, sound: Samples) -> Samples:
        """A frame (rows x 320) each, 6 ms later."""
        clean = np.empty_like(sound)
        for i, row in enumerate(rows.tolist()):
            if (suppressor := self._suppressors.get(row)) is None:
                suppressor = self._suppressors[row] = self._new(0, _LEVEL)
            octets = sound[i].tobytes()
            halves = (suppressor.Process10ms(octets[at : at + _HALF]) for at in (0, _HALF))
            clean[i] = np.frombuffer(b"".join(half.audio for half in halves), np.int16)
        return clean
