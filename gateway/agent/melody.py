"""Music, as it is played to those who wait: sound without the gaps that every voice has, and with
a spectrum that stands in peaks, as no noise has."""

from collections import deque

_EVERY = 10  # frames between two looks
_KEPT = 200  # frames that are looked at: 4 s
_SHARE = 0.93  # of them that must be loud and peaked; of speech, three quarters are
_LEAST_DB = -40.0
_GAP_DB = 18.0  # below the loudest, a frame is a gap
_FLAT = 0.2


class Melody:
    def __init__(self) -> None:
        self._frames = 0
        self._levels: deque[float] = deque(maxlen=_KEPT)
        self._peaked: deque[bool] = deque(maxlen=_KEPT)

    def hear(self, db: float, flatness: float) -> bool:
        """A frame's level in dBFS and its spectrum's flatness; True if it is music."""
        self._frames += 1
        self._levels.append(db)
        self._peaked.append(flatness < _FLAT)
        if self._frames % _EVERY or self._frames < _KEPT or db < _LEAST_DB - _GAP_DB:
            return False
        loudest = max(self._levels)
        if loudest < _LEAST_DB:
            return False
        pairs = zip(self._levels, self._peaked, strict=True)
        music = sum(peaked and level > loudest - _GAP_DB for level, peaked in pairs)
        return music >= _SHARE * _KEPT
