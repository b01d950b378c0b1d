"""How long requests take, for Prometheus."""

import time

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.metrics import REGISTRY, SECONDS

REQUESTS = Histogram(
    "trunkline_api_request_seconds",
    "Time from a request to the end of its answer, by method, route and status.",
    ["method", "route", "status"],
    buckets=SECONDS,
    registry=REGISTRY,
)


class Measured:
    """ASGI middleware. A route is counted by its template, so that ids make no series."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            took_s = time.monotonic() - began
            REQUESTS.labels(scope["method"], route, str(status)).observe(took_s)
