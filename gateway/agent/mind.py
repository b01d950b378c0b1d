"""The models of one call: one reply at a time, by the model or by the next that works.

A reply that breaks off is asked for again: what of it was already said stays, and whoever is asked
then is told so, and goes on from there.
"""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from gateway.agent.asking import Asking
from gateway.agent.streams import Clock, Spawn, faithful
from gateway.agent.succession import Succession
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Called, Finished, Message, Said, Thinking, Tool

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
    """``models``: in the order of preference, at least one."""

    def __init__(self, models: Sequence[Model], spawn: Spawn, clock: Clock, owner: Owner) -> None:
        super().__init__("thinking", "token", spawn, clock)
        self._models = models
        self._owner = owner
        self._succession = Succession(PAUSES_S)
        self._request: tuple[Sequence[Message], Sequence[Tool]] | None = None
        self._stays: Callable[[], str] = _nothing

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
        self._request = None

    def _order(self, fast: bool) -> list[int]:
        return [n for n, model in enumerate(self._models) if fast or not model.fast]

    async def _run(self) -> None:
        if self._request is None:
            return
        thinking, finished = self.thinking, False
        messages, tools = self._request
        said = self._stays()
        if said:
            messages = [*messages, Message("assistant", said), Message("system", GO_ON)]
        try:
            reply = faithful(thinking.vendor, thinking.reply(messages, tools))
            async with aclosing(reply) as deltas:
                async for delta in deltas:
                    self._came()
                    if isinstance(delta, Finished):
                        finished = True
                        self._task = self._request = None
                        self._succession.succeeded()
                    self._owner.thought(delta)
            if not finished:
                raise VendorError(thinking.vendor, Fault.THEIRS, "the reply broke off")
        except VendorError as error:
            if not finished:
                self._failed(error, self._clock())

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
