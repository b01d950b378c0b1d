"""A child process of main that is spoken to over a control socket; asyncio's side of it."""

import asyncio
import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from gateway.media.channel import control_pair, hear, tell

Message = dict[str, Any]


class Child:
    """``python -m module`` with its orders, JSON, as the one argument. ``on_message`` gets what
    it says; ``on_death`` is called once, when it has ended, unless ``stop`` ended it."""

    def __init__(
        self,
        module: str,
        orders: Message,
        fds: Sequence[int],
        on_message: Callable[["Child", Message], None],
        on_death: Callable[["Child", int], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_message, self._on_death = on_message, on_death
        self._backlog: deque[tuple[Message, Sequence[Any]]] = deque()
        self._gone = asyncio.Event()
        self._stopping = False
        self._control, theirs = control_pair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-m", module, json.dumps({"control": theirs.fileno(), **orders})],
                pass_fds=[theirs.fileno(), *fds],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    "OPENBLAS_NUM_THREADS": "1",  # its threads would fight the beat for the cores
                },
                stdin=subprocess.DEVNULL,
            )
        self.pid = self._process.pid
        self.ready = False  # it has said so
        self._watch = os.pidfd_open(self.pid)
        self._loop.add_reader(self._watch, self._ended)
        self._loop.add_reader(self._control.fileno(), self._read)

    def send(self, message: Message, sockets: Sequence[Any] = ()) -> None:
        """Never blocks; what finds no room is kept. ``sockets`` belong to ``message["slots"]``."""
        if not self._gone.is_set():
            self._backlog.append((message, sockets))
            self._write()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self, within_s: float = 2.0) -> None:
        """Close its control socket, which ends it; kill it if it does not end."""
        self._stopping = True
        self._hang_up()
        try:
            async with asyncio.timeout(within_s):
                await self._gone.wait()
        except TimeoutError:
            self.kill()
            await self._gone.wait()

    def _write(self) -> None:
        while self._backlog:
            message, sockets = self._backlog[0]
            # A socket that was closed while its message waited belongs to a call that is over.
            if sockets:
                pairs = zip(message["slots"], sockets, strict=True)
                still = [(slot, sock.fileno()) for slot, sock in pairs if sock.fileno() >= 0]
                message = {**message, "slots": [slot for slot, _ in still]}
                fds = [fd for _, fd in still]
            else:
                fds = []
            try:
                tell(self._control, message, fds)
            except BlockingIOError:
                self._loop.add_writer(self._control.fileno(), self._write)
                return
            except OSError:
                self._backlog.clear()  # it has died; that is noticed elsewhere
            else:
                self._backlog.popleft()
        self._loop.remove_writer(self._control.fileno())

    def _read(self) -> None:
        try:
            while message := hear(self._control):
                self.ready = self.ready or "ready" in message[0]
                self._on_message(self, message[0])
        except EOFError:
            self._loop.remove_reader(self._control.fileno())

    def _hang_up(self) -> None:
        if self._control.fileno() >= 0:
            self._loop.remove_reader(self._control.fileno())
            self._loop.remove_writer(self._control.fileno())
            self._control.close()

    def _ended(self) -> None:
        self._loop.remove_reader(self._watch)
        os.close(self._watch)
        status = self._process.wait()
        if self._control.fileno() >= 0:
            self._read()  # its last words
        self._hang_up()
        self._gone.set()
        if not self._stopping:
            self._on_death(self, status)
