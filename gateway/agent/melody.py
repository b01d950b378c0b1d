"""Music, as it is played to those who wait: sound without the gaps that every voice has, with a
spectrum that stands in peaks, as no noise has, and with more than one note, unlike a hum."""

from collections import Counter, deque

_EVERY = 10  # frames between two looks
_KEPT = 200  # frames that are looked at: 4 s
_SHARE = 0.76  # of them that must be loud and peaked; of speech, two thirds are
_SAME = 0.8  # of those: the share of one note that makes it a hum
_LEAST_DB = -40.0
_GAP_DB = 18.0  # below the loudest, a frame is a gap
_FLAT = 0.35


class Melody:
    def __init__(self) -> None:
        self._frames = 0
        self._levels: deque[float] = deque(maxlen=_KEPT)
        self._peaks: deque[int | None] = deque(maxlen=_KEPT)

    def hear(self, db: float, flatness: float, peak: int) -> bool:
        """A frame's level in dBFS, its spectrum's flatness and loudest bin; True if it is music."""
        self._frames += 1
        self._levels.append(db)
        self._peaks.append(peak if flatness < _FLAT else None)
        if self._frames % _EVERY or self._frames < _KEPT or db < _LEAST_DB - _GAP_DB:
            return False
        loudest = max(self._levels)
        if loudest < _LEAST_DB:
            return False
        pairs = zip(self._levels, self._peaks, strict=True)
        notes = [peak for level, peak in pairs if peak is not None and level > loudest - _GAP_DB]
        if len(notes) < _SHARE * _KEPT:
            return False
        ((_, most),) = Counter(notes).most_common(1)
        return most < _SAME * len(notes)
