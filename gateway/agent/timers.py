"""Timers as data: names and when they are due. Whoever has a clock asks what has come due."""

from math import inf


class Timers:
    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._soonest = inf  # none is due before that

    def __contains__(self, name: str) -> bool:
        return name in self._due

    def start(self, name: str, at: float) -> None:
        """Set, or set anew. ``at`` is monotonic seconds and may lie in the past."""
        self._due[name] = at
        self._soonest = min(self._soonest, at)

    def stop(self, name: str) -> None:
        self._due.pop(name, None)

    def clear(self) -> None:
        self._due.clear()

    def next(self, now: float) -> str | None:
        """Take out the one that came due first, if any has."""
        if now < self._soonest:
            return None
        name = min(self._due, key=self._due.__getitem__, default=None)
        self._soonest = inf if name is None else self._due[name]
        if name is None or self._soonest > now:
            return None
        del self._due[name]
        return name
