"""Who wants to be woken when: one heap for everything that has timers."""

from heapq import heappop, heappush
from itertools import count
from typing import Protocol


class Sleeper(Protocol):
    def wake_at(self) -> float | None: ...
    def wake(self, now: float) -> None: ...


class Alarms:
    """Each sleeper has at most one entry that counts; those it has outrun are skipped."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Sleeper]] = []
        self._set: dict[Sleeper, float] = {}
        self._order = count()

    def watch(self, sleeper: Sleeper) -> None:
        """To be called whenever the sleeper's ``wake_at`` may have come nearer."""
        at = sleeper.wake_at()
        if at is not None and at < self._set.get(sleeper, float("inf")):
            self._set[sleeper] = at
            heappush(self._heap, (at, next(self._order), sleeper))

    def due(self, now: float) -> list[Sleeper]:
        """Those whose time has come; each is to be woken, then watched again."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            at, _, sleeper = heappop(self._heap)
            if self._set.get(sleeper) != at:
                continue
            del self._set[sleeper]
            wanted = sleeper.wake_at()
            if wanted is not None and wanted <= now:
                found.append(sleeper)
            else:
                self.watch(sleeper)
        return found

    def wake_at(self) -> float | None:
        """The next time to look, or None; it may be too early, never too late."""
        return self._heap[0][0] if self._heap else None
