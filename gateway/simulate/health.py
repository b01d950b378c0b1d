"""How a simulated vendor is: it answers, is dead, or gives nothing while the connection stays."""

import asyncio
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Literal

from gateway.errors import Fault, VendorError
from gateway.simulate.clock import Clock

How = Literal["well", "dead", "stalled"]


class Health:
    """Of one vendor, for all calls that it serves."""

    def __init__(self, vendor: str, clock: Clock) -> None:
        self.vendor = vendor
        self.how: How = "well"
        self.clock = clock
        self.connected: set[Callable[[VendorError], None]] = set()  # told when it dies
        self._waiting: set[asyncio.Future[None]] = set()

    def becomes(self, how: How) -> None:
        """Whoever waits for a dead vendor is told at once; for a stalled one he goes on waiting."""
        self.how = how
        if how == "dead":
            for cut in list(self.connected):
                cut(self._broken())
        for future in list(self._waiting):
            if how == "dead":
                self._end(future, self._broken())
            elif how == "well":
                self._end(future, None)

    async def takes(self, seconds: float) -> None:
        """The vendor works for so long. Raises VendorError if it dies meanwhile."""
        if self.how == "dead":
            raise self._broken()
        if seconds > 0:
            await self._wait(self.clock.now + seconds)
        while self.how == "stalled":
            await self._wait(None)

    async def _wait(self, until: float | None) -> None:
        """Until then, or else until something changes."""
        while until is None or self.clock.now + 1e-6 < until:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            if until is not None:
                self.clock.at(until, partial(self._end, future, None))
            try:
                await future
            finally:
                self._waiting.discard(future)
            if until is None:
                return

    def _end(self, future: asyncio.Future[None], error: VendorError | None) -> None:
        if future.done():
            return
        if error:
            future.set_exception(error)
        else:
            future.set_result(None)

    def _broken(self) -> VendorError:
        return VendorError(self.vendor, Fault.THEIRS, "the connection broke (simulated)")


class Pace:
    """How quick a vendor is: ``ms``, and up to ``jitter_ms`` more, by ``dice``."""

    def __init__(self, jitter_ms: float, dice: Random) -> None:
        self._jitter_ms = jitter_ms
        self._dice = dice

    def s(self, ms: float) -> float:
        return (ms + self._dice.random() * self._jitter_ms) / 1000
