"""RTP packets in batches (RFC 3550 section 5.1): one packet a row of bytes.

Nothing is raised for a bad packet: it comes from the network, and its neighbours in the batch
are good. ``Headers.good`` says which rows may be believed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

HEADER = 12
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Headers:
    """The fixed header of each packet, and where in its row of bytes the payload lies."""

    good: npt.NDArray[np.bool_]
    payload: Bytes  # payload type
    marker: npt.NDArray[np.bool_]
    sequence: npt.NDArray[np.uint16]
    timestamp: npt.NDArray[np.uint32]
    ssrc: npt.NDArray[np.uint32]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Headers":
        return Headers(**{name: column[chosen] for name, column in vars(self).items()})


def parse(data: Bytes, lengths: npt.NDArray[np.int64]) -> Headers:
    """``data``: packets x bytes, of which the first ``lengths`` are the packet's own; a row must
    have room for at least a header. What lies behind a packet's end may be anything."""
    n = np.arange(len(data))
    first, second = data[:, 0], data[:, 1]
    good = (lengths >= HEADER) & (first >> 6 == 2)
    # RTCP on the same port (RFC 5761 section 4): packet types 192 to 223.
    good &= (second < 192) | (second > 223)
    start = HEADER + 4 * (first & 15).astype(np.int64)
    extended = good & (first & 0x10 != 0)
    if extended.any():
        at = np.minimum(start, data.shape[1] - 4)
        words = data[n, at + 2].astype(np.int64) << 8 | data[n, at + 3]
        good &= ~extended | (start + 4 <= lengths)
        start = np.where(extended, start + 4 + 4 * words, start)
    end = lengths.astype(np.int64)
    padded = good & (first & 0x20 != 0)
    if padded.any():
        padding = data[n, np.maximum(lengths - 1, 0)]
        good &= ~padded | (padding > 0)
        end = np.where(padded, end - padding, end)
    good &= start <= end
    return Headers(
        good,
        np.asarray(second & 0x7F, np.uint8),
        second >= 0x80,
        _number(data[:, 2:4], ">u2"),
        _number(data[:, 4:8], ">u4"),
        _number(data[:, 8:12], ">u4"),
        start,
        end,
    )


def write(
    into: Bytes,
    *,
    payload: npt.NDArray[Any],
    marker: npt.NDArray[Any],
    sequence: npt.NDArray[np.uint16],
    timestamp: npt.NDArray[np.uint32],
    ssrc: npt.NDArray[np.uint32],
) -> None:
    """Fill the first 12 bytes of each row: version 2, no padding, extension or CSRC."""
    into[:, 0] = 0x80
    into[:, 1] = payload | marker.astype(np.uint8) << 7
    into[:, 2:4] = _octets(sequence, ">u2")
    into[:, 4:8] = _octets(timestamp, ">u4")
    into[:, 8:12] = _octets(ssrc, ">u4")


def _number(octets: Bytes, kind: str) -> npt.NDArray[Any]:
    return np.ascontiguousarray(octets).view(kind)[:, 0].astype(kind.replace(">", "="))


def _octets(numbers: npt.NDArray[Any], kind: str) -> Bytes:
    return numbers.astype(kind).view(np.uint8).reshape(-1, numbers.itemsize)
