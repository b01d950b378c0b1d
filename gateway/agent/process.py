"""The process that agents live in: ``python -m gateway.agent.process FD``, started by ``pool``.

It is told everything over the control socket, its one argument, and goes when that closes. Media
wakes it once per beat; it then gives every one of its agents their beat.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean

import uvloop

from gateway.agent.crew import Unfit
from gateway.agent.framing import Unframe, frame
from gateway.agent.messages import (
    TO_PROCESS,
    Adopt,
    Alive,
    Answered,
    Became,
    Become,
    FromProcess,
    HangUp,
    Ready,
    Recalled,
    Setup,
    Start,
    Stop,
    Stopped,
    ToProcess,
)
from gateway.agent.pipeline import Agent
from gateway.agent.renewal import NewKey
from gateway.agent.row import Row
from gateway.agent.smart_turn import SmartTurn
from gateway.agent.tls_loop import Loop
from gateway.agent.vendors import Catalog, Vendors
from gateway.errors import ConfigError
from gateway.logs import LogSettings, about, configure
from gateway.media.lines import BEAT_S, Lines, Writer
from gateway.reasons import Ended
from gateway.speech import catalog
from gateway.speech.remembered import Memory
from gateway.speech.settings import VendorSettings
from gateway.tasks import Tasks

log = logging.getLogger(__name__)

ALIVE_S = 1.0  # between two signs of life
CLOSE_S = 3.0  # how long an agent's vendors may take to say goodbye
LAST_WORDS_S = 15.0  # of an agent that hands over; then it is cut short
MISSED_BEATS = 5  # after so many without a word from media, time goes on without it

Make = Callable[
    [Setup, Callable[[FromProcess], None]], Vendors
]  # who is told what the vendors used


@dataclass
class Heir:
    agent: Agent
    part: int
    until: float  # monotonic seconds: it waits no longer


class Process:
    """All the agents of this process. ``make`` gives the vendors; a test gives its own."""

    def __init__(self, control: socket.socket, make: Make) -> None:
        self._control = control
        self._make = make
        self._agents: dict[str, Agent] = {}
        self._heirs: dict[str, Heir] = {}  # who takes over from whom
        self._tasks = Tasks()
        self._woken_at = time.monotonic()
        self._smart_turn: SmartTurn | None = None
        self._setup: Setup
        self._lines: Lines
        self._vendors: Vendors
        self._writer: asyncio.StreamWriter

    async def run(self) -> None:
        """Until main closes the control socket."""
        reader, self._writer = await asyncio.open_connection(sock=self._control)
        unframe = Unframe()
        with contextlib.suppress(OSError):  # main is gone, with something still on its way to it
            while data := await reader.read(65536):
                for body in unframe.feed(data):
                    self._take(TO_PROCESS.validate_json(body))
        await self._tasks.close()
        await asyncio.gather(*(self._close(call) for call in list(self._agents)))
        await catalog.close()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def _take(self, message: ToProcess) -> None:
        match message:
            case Setup():
                self._set_up(message)
            case Adopt(index=index):
                wake = self._setup.wakes[index]
                asyncio.get_running_loop().add_reader(wake, self._wake, wake)
                self._tasks.start(self._keep_time(), "keep-time")
            case Start(call=call):
                self._start(message)
            case Become():
                self._inherit(message.start)
            case Stop(call=call):
                self._tasks.start(self._stop(call), f"stop {call}")
            case NewKey():
                self._vendors.renewed(message)
            case _:
                if agent := self._agents.get(message.call):
                    agent.receive(message)

    def _set_up(self, setup: Setup) -> None:
        configure(LogSettings.model_validate(setup.log))
        self._setup = setup
        self._lines = Lines(setup.lines, setup.capacity, Writer.AGENT)
        self._vendors = self._make(setup, self._send)
        if setup.smart_turn:
            try:
                self._smart_turn = SmartTurn(setup.smart_turn)
            except ConfigError as error:
                log.error("turns end by our own estimate: %s", error)
        # What has been loaded stays: the collector need not look at it again, and looks at the
        # rest more seldom, because its pauses are heard by every call.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        self._send(Ready(pid=os.getpid()))

    def _start(self, start: Start) -> None:
        if start.call in self._agents:
            log.error("a call was started twice", extra={"call": start.call})
            return
        try:
            agent = self._made(start)
        except Unfit as error:
            self._refuse(start.call, error.reason, str(error))
        except Exception as error:
            with about(start.call):
                log.exception("the call could not be begun")
            self._refuse(start.call, Ended.WORKER_DIED, f"the agent could not begin: {error!r}")
        else:
            self._agents[start.call] = agent
            agent.open()

    def _made(self, start: Start) -> Agent:
        return Agent(
            start.model_copy(update={"limits": self._setup.limits}),
            Row(self._lines, start.row, fresh=start.resumed is None and start.part == 0),
            self._vendors,
            self._send,
            time.monotonic,
            datetime.now(UTC),
            self._smart_turn,
        )

    def _inherit(self, start: Start) -> None:
        """Have another agent get ready behind the one that still speaks."""
        call, error = start.call, ""
        try:
            if call not in self._agents or call in self._heirs:
                raise LookupError("the call is over, or being handed over already")
            heir = self._made(start.model_copy(update={"ringing": True}))
            self._heirs[call] = Heir(heir, start.part, time.monotonic() + LAST_WORDS_S)
            heir.open()
        except Exception as failure:
            log.warning("the call stays with its agent: %r", failure)
            error = str(failure) or repr(failure)
            self._send(Became(call=call, part=start.part, error=error))

    def _hand_over(self, now: float) -> None:
        """To those whose predecessors have finished."""
        for call, heir in list(self._heirs.items()):
            before = self._agents[call]
            heir.agent.beat(now)
            if before.quiet or now > heir.until:
                del self._heirs[call]
                before.leave()
                self._agents[call] = heir.agent
                self._send(Became(call=call, part=heir.part))
                heir.agent.receive(Answered(call=call))
                self._tasks.start(self._let_go(before), f"predecessor on {call}")

    def _refuse(self, call: str, reason: str, detail: str) -> None:
        self._send(HangUp(call=call, reason=reason, detail=detail))

    async def _stop(self, call: str) -> None:
        await self._close(call)
        self._send(Stopped(call=call))

    async def _close(self, call: str) -> None:
        if heir := self._heirs.pop(call, None):
            await self._let_go(heir.agent)
        if agent := self._agents.pop(call, None):
            await self._let_go(agent)

    async def _let_go(self, agent: Agent) -> None:
        call = agent.call
        try:
            async with asyncio.timeout(CLOSE_S):
                await agent.close()
        except TimeoutError:
            with about(call):
                log.error("a call was not let go of within %g s", CLOSE_S)

    def _wake(self, wake: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(wake)
            self._beat()

    def _beat(self) -> None:
        self._woken_at = now = time.monotonic()
        for agent in list(self._agents.values()):
            agent.beat(now)
        self._hand_over(now)

    async def _keep_time(self) -> None:
        """While media is down, time-outs still come due; and main is told that we live."""
        told_at, spent_s, lags = time.monotonic(), time.process_time(), []
        while True:
            due = time.monotonic() + MISSED_BEATS * BEAT_S
            await asyncio.sleep(MISSED_BEATS * BEAT_S)
            now = time.monotonic()
            lags.append(now - due)
            if now - self._woken_at >= MISSED_BEATS * BEAT_S:
                self._beat()
            if now - told_at >= ALIVE_S:
                used_s = time.process_time() - spent_s
                self._send(Alive(cpu=used_s / (now - told_at), lag_s=max(0.0, fmean(lags))))
                told_at, spent_s, lags = now, spent_s + used_s, []

    def _send(self, message: FromProcess) -> None:
        if not self._writer.is_closing():
            self._writer.write(frame(message))


def _catalog(setup: Setup, tell: Callable[[FromProcess], None]) -> Vendors:
    settings = {name: VendorSettings.model_validate(v) for name, v in setup.vendors.items()}
    catalog.warm_up("embedded", "script", *settings)
    memory = Memory(setup.voice_cache_bytes, lambda known: tell(Recalled(known=known)))
    return Catalog(settings, tell, time.monotonic, setup.allowed, memory)


def main(make: Make = _catalog) -> None:
    # A terminal's or a service manager's signal is for main, which may want calls to finish.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    control.setblocking(False)
    uvloop.run(Process(control, make).run(), loop_factory=Loop)


if __name__ == "__main__":
    main()
