"""One agent process, as main sees it: started, told, heard, and noticed when it ends."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import AF_UNIX, SOCK_STREAM, socket, socketpair
from typing import cast

from gateway.agent.framing import Unframe, frame
from gateway.agent.load import Load
from gateway.agent.messages import (
    FROM_PROCESS,
    Alive,
    FromAgent,
    Ready,
    Recalled,
    Setup,
    ToProcess,
)
from gateway.agent.metrics import VOICE_CACHE

log = logging.getLogger(__name__)

EXIT_S = 3.0


class Child(asyncio.Protocol):
    """One process, and the socket to it."""

    def __init__(
        self,
        command: Sequence[str],
        setup: Setup,
        on_message: Callable[[FromAgent], None],
        on_alive: Callable[["Child", Alive], None],
        on_death: Callable[["Child", int], None],
    ) -> None:
        self._on_message, self._on_alive, self._on_death = on_message, on_alive, on_death
        self._unframe = Unframe()
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._connected = True
        self._status: int | None = None
        self._stopping = False
        self.index: int | None = None  # None: a spare
        self.load = Load()
        self.ready = asyncio.Event()
        self.gone = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.heard_at = loop.time()
        mine, theirs = socketpair(AF_UNIX, SOCK_STREAM)
        mine.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno(), setup.lines, *setup.wakes],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    "OPENBLAS_NUM_THREADS": "1",  # a beat's arithmetic is too small for threads
                },
                stdin=subprocess.DEVNULL,
            )
        self.pid = self._process.pid
        self._watch = os.pidfd_open(self.pid)
        loop.add_reader(self._watch, self._ended)
        self._connecting = loop.create_task(self._connect(mine))
        self.send(setup)

    async def _connect(self, mine: socket) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, sock=mine)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport, so this cannot be asserted.
        self._transport = cast(asyncio.Transport, transport)
        for data in self._unsent:
            self._transport.write(data)
        self._unsent.clear()

    def data_received(self, data: bytes) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        for body in self._unframe.feed(data):
            message = FROM_PROCESS.validate_json(body)
            if isinstance(message, Ready):
                self.ready.set()
            elif isinstance(message, Alive):
                self._on_alive(self, message)
            elif isinstance(message, Recalled):
                VOICE_CACHE.labels("hit" if message.known else "miss").inc()
            else:
                self._on_message(message)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    def send(self, message: ToProcess) -> None:
        if self._transport is None:
            self._unsent.append(frame(message))
        elif not self._transport.is_closing():
            self._transport.write(frame(message))

    async def stop(self) -> None:
        """Close its socket, which ends it; kill it if it does not end."""
        self._stopping = True
        await self._connecting
        if self._transport:
            self._transport.close()
        try:
            async with asyncio.timeout(EXIT_S):
                await self.gone.wait()
        except TimeoutError:
            log.warning("an agent process does not end and is killed", extra={"pid": self.pid})
            self.kill()
            await self.gone.wait()

    def eof_received(self) -> None:
        """It has closed its end; so does ours, by itself."""

    def _ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._watch)
        os.close(self._watch)
        self._status = self._process.wait()
        self._finish()

    def connection_lost(self, error: Exception | None) -> None:
        self._connected = False
        self._finish()

    def _finish(self) -> None:
        """It is over when it has ended and its last words have been read."""
        if self._status is None or self._connected:
            return
        self.gone.set()
        if not self._stopping:
            self._on_death(self, self._status)
