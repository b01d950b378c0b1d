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
Numbers = npt.NDArray[np.int64]


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
    head, timestamp, ssrc = _words(data)
    first, second = head >> 24, (head >> 16).astype(np.uint8)
    good = lengths >= HEADER
    # RTCP on the same port (RFC 5761 section 4): packet types 192 to 223.
    good &= second - np.uint8(192) > 223 - 192
    end = lengths.astype(np.int64)
    if (first == 0x80).all():  # no extension, no padding, no sources: as nearly always
        start = np.full(len(data), HEADER)
    else:
        good &= first >> 6 == 2
        start, end = _payload(data, first, end, good)
    good &= start <= end
    return Headers(
        good,
        np.asarray(second & 0x7F, np.uint8),
        second >= 0x80,
        head.astype(np.uint16),
        timestamp,
        ssrc,
        start,
        end,
    )


def _words(data: Bytes) -> npt.NDArray[np.uint32]:
    """The fixed header's three words, each of all packets."""
    head = np.ascontiguousarray(data[:, :HEADER]).view(">u4")
    return np.ascontiguousarray(head.T, np.uint32)


def _payload(
    data: Bytes, first: npt.NDArray[np.uint32], lengths: Numbers, good: npt.NDArray[np.bool_]
) -> tuple[Numbers, Numbers]:
    """Where it begins and ends; packets that contradict themselves are no longer ``good``."""
    n = np.arange(len(data))
    start, end = HEADER + 4 * (first & 15).astype(np.int64), lengths
    extended = good & (first & 0x10 != 0)
    if extended.any():
        at = np.minimum(start, data.shape[1] - 4)
        words = data[n, at + 2].astype(np.int64) << 8 | data[n, at + 3]
        good &= ~extended | (start + 4 <= lengths)
        start = np.where(extended, start + 4 + 4 * words, start)
    padded = good & (first & 0x20 != 0)
    if padded.any():
        padding = data[n, np.maximum(lengths - 1, 0)]
        good &= ~padded | (padding > 0)
        end = np.where(padded, end - padding, end)
    return start, end


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
    words = np.empty((len(into), 3), ">u4")
    head = 0x8000_0000 | payload.astype(np.uint32) << 16 | sequence
    words[:, 0] = head | marker.astype(np.uint32) << 23
    words[:, 1], words[:, 2] = timestamp, ssrc
    into[:, :HEADER] = words.view(np.uint8)
