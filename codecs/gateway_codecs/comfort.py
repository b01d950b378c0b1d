"""Comfort noise (RFC 3389): how loud silence is and how it sounds, and a silence like that.

Its sound is an all-pole model in reflection coefficients, signed as the ITU-T's and libwebrtc's:
the first is negative where low tones prevail.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

PAYLOAD = 13  # static, at 8 kHz (RFC 3551 section 6)
ORDER = 8  # coefficients that we send
LEVELS = 127  # -dBov of the least noise that can be named
_MOST_ORDER = 32  # that are looked at
_LOUDEST = 30  # -dBov: what is louder is no comfort
_STEP, _ZERO = 258 / 32_768, 127  # of a coefficient's octet (section 3.2)
_TAPS = 64  # of the filter that noise is shaped by
_RNG = np.random.default_rng(3389)
_NOISE = _RNG.normal(0, 1, 32_000 + 320 + _TAPS).astype(np.float32)

Levels = npt.NDArray[np.uint8]
Shape = npt.NDArray[np.float32]  # taps of a filter that leaves the power of white noise as it is


def level_of(power: float) -> int:
    """-dBov of this mean square, 0 to 127."""
    return int(np.clip(np.rint(-10 * np.log10(max(power, 1e-9) / 32_768**2)), 0, LEVELS))


def write(level: int, reflections: npt.NDArray[np.float64] | None = None) -> bytes:
    """``level``: -dBov, 0 to 127."""
    head = bytes([min(level, LEVELS)])
    if reflections is None:
        return head
    octets = np.clip(np.rint(reflections / _STEP) + _ZERO, 0, 254).astype(np.uint8)
    return head + bytes(octets.tolist())


def read(payload: bytes) -> tuple[int, Shape | None]:
    """Level (-dBov) and sound; None: white."""
    octets = np.frombuffer(payload[1 : 1 + _MOST_ORDER], np.uint8)
    if not len(octets) or (octets == _ZERO).all():
        return payload[0] & 0x7F, None
    return payload[0] & 0x7F, _shape((np.minimum(octets, 254).astype(np.float64) - _ZERO) * _STEP)


def reflections(correlation: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of an autocorrelation (``ORDER`` + 1 lags), by Levinson and Durbin."""
    found = np.zeros(ORDER)
    model, rest = np.array([1.0]), correlation[0] * 1.0001 + 1e-9  # white noise at -40 dB below
    for n in range(ORDER):
        found[n] = np.clip(-(model @ correlation[n + 1 : 0 : -1]) / rest, -0.99, 0.99)
        model = np.append(model, 0)
        model = model + found[n] * model[::-1]
        rest *= 1 - found[n] ** 2
    return found


def correlation(sound: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """Lags 0 to ``ORDER`` of a frame, whose ends are faded."""
    faded = sound * np.hanning(len(sound))
    return np.array([faded[lag:] @ faded[: len(faded) - lag] for lag in range(ORDER + 1)])


def _shape(coefficients: npt.NDArray[np.float64]) -> Shape:
    model = np.array([1.0])
    for each in coefficients:
        model = np.append(model, 0)
        model = model + each * model[::-1]
    response = np.fft.irfft(1 / np.fft.rfft(model, 4 * _TAPS))[:_TAPS]
    return np.asarray(response / np.sqrt(response @ response), np.float32)


def noise(levels: Levels, samples: int, beat: int,
          shapes: Mapping[int, Shape] | None = None) -> npt.NDArray[np.int16]:  # fmt: skip
    """One frame for each level (-dBov): rows x samples, some of them of other ``shapes`` than
    white. ``beat`` says which part of the noise."""
    rms = 32_768 * 10 ** (-np.maximum(levels & 0x7F, _LOUDEST).astype(np.float32) / 20)
    # Rows begin at places far apart, or a conference would hear one noise in step.
    start = (beat * samples + np.arange(len(levels)) * 4001) % 32_000
    frames = _NOISE[start[:, None] + _TAPS + np.arange(samples)]
    for row, shape in (shapes or {}).items():
        past = _NOISE[start[row] + 1 : start[row] + _TAPS + samples]
        frames[row] = np.convolve(past, shape, "valid")
    return np.asarray(np.rint(frames * rms[:, None]), np.int16)
