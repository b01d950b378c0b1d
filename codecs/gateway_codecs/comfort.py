"""Comfort noise (RFC 3389): how loud the silence is, and a silence so loud.

Only the level is used, not the spectrum, as section 4 allows.
"""

import numpy as np
import numpy.typing as npt

PAYLOAD = 13  # static, at 8 kHz (RFC 3551 section 6)
_LOUDEST = 30  # -dBov: what is louder is no comfort
_RNG = np.random.default_rng(3389)
_NOISE = _RNG.normal(0, 1, 32_000 + 320).astype(np.float32)

Levels = npt.NDArray[np.uint8]


def write(level: int) -> bytes:
    """``level``: -dBov, 0 to 127."""
    return bytes([min(level, 127)])


def noise(levels: Levels, samples: int, beat: int) -> npt.NDArray[np.int16]:
    """One frame for each level (-dBov): rows x samples. ``beat`` says which part of the noise."""
    rms = 32_768 * 10 ** (-np.maximum(levels & 0x7F, _LOUDEST).astype(np.float32) / 20)
    # Rows begin at places far apart, or a conference would hear one noise in step.
    start = (beat * 7919 + np.arange(len(levels)) * 4001) % 32_000
    frames = _NOISE[start[:, None] + np.arange(samples)]
    return np.asarray(np.rint(frames * rms[:, None]), np.int16)
