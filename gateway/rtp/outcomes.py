"""What a jitter buffer says of the packets that it took, and of the frames that it gives."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pulled:
    """The frame of a beat, for each row."""

    payloads: npt.NDArray[np.uint8]  # rows x 160, of those with an octet a tick
    there: Mask  # which have come
    kinds: npt.NDArray[np.uint8]  # of the frame, or of the one before if none has come
    comfort: Mask  # none has come, because the peer is silent and said so
    skipped: Mask  # a frame was left out before this one, while the peer spoke


@dataclass(frozen=True)
class Put:
    """What became of each packet of a batch."""

    duplicate: Mask
    late: Mask
    other: Mask  # the first of another stream than before: a new SSRC
    unusual: Rows  # the places of all but those that were just the next, in time: where some of
    # these, or what is lost, may have changed


@dataclass(frozen=True)
class Source:
    """Of a row's present stream: what a receiver report tells (RFC 3550 A.3)."""

    ssrc: int
    highest: int  # sequence number, unwrapped
    expected: int  # packets
    got: int
