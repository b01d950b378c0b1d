"""The model of one call: one reply at a time, tried again while nothing of it has come."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Protocol

from gateway.agent.streams import Attempts, Clock, Running, Spawn, faithful, harmless, stalled
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Called, Finished, Message, Said, Thinking, Tool

PAUSES_S = (0.2, 0.8)


class Owner(Protocol):
    def thought(self, delta: Said | Called | Finished) -> None: ...

    def mind_failed(self, error: VendorError) -> None: ...

    def retrying(self, error: VendorError, after_s: float) -> None: ...


class Mind:
    def __init__(
        self, thinking: Thinking, timeout_s: float, spawn: Spawn, clock: Clock, owner: Owner
    ) -> None:
        self.thinking = thinking
        self._timeout_s = timeout_s
        self._spawn = spawn
        self._clock = clock
        self._owner = owner
        self._ready = False
        self._request: tuple[Sequence[Message], Sequence[Tool]] | None = None
        self._task: Running | None = None
        self._due: float | None = None  # of the next attempt
        self._deadline = 0.0
        self._begun = False  # something of the reply has come
        self._attempts = Attempts(PAUSES_S)

    @property
    def running(self) -> bool:
        return self._request is not None

    def open(self) -> None:
        self._deadline = self._clock() + self._timeout_s
        self._spawn(self._open(), "thinking-open")

    async def _open(self) -> None:
        await harmless(f"opening {self.thinking.vendor}", self.thinking.open())
        self._ready = True
        self.beat(self._clock())

    def ask(self, messages: Sequence[Message], tools: Sequence[Tool], now: float) -> None:
        """Begin a reply; what was running is cancelled."""
        self.cancel()
        self._request = (messages, tools)
        self._attempts.succeeded()
        self._due = now
        self.beat(now)

    def cancel(self) -> None:
        if self._task:
            self._task.cancel()
        self._task = self._request = self._due = None

    def beat(self, now: float) -> None:
        """Begin what is due; notice what has stalled."""
        if not self._ready:
            self._ready = now >= self._deadline
        elif self._due is not None and now >= self._due:
            self._due, self._begun = None, False
            self._deadline = now + self._timeout_s
            self._task = self._spawn(self._run(), "thinking")
        elif self._task and now >= self._deadline:
            self._task.cancel()
            self._failed(stalled(self.thinking.vendor, "token", self._timeout_s), now)

    async def _run(self) -> None:
        if self._request is None:
            return
        vendor, finished = self.thinking.vendor, False
        try:
            async with aclosing(faithful(vendor, self.thinking.reply(*self._request))) as deltas:
                async for delta in deltas:
                    self._deadline = self._clock() + self._timeout_s
                    self._begun = True
                    if isinstance(delta, Finished):
                        finished = True
                        self._task = self._request = None
                    self._owner.thought(delta)
            if not finished:
                raise VendorError(vendor, Fault.THEIRS, "the reply broke off")
        except VendorError as error:
            if not finished:
                self._failed(error, self._clock())

    def _failed(self, error: VendorError, now: float) -> None:
        self._task = None
        after = None if self._begun else self._attempts.failed(error)
        if after is None:
            self._request = None
            self._owner.mind_failed(error)
        else:
            self._due = now + after
            self._owner.retrying(error, after)
