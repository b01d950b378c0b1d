"""When a row that may be silent is silent, and what its comfort noise is like (RFC 3389).

What is sent instead of sound is what the peer would have heard: the noise of the other phone's
room on a bridged line, a soft background, or nothing at all. Whatever is louder than a room, or
changes, is sound, and is sent from the first frame on.
"""

import numpy as np
import numpy.typing as npt

from gateway_codecs import comfort

_HUSH = 10  # beats alike before noise is sent in their place
_AGAIN = 25  # and every so many beats once more: a lost packet must not mean deadly silence
_LOUDEST = 1.0e4  # mean square, -50 dBov: what is louder may be speech
_RISE = 4.0  # 6 dB over the last beats: something begins
_NOTHING = 100.0  # mean square, -70 dBov: what nobody hears, and the least that we tell
_TURN = 3  # dB by which the noise may change before the peer is told
_SMOOTH = 0.1  # of a frame in what is told

Samples = npt.NDArray[np.int16]


class Hush:
    """Of one row. ``spectrum``: its codec's sound is that of the frames."""

    def __init__(self, *, spectrum: bool) -> None:
        self._spectrum = spectrum
        self._recent: list[float] = []  # mean squares of the beats, the newest last
        self._correlation = np.zeros(comfort.ORDER + 1)
        self._alike = 0  # beats
        self._told = 0  # dBov, and how many beats ago
        self._ago = 0

    def packet(self, sound: Samples) -> bytes | None:
        """For a frame at 8 kHz that would be sent: None, send it; noise to be sent instead; or
        nothing at all."""
        power = float(np.mean(sound.astype(np.float64) ** 2))
        usual = max(float(np.mean(self._recent or power)), _NOTHING)
        self._recent = [*self._recent[1 - _HUSH :], power]
        if power > min(_LOUDEST, _RISE * usual):
            self._alike = 0
            self._recent = [power]
            return None
        frame = comfort.correlation(sound)
        if not self._alike:
            self._correlation = frame
        self._correlation += _SMOOTH * (frame - self._correlation)
        self._alike += 1
        if self._alike <= _HUSH:
            return None
        level = comfort.level_of(max(float(np.mean(self._recent)), _NOTHING))
        self._ago += 1
        if self._alike > _HUSH + 1 and self._ago < _AGAIN and abs(level - self._told) < _TURN:
            return b""
        self._told, self._ago = level, 0
        audible = self._spectrum and level < comfort.level_of(_NOTHING)
        return comfort.write(level, comfort.reflections(self._correlation) if audible else None)
