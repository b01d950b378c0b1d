"""Packets of codecs that keep no octet a tick (Opus, L16): opened one row at a time, into frames.

A packet may sound for 2.5 to 120 ms. What it has more than its beat is kept ready for the next.
"""

import numpy as np
import numpy.typing as npt

from gateway_codecs import OPUS, Codec, l16, opus

_PATIENCE = 50  # beats without a packet before there is silence; the sparsest Opus sends every 20
_NOTABLE = 5  # beats of them that count as concealed: after that libopus has faded to silence
_GRAIN = 40  # samples: libopus makes up multiples of 2.5 ms

Samples = npt.NDArray[np.int16]
Packets = list[tuple[int, bytes]]  # ticks after the frame's beginning, payload
_NOTHING = np.empty(0, np.int16)


class Opened:
    """Each row's decoder, and the sound that it has ready."""

    def __init__(self, capacity: int) -> None:
        self._ready: list[Samples] = [_NOTHING] * capacity
        self._decoders: list[opus.Decoder | None] = [None] * capacity
        self._slot = [-1] * capacity
        self._without = [0] * capacity

    def forget(self, row: int) -> None:
        self._ready[row] = _NOTHING
        self._decoders[row] = None
        self._slot[row] = -1
        self._without[row] = 0

    def interrupt(self, row: int) -> None:
        """What came before must not be heard again, nor gone on with."""
        self._ready[row] = _NOTHING
        self._without[row] = _PATIENCE

    def frame(self, row: int, codec: Codec, slot: int, packets: Packets,
              following: bytes | None) -> tuple[Samples | None, bool]:  # fmt: skip
        """20 ms at the codec's rate, and whether some of it is made up; None: it is lost, and this
        codec has no way to make it up. ``following`` is the packet of the next slot."""
        size, tick = codec.rate // 50, codec.clock // codec.rate
        ready = self._ready[row] if slot == self._slot[row] + 1 else _NOTHING
        self._slot[row] = slot
        made_up = False
        for offset, octets in packets:
            at = offset // tick
            if (gap := at - len(ready)) > 0:
                made_up = True
                ready = np.concatenate([ready, self._lost(row, codec, gap, octets)])
            sound = self._decode(row, codec, octets)
            ready = np.concatenate([ready[:at], sound]) if at else sound
        self._without[row] = 0 if len(ready) else self._without[row] + 1
        if (gap := size - len(ready)) > 0:
            if codec is not OPUS:
                self._ready[row] = _NOTHING
                return None, False
            made_up = self._without[row] <= _NOTABLE and not self._decoder(row).sparse
            ready = np.concatenate([ready, self._lost(row, codec, gap, following)])
        self._ready[row] = ready[size:]
        return ready[:size], made_up

    def _decoder(self, row: int) -> opus.Decoder:
        decoder = self._decoders[row]
        if decoder is None:
            decoder = self._decoders[row] = opus.Decoder()
        return decoder

    def _decode(self, row: int, codec: Codec, octets: bytes) -> Samples:
        if codec is not OPUS:
            return l16.decode(octets)
        sound = self._decoder(row).run(octets)
        return _NOTHING if sound is None else sound

    def _lost(self, row: int, codec: Codec, samples: int, following: bytes | None) -> Samples:
        if codec is not OPUS or self._without[row] > _PATIENCE:
            return np.zeros(samples, np.int16)
        whole = -(-samples // _GRAIN) * _GRAIN
        return self._decoder(row).conceal(whole, following)[:samples]
