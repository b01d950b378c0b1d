"""Main's side of the agent processes: who holds which call, and what happens when one dies.

A spare process stands by with everything loaded. When a process is killed, the spare takes its
number and its calls within milliseconds: the sound goes on in media, and each conversation goes
on from its last checkpoint.
"""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from socket import AF_UNIX, SOCK_STREAM, socket, socketpair
from typing import cast

from gateway.agent.load import Load, Overloaded, lightest
from gateway.agent.messages import (
    FROM_PROCESS,
    ActionResult,
    Adopt,
    Alive,
    Answered,
    Away,
    FromAgent,
    HangUp,
    Know,
    Limits,
    Offer,
    Progress,
    Ready,
    Setup,
    Spoken,
    Start,
    Stop,
    Stopped,
    ToAgent,
    ToProcess,
    Unframe,
    frame,
)
from gateway.agent.settings import AgentSettings
from gateway.errors import GatewayError
from gateway.logs import LogSettings, about
from gateway.reasons import Ended
from gateway.speech.settings import VendorSettings

log = logging.getLogger(__name__)

READY_S = 30.0  # for a process to load everything
BREATH_S = 0.5  # before another is started in the place of one that was never ready
EXIT_S = 3.0
HUNG_S = 10.0  # a process at work that says nothing for so long is killed and replaced


