"""Tones as frames of 20 ms at 16 kHz: telephone keys (ITU-T Q.23), for peers that agreed on no
RFC 4733 events and so that a recording has what was dialled; and the tones of a call's progress."""

import numpy as np
import numpy.typing as npt

from gateway.rtp.digits import BEATS, KEYS, TONE_BEATS

_RATE = 16_000
_FRAME = _RATE // 50
_LOW = dict(zip("123A456B789C*0#D", np.repeat([697, 770, 852, 941], 4), strict=True))
_HIGH = dict(zip("123A456B789C*0#D", np.tile([1209, 1336, 1477, 1633], 4), strict=True))
_PEAK = 5000  # of each of the two tones: -10 dBm0 together
_RAMP = 80  # samples: 5 ms, so that nothing clicks


def _key(key: str) -> npt.NDArray[np.int16]:
    t = np.arange(TONE_BEATS * _FRAME) / _RATE
    tone = _PEAK * (np.sin(2 * np.pi * _LOW[key] * t) + np.sin(2 * np.pi * _HIGH[key] * t))
    tone[:_RAMP] *= np.arange(_RAMP) / _RAMP
    tone[-_RAMP:] *= np.arange(_RAMP)[::-1] / _RAMP
    whole = np.zeros(BEATS * _FRAME)
    whole[: len(tone)] = tone
    return np.rint(whole).astype(np.int16).reshape(BEATS, _FRAME)


# Event code x beat of the digit x samples at 16 kHz.
TONES = np.stack([_key(key) for key in KEYS])


def _cadence(tones: tuple[float, ...], *seconds: float) -> npt.NDArray[np.int16]:
    """Sound and silence in turn, beginning with sound: one round of it."""
    parts = []
    for at, length in enumerate(seconds):
        part = np.zeros(round(length * _RATE))
        if at % 2 == 0:
            t = np.arange(len(part)) / _RATE
            part = _PEAK / len(tones) * np.sin(2 * np.pi * np.outer(tones, t)).sum(axis=0)
            part[:_RAMP] *= np.arange(_RAMP) / _RAMP
            part[-_RAMP:] *= np.arange(_RAMP)[::-1] / _RAMP
        parts.append(part)
    return np.rint(np.concatenate(parts)).astype(np.int16).reshape(-1, _FRAME)


# Frames x samples, to be said over and over: what North America (ANSI T1.401) and Europe
# (ETSI TR 101 041) hear. The beep is what voicemail begins with; it is said once.
RINGBACK = {"us": _cadence((440, 480), 2, 4), "eu": _cadence((425,), 1, 4)}
BUSY = {"us": _cadence((480, 620), 0.5, 0.5), "eu": _cadence((425,), 0.5, 0.5)}
BEEP = _cadence((1000,), 0.5, 0.5)
