"""Main's side of the agent processes: who holds which call, and what happens when one dies.

A spare process stands by with everything loaded. When a process is killed, the spare takes its
number and its calls within milliseconds: the sound goes on in media, and each conversation goes
on from its last checkpoint.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.agent.child import Child
from gateway.agent.load import Load, Overloaded, lightest
from gateway.agent.messages import (
    ActionResult,
    Adopt,
    Alive,
    Answered,
    Away,
    Became,
    Become,
    Checkpoint,
    Follow,
    FromAgent,
    HangUp,
    Know,
    Limits,
    Offer,
    Progress,
    Setup,
    Spoken,
    Start,
    Stop,
    Stopped,
    ToAgent,
    ToProcess,
)
from gateway.agent.settings import AgentSettings
from gateway.errors import GatewayError
from gateway.logs import LogSettings, about
from gateway.reasons import Ended
from gateway.speech.settings import VendorSettings

log = logging.getLogger(__name__)

READY_S = 90.0  # for a process to load everything, on a machine that is busy starting others, too
BREATH_S = 0.5  # before another is started in the place of one that was never ready
HUNG_S = 10.0  # a process at work that says nothing for so long is killed and replaced


@dataclass
class _Held:
    """A call that some process holds."""

    index: int
    start: Start  # as it would be started again
    on_message: Callable[[FromAgent], None]
    before: Start | None = None  # the same of who had the call, until it is handed over
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
            voice_cache_bytes=settings.voice_cache_mb * 1024 * 1024,
            allowed=tuple(allowed),
            log=log.model_dump(),
            smart_turn=settings.smart_turn,
        )
        self._workers: dict[int, Child] = {}
        self._spare: Child | None = None
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

    def _on_alive(self, child: Child, alive: Alive) -> None:
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
        elif isinstance(message, Follow):
            brief = held.start.brief.model_copy(update={"live": message.live})
            held.start = held.start.model_copy(update={"brief": brief})
        self._tell(held.index, message)

    def conversation(self, call: str) -> tuple[Start, Checkpoint] | None:
        """How a call's agent was begun, and where it stands."""
        held = self._calls.get(call)
        return (held.start, held.start.resumed or Checkpoint()) if held else None

    def become(self, start: Start) -> None:
        """Have another agent take the call over; ``Became`` tells how that went."""
        held = self._calls.get(start.call)
        if held is None or held.before:
            self._say(start.call, Became(call=start.call, part=start.part, error="it is under way"))
            return
        held.before, held.start = held.start, start
        self._tell(held.index, Become(call=start.call, start=start))

    def _say(self, call: str, message: FromAgent) -> None:
        if held := self._calls.get(call):
            self._pass_on(held, message)

    async def stop(self, call: str) -> None:
        """The call is over. Returns when its agent has let go of the row, or is not answering."""
        held = self._calls.get(call)
        if held is None:
            return
        self._tell(held.index, Stop(call=call))
        try:
            async with asyncio.timeout(self._settings.stop_s):
                await held.stopped.wait()
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
            case Progress(checkpoint=checkpoint, part=part):
                resumed = {"resumed": checkpoint}
                if part == held.start.part:
                    held.start = held.start.model_copy(update=resumed)
                elif held.before and part == held.before.part:
                    held.before = held.before.model_copy(update=resumed)
            case Became(error=error):
                if error and held.before:
                    held.start = held.before
                held.before = None
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

    def _load(self) -> Child:
        """A process that loads everything and waits for its number."""
        return Child(self.command, self._setup, self._on_message, self._on_alive, self._on_death)

    def _put_to_work(self, child: Child, index: int) -> None:
        child.index = index
        self._workers[index] = child
        child.send(Adopt(index=index))

    def _on_death(self, child: Child, status: int) -> None:
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
        if held.before:  # what it still had to say is lost, and its successor has the call
            held.before = None
            self._pass_on(held, Became(call=call, part=held.start.part))
        for result in held.unheard.values():
            self._tell(held.index, result)