class _Child(asyncio.Protocol):
    """One process, and the socket to it."""

    def __init__(
        self,
        command: Sequence[str],
        setup: Setup,
        on_message: Callable[[FromAgent], None],
        on_alive: Callable[["_Child", Alive], None],
        on_death: Callable[["_Child", int], None],
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
            await asyncio.wait_for(self.gone.wait(), EXIT_S)
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


@dataclass
class _Held:
    """A call that some process holds."""

    index: int
    start: Start  # as it would be started again
    on_message: Callable[[FromAgent], None]
    deaths: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    unheard: dict[str, ActionResult] = field(default_factory=dict)  # results not yet acknowledged


class Agents:
    """``wakes`` are the eventfds that media writes to: there is one process for each. ``allowed``:
    networks that servers of assistants may be in though they are not public."""

    command: Sequence[str] = (sys.executable, "-m", "gateway.agent.process")
    hung_s = HUNG_S

    def __init__(
        self,
        settings: AgentSettings,
        wakes: Sequence[int],
        lines_fd: int,
        capacity: int,
        vendors: dict[str, VendorSettings],
        log: LogSettings,
        allowed: Sequence[str] = (),
    ) -> None:
        self._settings = settings
        self._setup = Setup(
            lines=lines_fd,
            capacity=capacity,
            wakes=tuple(wakes),
            limits=Limits(
                conversation=settings.context_characters, result=settings.result_characters
            ),
            vendors={
                name: {**vendor.model_dump(exclude={"api_key"}), "api_key": vendor.key or None}
                for name, vendor in vendors.items()
            },
            allowed=tuple(allowed),
            log=log.model_dump(),
            smart_turn=settings.smart_turn,
        )
        self._workers: dict[int, _Child] = {}
        self._spare: _Child | None = None
        self._calls: dict[str, _Held] = {}
        self._closing = False
        self._watching: asyncio.TimerHandle | None = None
        self.restarts = 0
        self.refused = 0  # calls, because every process lagged

    async def start(self) -> None:
        """Returns when every process is ready. Raises GatewayError if one is not in time."""
        for index in range(len(self._setup.wakes)):
            self._put_to_work(self._load(), index)
        self._spare = self._load()
        try:
            async with asyncio.timeout(READY_S):
                for child in list(self._workers.values()):
                    await child.ready.wait()
        except TimeoutError:
            await self.close()
            raise GatewayError(f"the agent processes were not ready in {READY_S:g} s") from None
        self._watch()

    def _watch(self) -> None:
        """A process that hangs would keep its calls in silence: it is killed, and replaced."""
        loop = asyncio.get_running_loop()
        if self._watching:
            self._watching.cancel()
        for child in self._workers.values():
            silent_s = loop.time() - child.heard_at
            if child.ready.is_set() and silent_s > self.hung_s:
                facts = {"pid": child.pid, "silent_s": round(silent_s, 1)}
                log.error("an agent process hangs and is killed", extra=facts)
                child.kill()
        self._watching = loop.call_later(self.hung_s / 4, self._watch)

    async def close(self) -> None:
        """End all processes; calls that they still hold are let go."""
        self._closing = True
        if self._watching:
            self._watching.cancel()
        children = [*self._workers.values(), *filter(None, [self._spare])]
        await asyncio.gather(*(child.stop() for child in children))
        self._workers.clear()
        self._spare = None
        self._calls.clear()

    @property
    def load(self) -> list[int]:
        """Calls per process."""
        count = [0] * len(self._setup.wakes)
        for held in self._calls.values():
            count[held.index] += 1
        return count

    @property
    def pids(self) -> list[int]:
        """Of the processes at work, by index."""
        return [self._workers[index].pid for index in sorted(self._workers)]

    @property
    def loads(self) -> list[Load]:
        """How each process does; one that is just being replaced does nothing."""
        indices = range(len(self._setup.wakes))
        return [self._workers[n].load if n in self._workers else Load() for n in indices]

    def choose(self) -> int:
        """The index of the process for the next call. Raises Overloaded."""
        loads = zip(self.loads, self.load, strict=True)
        try:
            return lightest(loads, asyncio.get_running_loop().time())
        except Overloaded:
            self.refused += 1
            raise

    def _on_alive(self, child: _Child, alive: Alive) -> None:
        if child.index is not None:
            calls, budget_s = self.load[child.index], self._settings.lag_ms / 1000
            child.load.told(alive.cpu, alive.lag_s, calls, budget_s, child.heard_at)

    def begin(self, index: int, start: Start, on_message: Callable[[FromAgent], None]) -> None:
        """Let process ``index`` hold a call; ``on_message`` is told all that its agent says."""
        self._calls[start.call] = _Held(index, start, on_message)
        self._tell(index, start)

    def send(self, call: str, message: ToAgent) -> None:
        """Tell a call's agent something; nothing happens if the call is not held."""
        held = self._calls.get(call)
        if held is None:
            return
        if isinstance(message, ActionResult):
            held.unheard[message.action] = message
        elif isinstance(message, Answered):
            held.start = held.start.model_copy(update={"ringing": False})
        elif isinstance(message, Offer):
            brief = held.start.brief.offered(message.tools)
            held.start = held.start.model_copy(update={"brief": brief})
        elif isinstance(message, Know):
            known = held.start.variables | message.variables
            held.start = held.start.model_copy(update={"variables": known})
        elif isinstance(message, Away):
            held.start = held.start.model_copy(update={"away": message.away})
        self._tell(held.index, message)

    async def stop(self, call: str) -> None:
        """The call is over. Returns when its agent has let go of the row, or is not answering."""
        held = self._calls.get(call)
        if held is None:
            return
        self._tell(held.index, Stop(call=call))
        try:
            await asyncio.wait_for(held.stopped.wait(), self._settings.stop_s)
        except TimeoutError:
            with about(call):
                log.error("the agent did not let go of its call in time")
        self._calls.pop(call, None)

    def _tell(self, index: int, message: ToProcess) -> None:
        if child := self._workers.get(index):
            child.send(message)

    def _on_message(self, message: FromAgent) -> None:
        held = self._calls.get(message.call)
        if held is None:
            return
        match message:
            case Progress(checkpoint=checkpoint):
                held.start = held.start.model_copy(update={"resumed": checkpoint})
            case Spoken(role="tool_result", extra=extra):
                held.unheard.pop(extra.get("id", ""), None)
            case Stopped():
                held.stopped.set()
        self._pass_on(held, message)

    def _pass_on(self, held: _Held, message: FromAgent) -> None:
        try:
            held.on_message(message)
        except Exception:
            with about(message.call):
                log.exception("a message of the agent was not taken", extra={"kind": message.type})

    # Processes

    def _load(self) -> _Child:
        """A process that loads everything and waits for its number."""
        return _Child(self.command, self._setup, self._on_message, self._on_alive, self._on_death)

    def _put_to_work(self, child: _Child, index: int) -> None:
        child.index = index
        self._workers[index] = child
        child.send(Adopt(index=index))

    def _on_death(self, child: _Child, status: int) -> None:
        facts = {"pid": child.pid, "status": status}
        loop = asyncio.get_running_loop()
        if child is self._spare:
            log.error("the spare agent process died", extra=facts)
            self._spare = None
            loop.call_later(BREATH_S, self._refill)
            return
        if child.index is None or self._workers.get(child.index) is not child:
            return
        self.restarts += 1
        del self._workers[child.index]
        calls = [call for call, held in self._calls.items() if held.index == child.index]
        log.error("an agent process died", extra={**facts, "calls": len(calls)})
        if not child.ready.is_set():  # it cannot even start: do not try without end or pause
            loop.call_later(BREATH_S, self._replace, child.index)
        else:
            self._replace(child.index)

    def _refill(self) -> None:
        if self._spare is None and not self._closing:
            self._spare = self._load()

    def _replace(self, index: int) -> None:
        """Somebody else goes on with the dead process's calls."""
        if self._closing:
            return
        child, self._spare = self._spare or self._load(), None
        self._put_to_work(child, index)
        for call, held in list(self._calls.items()):
            if held.index == index:
                self._start_again(call, held)
        self._refill()

    def _start_again(self, call: str, held: _Held) -> None:
        held.deaths += 1
        if held.deaths >= self._settings.deaths:
            detail = f"its agent process died {held.deaths} times"
            held.stopped.set()
            self._pass_on(held, HangUp(call=call, reason=Ended.WORKER_DIED, detail=detail))
            return
        self._tell(held.index, held.start)
        for result in held.unheard.values():
            self._tell(held.index, result)
