"""A token bucket: so many a second on average, and a burst of them at most."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """``rate`` tokens a second, ``burst`` of them at most. Rate 0 is no limit."""

    rate: float
    burst: float
    _left: float = field(default=-1.0, init=False)
    _at: float = field(default=0.0, init=False)

    def take(self, now: float, tokens: float = 1.0) -> bool:
        if not self.rate:
            return True
        if self._left < 0:
            self._left, self._at = self.burst, now
        self._left = min(self.burst, self._left + (now - self._at) * self.rate)
        self._at = now
        if self._left < tokens:
            return False
        self._left -= tokens
        return True
