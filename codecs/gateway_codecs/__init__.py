"""Telephone codecs: numpy arrays in, numpy arrays out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway_codecs import g711, opus


@dataclass(frozen=True)
class Codec:
    """One codec, as SDP and RTP see it; what codes it is in the module of its name."""

    name: str  # as in SDP's rtpmap
    payload: int  # static RTP payload type (RFC 3551 section 6), or the dynamic one that we offer
    rate: int  # Hz of the sound
    clock: int  # Hz of RTP timestamps
    channels: int = 1  # as in rtpmap
    width: int = 1  # octets in a tick of the clock; 0: that varies

    def ticks(self, payload: bytes) -> int:
        """How long a packet sounds, in ticks of the clock; 0: it is not of this codec."""
        return len(payload) // self.width if self.width else opus.ticks(payload)


@dataclass(frozen=True, kw_only=True)
class Law(Codec):
    """G.711: a byte a sample, any number of rows at once."""

    encode: Callable[[npt.NDArray[np.int16]], npt.NDArray[np.uint8]]
    decode: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.int16]]
    silence: int  # the byte that decodes to nothing


PCMU = Law("PCMU", 0, 8000, 8000, encode=g711.encode_mulaw, decode=g711.decode_mulaw, silence=0xFF)
PCMA = Law("PCMA", 8, 8000, 8000, encode=g711.encode_alaw, decode=g711.decode_alaw, silence=0xD5)
G722 = Codec("G722", 9, 16_000, 8000)  # its clock is wrong for ever (RFC 3551 section 4.5.2)
OPUS = Codec("opus", 107, opus.RATE, opus.CLOCK, channels=2, width=0)
L16 = Codec("L16", 108, 16_000, 16_000, width=2)
L16_NARROW = Codec("L16", 109, 8000, 8000, width=2)

# The index is what a row's columns hold.
CODECS: tuple[Codec, ...] = (PCMU, PCMA, G722, OPUS, L16, L16_NARROW)


def codec_named(name: str, clock: int | None = None) -> int | None:
    """The index in ``CODECS`` of a name from SDP, which is compared without case (RFC 4855);
    ``clock`` None: of the first that is called so."""
    for index, codec in enumerate(CODECS):
        if codec.name.upper() == name.upper() and clock in (None, codec.clock):
            return index
    return None


def available() -> tuple[Codec, ...]:
    """Those that this machine can do: Opus needs the system's libopus."""
    return tuple(codec for codec in CODECS if codec is not OPUS or opus.available())


__all__ = ["CODECS", "G722", "L16", "L16_NARROW", "OPUS", "PCMA", "PCMU", "Codec", "Law",
           "available", "codec_named"]  # fmt: skip
