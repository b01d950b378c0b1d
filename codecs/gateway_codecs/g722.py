"""ITU-T G.722 at 64 kbit/s: 16 kHz sound in one byte for every two samples, for rows.

Sub-band ADPCM is serial in its samples, so rows are coded one after another, by the ``G722``
library. An encoder and a decoder adapt in step; one that begins anew in the middle of a stream is
told what was last said (``prime``), or the first syllable would come out far too loud.
"""

import numpy as np
import numpy.typing as npt
from G722 import G722

_RATE, _BITRATE = 16_000, 64_000

Rows = npt.NDArray[np.int64]
Samples = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.uint8]


class Encoder:
    def __init__(self, capacity: int) -> None:
        self._coders: list[G722 | None] = [None] * capacity

    def forget(self, row: int) -> None:
        self._coders[row] = None

    def prime(self, row: int, sound: Samples) -> None:
        """Another process said this: go on from there."""
        coder = self._coders[row] = G722(_RATE, _BITRATE)
        coder.encode(sound)

    def run(self, rows: Rows, sound: Samples) -> Bytes:
        """``sound``: rows x 2n at 16 kHz; returns rows x n. Each row once."""
        codes = np.empty((len(rows), sound.shape[1] // 2), np.uint8)
        coders = self._coders
        for i, row in enumerate(rows.tolist()):
            if (coder := coders[row]) is None:
                coder = coders[row] = G722(_RATE, _BITRATE)
            codes[i] = np.frombuffer(coder.encode(sound[i]), np.uint8)
        return codes


class Decoder:
    def __init__(self, capacity: int) -> None:
        self._coders: list[G722 | None] = [None] * capacity

    def forget(self, row: int) -> None:
        self._coders[row] = None

    def prime(self, row: int, sound: Samples) -> None:
        """Another process heard this: go on from there."""
        coder = self._coders[row] = G722(_RATE, _BITRATE)
        coder.decode(G722(_RATE, _BITRATE).encode(sound))

    def run(self, rows: Rows, codes: Bytes) -> Samples:
        """``codes``: rows x n; returns rows x 2n at 16 kHz. Each row once."""
        sound = np.empty((len(rows), 2 * codes.shape[1]), np.int16)
        coders = self._coders
        for i, row in enumerate(rows.tolist()):
            if (coder := coders[row]) is None:
                coder = coders[row] = G722(_RATE, _BITRATE)
            sound[i] = np.frombuffer(coder.decode(codes[i].tobytes()), np.int16)
        return sound
