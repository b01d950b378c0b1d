"""L16 (RFC 3551 section 4.5.11): int16 as it is, in network order."""

import numpy as np
import numpy.typing as npt


def encode(sound: npt.NDArray[np.int16]) -> bytes:
    """int16 samples of one row to octets."""
    return sound.astype(">i2").tobytes()


def decode(octets: bytes) -> npt.NDArray[np.int16]:
    """Octets of one packet to int16; half a sample at the end is left out."""
    return np.frombuffer(octets, ">i2", len(octets) // 2).astype(np.int16)
