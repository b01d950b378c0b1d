"""Telephone codecs over batches of rows: numpy arrays in, numpy arrays out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway_codecs import g711


@dataclass(frozen=True)
class Codec:
    """One codec. Sound is int16 at ``rate`` Hz, shape rows x samples; bytes are uint8."""

    name: str  # as in SDP's rtpmap
    payload: int  # static RTP payload type (RFC 3551 section 6)
    rate: int  # Hz, also of the RTP clock
    encode: Callable[[npt.NDArray[np.int16]], npt.NDArray[np.uint8]]
    decode: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.int16]]
    silence: int  # the byte that decodes to nothing


PCMU = Codec("PCMU", 0, 8000, g711.encode_mulaw, g711.decode_mulaw, 0xFF)
PCMA = Codec("PCMA", 8, 8000, g711.encode_alaw, g711.decode_alaw, 0xD5)

# The index is what a row's ``codec`` column holds.
CODECS: tuple[Codec, ...] = (PCMU, PCMA)


def codec_named(name: str) -> int | None:
    """The index in ``CODECS`` of a name from SDP, which is compared without case (RFC 4855)."""
    return next((n for n, codec in enumerate(CODECS) if codec.name == name.upper()), None)


__all__ = ["CODECS", "PCMA", "PCMU", "Codec", "codec_named"]
