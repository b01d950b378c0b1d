"""So many requests are worked on at once, however many come: the others wait in line.

The telephone shares this event loop. In each of its rounds every request that is being worked on
may take a step, and an INVITE waits behind all of them; so their number is what bounds how long.
"""

import asyncio

from prometheus_client import Gauge
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.errors import response
from gateway.metrics import REGISTRY

# Who takes longer waits for somebody else (a vendor, a bucket, a client that sends its file in
# small pieces) and makes no round of the loop longer.
HELD_S = 0.25
# Who watches the gateway must have an answer above all when it is busy.
FREE = ("/health/", "/metrics")

WAITING = Gauge(
    "trunkline_api_requests_waiting",
    "Requests that wait for others to be answered before they are worked on.",
    registry=REGISTRY,
)


class Turnstile:
    """ASGI middleware. A request holds one of ``at_once`` places from when its body has come, or
    the first part of it, until its answer begins, but no longer than ``held_s``. When
    ``most_waiting`` are in line, who comes is refused: 503.
    """

    def __init__(
        self,
        app: ASGIApp,
        at_once: int,
        most_waiting: int,
        held_s: float = HELD_S,
    ) -> None:
        self._app = app
        self._most_waiting = most_waiting
        self._held_s = held_s
        self._places = asyncio.Semaphore(at_once)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(FREE):
            await self._app(scope, receive, send)
            return
        first = await receive()
        if first["type"] == "http.disconnect":
            return
        if self._places.locked() and self._waiting >= self._most_waiting:
            message = f"{self._waiting} requests are waiting to be answered; try again later"
            await response(503, message, {"Retry-After": "1"})(scope, receive, send)
            return
        await self._wait()
        leaves = _Once(self._places)
        timer = asyncio.get_running_loop().call_later(self._held_s, leaves)
        unread = [first]

        async def read() -> Message:
            return unread.pop() if unread else await receive()

        async def answer(message: Message) -> None:
            leaves()
            await send(message)

        try:
            await self._app(scope, read, answer)
        finally:
            leaves()
            timer.cancel()

    async def _wait(self) -> None:
        self._waiting += 1
        WAITING.inc()
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
            WAITING.dec()


class _Once:
    """Gives a place back, however often it is told to."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places: asyncio.Semaphore | None = places

    def __call__(self) -> None:
        if self._places:
            self._places.release()
            self._places = None
