"""A clock that stands still until it is turned."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

BEGINS_S = 1000.0
ROUNDS = 30  # of the event loop; what one step sets off is over within so many


class Clock:
    """``now`` is monotonic seconds. Turned by 20 ms at a time, it has the granularity of a beat."""

    def __init__(self) -> None:
        self.now = BEGINS_S
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()  # what is due together is done in the order it was asked for

    def __call__(self) -> float:
        return self.now

    def at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._number), what))

    def turn(self, seconds: float) -> None:
        """Time passes, and what is due happens."""
        self.now += seconds
        while self._due and self._due[0][0] <= self.now + 1e-6:
            heapq.heappop(self._due)[2]()


async def settle() -> None:
    """Let every task go as far as it can without time passing."""
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
