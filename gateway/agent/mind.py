"""The models of one call: one reply at a time, by the model or by the next that works.

A reply that breaks off is asked for again: what of it was already said stays, and whoever is asked
then is told so, and goes on from there.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from gateway.agent.asking import Asking
from gateway.agent.streams import Clock, Running, Spawn, faithful
from gateway.agent.succession import Succession
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Called, Finished, Message, Said, Thinking, Tool

log = logging.getLogger(__name__)

PAUSES_S = (0.2, 0.8)
SUBSTITUTE_S = 4.0  # with another model to go to, one that is silent for so long is left
GO_ON = (
    "Your last reply was cut off there by a technical failure, and the caller has heard it so far. "
    "Go on exactly where it ends: repeat nothing of it, and do not mention the failure."
)


class Owner(Protocol):
    def thought(self, delta: Said | Called | Finished) -> None: ...

    def mind_failed(self, error: VendorError) -> None: ...

    def retrying(self, error: VendorError, after_s: float) -> None: ...

    def substituted(self, error: VendorError, by: str) -> None:
        """After this failure, another model is asked: ``vendor/model``."""


@dataclass(frozen=True)
class Model:
    thinking: Thinking
    name: str  # for the call's log
    timeout_s: float
    fast: bool = False  # the vendor's small model, for the first turns


def _nothing() -> str:
    return ""


class Mind(Asking):
    """``models``: in the order of preference, at least one.

    ``hedge_s``: when the model has been silent for so long, another is asked as well, the next
    substitute or else the same one again. The first of the two to give anything makes the reply;
    the other is cancelled, with nothing of it seen. 0: never.
    """

    def __init__(
        self,
        models: Sequence[Model],
        spawn: Spawn,
        clock: Clock,
        owner: Owner,
        hedge_s: float = 0.0,
    ) -> None:
        super().__init__("thinking", "token", spawn, clock)
        self._models = models
        self._owner = owner
        self._succession = Succession(PAUSES_S)
        self._request: tuple[Sequence[Message], Sequence[Tool]] | None = None
        self._stays: Callable[[], str] = _nothing
        self._hedge_s = hedge_s
        self._hedge_at: float | None = None
        self._hedge: Running | None = None  # the second request, while neither has given anything
        self._hedged = 0  # which model that is

    @property
    def _model(self) -> Model:
        return self._models[self._succession.current]

    @property
    def thinking(self) -> Thinking:
        """The one that is asked, or was last."""
        return self._model.thinking

    @property
    def _vendor(self) -> str:
        return self._model.thinking.vendor

    @property
    def _patience_s(self) -> float:
        limit = SUBSTITUTE_S if self._succession.others else float("inf")
        return min(self._model.timeout_s, limit)

    @property
    def running(self) -> bool:
        return self._request is not None

    def open(self) -> None:
        self._succession.begin(self._order(fast=True), self._clock())
        self._opening(self._model.thinking.open())

    def ask(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        now: float,
        stays: Callable[[], str] = _nothing,
        fast: bool = False,
    ) -> None:
        """Begin a reply; what was running is cancelled.

        ``stays`` is asked before each attempt: so much of the reply is there already. ``fast``:
        preferably by a small model.
        """
        self.cancel()
        self._request = (messages, tools)
        self._stays = stays
        self._succession.begin(self._order(fast), now)
        self._begin(now)

    def cancel(self) -> None:
        self._stop()
        self._request, self._stays = None, _nothing

    def beat(self, now: float) -> None:
        super().beat(now)
        if self._task and self._hedge_at is not None and now >= self._hedge_at:
            self._hedge_at = None
            self._hedged = self._succession.second
            name = self._models[self._hedged].name
            log.info("%s is silent: %s is asked as well", self._model.name, name)
            self._hedge = self._spawn(self._attempt(self._hedged, hedge=True), "thinking-hedge")

    def _order(self, fast: bool) -> list[int]:
        return [n for n, model in enumerate(self._models) if fast or not model.fast]

    def _stop(self) -> None:
        super()._stop()
        self._end_hedging()

    def _end_hedging(self) -> None:
        if self._hedge:
            self._hedge.cancel()
        self._hedge = self._hedge_at = None

    async def _run(self) -> None:
        if self._hedge_s:
            self._hedge_at = self._clock() + self._hedge_s
        await self._attempt(self._succession.current)

    async def _attempt(self, which: int, hedge: bool = False) -> None:
        if self._request is None:
            return
        thinking, finished = self._models[which].thinking, False
        messages, tools = self._request
        said = self._stays()
        if said:
            messages = [*messages, Message("assistant", said), Message("system", GO_ON)]
        try:
            reply = faithful(thinking.vendor, thinking.reply(messages, tools))
            async with aclosing(reply) as deltas:
                async for delta in deltas:
                    self._first(hedge)
                    self._came()
                    if isinstance(delta, Finished):
                        finished = True
                        self._task = self._request = None
                        self._succession.succeeded()
                    self._owner.thought(delta)
            if not finished:
                raise VendorError(thinking.vendor, Fault.THEIRS, "the reply broke off")
        except VendorError as error:
            if finished:
                return
            if hedge and self._hedge:  # the first request is still worth waiting for
                self._hedge = None
                if which != self._succession.current:
                    self._succession.lost(which, error, self._clock())
            else:
                self._failed(error, self._clock())

    def _first(self, hedge: bool) -> None:
        """One of two requests gives something: the other is cancelled."""
        if hedge and self._hedge:
            if self._task:
                self._task.cancel()
            self._task, self._hedge = self._hedge, None
            self._succession.current = self._hedged
        self._end_hedging()

    def _failed(self, error: VendorError, now: float) -> None:
        if self._hedge is None:
            self._hedge_at = None
            super()._failed(error, now)
            return
        # The second request runs already: it is what would be begun now.
        if self._hedged != self._succession.current:
            self._succession.lost(self._succession.current, error, now)
            self._succession.current = self._hedged
            self._owner.substituted(error, self._model.name)
        self._task, self._hedge = self._hedge, None
        self._deadline = now + self._patience_s

    def _again(self, error: VendorError, now: float) -> float | None:
        before = self._model
        after = self._succession.failed(error, now)
        if after is not None and self._model is not before:
            self._owner.substituted(error, self._model.name)
        elif after is not None:
            self._owner.retrying(error, after)
        return after

    def _given_up(self, error: VendorError) -> None:
        self._request = None
        self._owner.mind_failed(error)
