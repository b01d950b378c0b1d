"""ITU-T G.711, both laws, by tables: 14-bit µ-law and 13-bit A-law, in the top bits of int16.

The tables are computed as in the ITU-T software tool library (G.191): the two low bits (µ) or
three low bits (A) of a sample are dropped before its segment is found.
"""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.uint8]


def _mulaw_values() -> Samples:
    code = ~np.arange(256, dtype=np.uint8)  # all bits are inverted on the wire (table 2a)
    exponent, mantissa = (code >> 4 & 7).astype(int), (code & 15).astype(int)
    magnitude = ((mantissa << 3) + 0x84 << exponent) - 0x84
    return np.asarray(np.where(code & 0x80, -magnitude, magnitude), np.int16)


def _alaw_values() -> Samples:
    code = np.arange(256, dtype=np.uint8) ^ 0x55  # even bits are inverted on the wire (table 1a)
    exponent, mantissa = (code >> 4 & 7).astype(int), (code & 15).astype(int)
    magnitude = np.where(
        exponent == 0, (mantissa << 4) + 8, (mantissa << 4) + 0x108 << np.maximum(exponent - 1, 0)
    )
    return np.asarray(np.where(code & 0x80, magnitude, -magnitude), np.int16)


def _every_sample() -> npt.NDArray[np.int64]:
    """Each int16, in the order of its bits read as uint16."""
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int64)


def _mulaw_codes() -> Bytes:
    sample = _every_sample()
    # One's complement of a negative sample keeps the two signs symmetrical.
    magnitude = np.minimum((np.where(sample < 0, ~sample, sample) >> 2) + 33, 0x1FFF)
    exponent = np.floor(np.log2(magnitude)).astype(int) - 5
    mantissa = magnitude >> exponent + 1 & 15
    return np.asarray(~(np.where(sample < 0, 0x80, 0) | exponent << 4 | mantissa) & 0xFF, np.uint8)


def _alaw_codes() -> Bytes:
    sample = _every_sample()
    magnitude = np.where(sample < 0, ~sample, sample) >> 4
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(int) - 3, 0)
    mantissa = magnitude >> np.maximum(exponent - 1, 0) & 15
    return np.asarray((np.where(sample < 0, 0, 0x80) | exponent << 4 | mantissa) ^ 0x55, np.uint8)


_MULAW_VALUES, _ALAW_VALUES = _mulaw_values(), _alaw_values()
_MULAW_CODES, _ALAW_CODES = _mulaw_codes(), _alaw_codes()


def _pairs(values: Samples) -> npt.NDArray[np.uint32]:
    """Two samples for each two bytes, which halves the time that looking up takes."""
    codes = np.arange(65536, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    return values[codes].view(np.uint32)[:, 0]


_MULAW_PAIRS, _ALAW_PAIRS = _pairs(_MULAW_VALUES), _pairs(_ALAW_VALUES)


def _decode(codes: Bytes, values: Samples, pairs: npt.NDArray[np.uint32]) -> Samples:
    if codes.shape[-1] % 2:
        return values[codes]
    return pairs.take(np.ascontiguousarray(codes).view(np.uint16)).view(np.int16)


def encode_mulaw(samples: Samples) -> Bytes:
    """int16 to µ-law bytes, any shape."""
    return _MULAW_CODES.take(np.ascontiguousarray(samples).view(np.uint16))


def decode_mulaw(codes: Bytes) -> Samples:
    """µ-law bytes to int16, any shape."""
    return _decode(codes, _MULAW_VALUES, _MULAW_PAIRS)


def encode_alaw(samples: Samples) -> Bytes:
    """int16 to A-law bytes, any shape."""
    return _ALAW_CODES.take(np.ascontiguousarray(samples).view(np.uint16))


def decode_alaw(codes: Bytes) -> Samples:
    """A-law bytes to int16, any shape."""
    return _decode(codes, _ALAW_VALUES, _ALAW_PAIRS)
