"""The four transaction machines of RFC 3261 section 17, as corrected by RFC 6026.

Each machine is one table, to be read beside the RFC's figure: in this state, on this input, go
to that state and do these things. An input that a state does not list is ignored there. One
engine runs all four. Nothing here touches a socket or a clock: time comes in as ``now``, bytes
go out through ``outbox``, and what the user of the transaction must know through ``events``.

Inputs: ``request`` starts the machine; ``1xx 2xx error`` are responses that came, ``again ack``
requests that came; ``say-*`` are responses to be sent; a capital letter is a timer of the RFC;
``broken`` is the transport's word that nothing gets through (sections 17.1.4, 17.2.4).
"""

from dataclasses import dataclass, field
from enum import Enum

T1, T2, T4 = 0.5, 4.0, 5.0  # seconds; RFC 3261 table 4


class State(Enum):
    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


C, T, P, A, D, F, X = State  # the tables' column width matters more than the names

Table = dict[tuple[State, str], tuple[State, str]]

INVITE_CLIENT: Table = {  # figure 5; RFC 6026 section 7.2
    (C, "request"): (C, "send start-A start-B"),
    (C, "A"):       (C, "resend double-A"),
    (C, "B"):       (X, "time-out"),
    (C, "1xx"):     (P, "pass-up stop-A stop-B"),
    (C, "2xx"):     (A, "pass-up stop-A stop-B start-M"),
    (C, "error"):   (D, "ack pass-up stop-A stop-B start-D"),
    (C, "broken"):  (X, "break"),
    (P, "1xx"):     (P, "pass-up"),
    (P, "2xx"):     (A, "pass-up start-M"),
    (P, "error"):   (D, "ack pass-up start-D"),
    (A, "2xx"):     (A, "pass-up"),
    (A, "M"):       (X, ""),
    (D, "error"):   (D, "ack"),
    (D, "D"):       (X, ""),
}  # fmt: skip

INVITE_SERVER: Table = {  # figure 7; RFC 6026 section 7.1
    (P, "request"): (P, "pass-up"),
    (P, "again"):   (P, "resend"),
    (P, "say-1xx"): (P, "send"),
    (P, "say-2xx"): (A, "send start-L"),
    (P, "say-error"): (D, "send start-G start-H"),
    (P, "say-once"): (X, "send"),
    (A, "say-2xx"): (A, "send"),
    (A, "ack"):     (A, "pass-up"),
    (A, "again"):   (A, ""),
    (A, "L"):       (X, ""),
    (D, "again"):   (D, "resend"),
    (D, "G"):       (D, "resend double-G"),
    (D, "ack"):     (F, "stop-G stop-H start-I"),
    (D, "H"):       (X, "time-out"),
    (F, "I"):       (X, ""),
}  # fmt: skip

CLIENT: Table = {  # figure 6
    (T, "request"): (T, "send start-E start-F"),
    (T, "E"):       (T, "resend double-E"),
    (T, "F"):       (X, "time-out"),
    (T, "1xx"):     (P, "pass-up"),
    (T, "2xx"):     (D, "pass-up stop-E stop-F start-K"),
    (T, "error"):   (D, "pass-up stop-E stop-F start-K"),
    (T, "broken"):  (X, "break"),
    (P, "E"):       (P, "resend slow-E"),
    (P, "F"):       (X, "time-out"),
    (P, "1xx"):     (P, "pass-up"),
    (P, "2xx"):     (D, "pass-up stop-E stop-F start-K"),
    (P, "error"):   (D, "pass-up stop-E stop-F start-K"),
    (P, "broken"):  (X, "break"),
    (D, "K"):       (X, ""),
}  # fmt: skip

SERVER: Table = {  # figure 8
    (T, "request"): (T, "pass-up"),
    (T, "say-1xx"): (P, "send"),
    (T, "say-2xx"): (D, "send start-J"),
    (T, "say-error"): (D, "send start-J"),
    (T, "say-once"): (X, "send"),
    (P, "again"):   (P, "resend"),
    (P, "say-1xx"): (P, "send"),
    (P, "say-2xx"): (D, "send start-J"),
    (P, "say-error"): (D, "send start-J"),
    (P, "say-once"): (X, "send"),
    (D, "again"):   (D, "resend"),
    (D, "J"):       (X, ""),
}  # fmt: skip

TIMERS = {"A": T1, "B": 64 * T1, "D": 32.0, "E": T1, "F": 64 * T1, "G": T1, "H": 64 * T1,
          "I": T4, "J": 64 * T1, "K": T4, "L": 64 * T1, "M": 64 * T1}  # fmt: skip
STARTS = {id(INVITE_CLIENT): C, id(INVITE_SERVER): P, id(CLIENT): T, id(SERVER): T}


@dataclass(frozen=True)
class Failed:
    """No final response will come: nobody answered in time, or nothing gets through."""

    status: int  # what section 8.1.3.1 says to treat it as: 408 or 503
    detail: str


@dataclass(slots=True, eq=False)
class Transaction:
    """One running machine. Feed it inputs; drain ``outbox`` and ``events`` after each."""

    table: Table
    reliable: bool = False  # a transport that resends by itself: TCP, TLS, WS
    state: State = field(init=False)
    outbox: list[bytes] = field(default_factory=list)
    events: list[object] = field(default_factory=list)
    _due: dict[str, float] = field(default_factory=dict)
    _gap: dict[str, float] = field(default_factory=dict)
    _last: bytes = b""

    def __post_init__(self) -> None:
        self.state = STARTS[id(self.table)]

    def step(self, what: str, now: float, message: object = None, wire: bytes = b"") -> None:
        """Apply one input. ``message`` is passed up, ``wire`` is sent: a request, response, ACK."""
        entry = self.table.get((self.state, what))
        if entry is None:
            return
        self.state, actions = entry
        for action in actions.split():
            verb, _, timer = action.partition("-")
            match verb:
                case "send":
                    self._last = wire
                    self.outbox.append(wire)
                case "resend" if self._last:
                    self.outbox.append(self._last)
                case "ack":
                    self.outbox.append(wire)
                case "pass":
                    self.events.append(message)
                case "time":
                    self.events.append(Failed(408, "no answer within 32 s"))
                case "break":
                    self.events.append(Failed(503, str(message)))
                case "start":
                    self._start(timer, now, TIMERS[timer])
                case "double":
                    top = T2 if timer in "EG" else 64 * T1
                    self._start(timer, now, min(2 * self._gap[timer], top))
                case "slow":
                    self._start(timer, now, T2)
                case "stop":
                    self._due.pop(timer, None)
        if self.state is X:
            self._due.clear()

    def wake(self, now: float) -> None:
        """Fire every timer that is due."""
        for timer in sorted(t for t, due in self._due.items() if due <= now):
            if self._due.pop(timer, None) is not None:
                self.step(timer, now)

    def wake_at(self) -> float | None:
        """When to call :meth:`wake` next, or None."""
        return min(self._due.values(), default=None)

    def _start(self, timer: str, now: float, after: float) -> None:
        if self.reliable and timer in "AEG":
            return
        if self.reliable and timer in "DIJK":  # nothing can come late: over at once
            after = 0.0
        self._gap[timer] = after
        self._due[timer] = now + after
