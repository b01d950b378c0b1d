"""The HTTP server, inside the daemon's own loop and leaving its signals alone."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from gateway.api.settings import ApiSettings
from gateway.errors import ConfigError

log = logging.getLogger(__name__)

GOODBYE_S = 5  # for requests that are being answered when the daemon leaves

# Who holds a port: ("tcp", port) to a name, or "" if that cannot be found out.
Holder = Callable[[str, int], str]


class _Uvicorn(uvicorn.Server):
    """Uvicorn as a guest: it takes no signals, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


class Server:
    """One listening address. ``port`` is the real one, once started, also if 0 was asked for."""

    def __init__(
        self, app: FastAPI, settings: ApiSettings, holder: Holder = lambda kind, port: ""
    ) -> None:
        self._app = app
        self._settings = settings
        self._holder = holder
        self._socket: socket.socket | None = None
        self._server: _Uvicorn | None = None
        self._running: asyncio.Task[None] | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen and serve. Raises ConfigError if the address cannot be had."""
        self._socket = self._bind()
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            ws_per_message_deflate=False,  # sound is not made smaller by it, only later
            timeout_graceful_shutdown=GOODBYE_S,
        )
        self._server = _Uvicorn(config)
        self._running = asyncio.create_task(self._server.serve([self._socket]), name="api")
        await self._server.up.wait()
        log.info("the API listens", extra={"listen": self._settings.listen, "port": self.port})

    async def stop(self) -> None:
        """Answer what has been asked, then close; takes GOODBYE_S at most."""
        if self._server is not None and self._running is not None:
            self._server.should_exit = True
            await self._running
        if self._socket is not None:
            self._socket.close()

    def _bind(self) -> socket.socket:
        host, port = self._settings.address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            return socket.create_server((host, port), family=family, backlog=1024)
        except OSError as error:
            raise ConfigError(self._explain(error, host, port)) from None

    def _explain(self, error: OSError, host: str, port: int) -> str:
        key = f"[api] listen (or GATEWAY_API__LISTEN) {self._settings.listen}"
        match error.errno:
            case errno.EADDRINUSE:
                holder = self._holder("tcp", port)
                by = f" by {holder}" if holder else ""
                return f"{key}: TCP port {port} is taken{by}; stop that, or choose another port"
            case errno.EADDRNOTAVAIL:
                return f"{key}: this machine has no address {host}"
            case errno.EACCES:
                return f"{key}: port {port} needs root or CAP_NET_BIND_SERVICE"
        return f"{key}: {error.strerror}"
