"""A transaction in use: its machine, its request, its hop, and who listens to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.sip import metrics
from gateway.sip.message import Request, Response
from gateway.sip.routing import Hop, Sent
from gateway.sip.transaction import Failed, State, Transaction

Key = tuple[str, ...]


def kind_of(status: int) -> str:
    """A status as the machines' tables name it."""
    return "1xx" if status < 200 else "2xx" if status < 300 else "error"


@dataclass(slots=True, eq=False)
class Exchange:
    """One request and its responses. ``listener`` gets Response, Request (an ACK) or Failed."""

    key: Key
    machine: Transaction
    request: Request
    hop: Hop
    outbox: list[Sent]  # the stack's
    changed: Callable[["Exchange"], None]  # after each input: watch the timers, or forget
    listener: Callable[[Any], None] | None = None
    owner: object = None  # the session an INVITE that came belongs to
    tag: str = ""  # of our responses
    again: "Exchange | None" = None  # the same request, sent anew with credentials
    seen: Hop = field(init=False)  # where the request came from; responses go to ``hop``
    heard_from: Hop | None = field(default=None, init=False)  # where the last response came from
    final: int = field(default=0, init=False)  # the final status we gave, as a server

    def __post_init__(self) -> None:
        self.seen = self.hop

    @property
    def latest(self) -> "Exchange":
        """The last that came of it."""
        return self.again.latest if self.again else self

    def feed(self, what: str, now: float, message: object = None, wire: bytes = b"") -> None:
        self.machine.step(what, now, message, wire)
        self._drain()

    def respond(self, response: Response, now: float) -> None:
        """As a server: send this. After a final response only more 2xx to an INVITE are sent."""
        if response.status >= 200:
            self.final = response.status
        # A challenge is said once, and forgotten: section 26.3.2.4 wants no state, and no
        # repeating to whoever is named as the source.
        kind = "once" if response.status in (401, 407) else kind_of(response.status)
        self.feed(f"say-{kind}", now, response, bytes(response))

    def wake_at(self) -> float | None:
        return self.machine.wake_at()

    def wake(self, now: float) -> None:
        self.machine.wake(now)
        metrics.SENT_AGAIN.inc(len(self.machine.outbox))
        self._drain()

    @property
    def over(self) -> bool:
        return self.machine.state is State.TERMINATED

    @property
    def waiting(self) -> bool:
        """Whether it matters to this transaction that nothing gets through."""
        return (self.machine.state, "broken") in self.machine.table

    def _drain(self) -> None:
        machine = self.machine
        if machine.outbox:
            self.outbox.extend(
                Sent(w, self.hop.address, self.hop.transport, self.hop.name) for w in machine.outbox
            )
            machine.outbox.clear()
        events, machine.events = machine.events, []
        self.changed(self)
        for event in events:
            if self.listener is not None and isinstance(event, (Request, Response, Failed)):
                self.listener(event)
