"""Whether a gateway of a trunk can be used: a table, and the OPTIONS that feed it.

A gateway counts as up until it has failed ``down_after`` times in a row, and as down until it has
answered ``up_after`` times in a row: one lost packet moves no calls (hysteresis). Calls feed it
too: a 503, a time-out or a network error on an INVITE is a failure like an OPTIONS unanswered.
"""

from collections.abc import Callable
from enum import Enum

from gateway.sip.exchange import Exchange
from gateway.sip.message import Response
from gateway.sip.outside import outside
from gateway.sip.routing import Hop
from gateway.sip.stack import Stack
from gateway.sip.transaction import Failed
from gateway.sip.uri import Uri

SOON_S = 5.0  # between two OPTIONS while the answer to the last one was not what the state says
REST_S = 30.0  # of a gateway that is down and is sent no OPTIONS, before a call tries it again


class State(Enum):
    UP = "up"
    SHAKY = "shaky"  # up, but the last answer did not come
    DOWN = "down"
    COMING = "coming"  # down, but the last answer came


U, S, D, C = State

# ``bad`` and ``good`` are results; ``fell`` and ``rose`` are those that make the count full.
TABLE: dict[tuple[State, str], State] = {
    (U, "good"): U,
    (U, "bad"):  S,
    (U, "fell"): D,
    (S, "good"): U,
    (S, "bad"):  S,
    (S, "fell"): D,
    (D, "good"): C,
    (D, "bad"):  D,
    (D, "rose"): U,
    (C, "good"): C,
    (C, "bad"):  D,
    (C, "rose"): U,
}  # fmt: skip


class Health:
    """One gateway's."""

    def __init__(self, down_after: int, up_after: int) -> None:
        self.state = U
        self.why = ""  # the last failure
        self._down_after, self._up_after = down_after, up_after
        self._row = 0  # results of one kind in a row, against the state
        self.changed_at = 0.0

    @property
    def usable(self) -> bool:
        return self.state in (U, S)

    @property
    def steady(self) -> bool:
        """Whether the last result was what the state says."""
        return self.state in (U, D)

    def good(self, now: float) -> None:
        self._step("good", "rose", not self.usable, self._up_after, now)

    def bad(self, why: str, now: float) -> None:
        self.why = why
        self._step("bad", "fell", self.usable, self._down_after, now)

    def worth_a_try(self, now: float, asked: bool) -> bool:
        """Whether a call may go there. A gateway that is never ``asked`` by OPTIONS has to be
        tried by a call from time to time, or it would stay down for ever."""
        return self.usable or (not asked and now - self.changed_at >= REST_S)

    def _step(self, result: str, full: str, against: bool, most: int, now: float) -> None:
        self._row = self._row + 1 if against else 0
        turns = against and self._row >= most
        after = TABLE[self.state, full if turns else result]
        if turns:
            self._row = 0
        if turns or (result == "bad" and after is D):
            self.changed_at = now
        self.state = after


class Pings:
    """Sends OPTIONS to one gateway, by the stack's alarms, and tells ``Health``."""

    def __init__(
        self,
        stack: Stack,
        hop: Hop,
        target: Uri,
        health: Health,
        every_s: float,
        heard: Callable[[Hop], None] = lambda hop: None,
    ) -> None:
        """``heard`` gets the hop that an answer came from: a name's real address."""
        self._stack, self._hop, self._target, self._health = stack, hop, target, health
        self._every_s, self._heard = every_s, heard
        self._call_id, self._tag, self._cseq = stack.token(), stack.token(), 0
        self._exchange: Exchange | None = None
        # Not all gateways at the same moment, nor this one at every restart.
        self._at: float | None = stack.clock() + stack.rng.random() * min(every_s, SOON_S)
        stack.watch(self)

    def stop(self) -> None:
        self._at = None

    def wake_at(self) -> float | None:
        return self._at

    def wake(self, now: float) -> None:
        if self._at is None or now < self._at:
            return
        self._at = float("inf")  # until the answer
        self._cseq += 1
        sender = Uri.sip("trunkline", self._stack.host_for(self._hop))
        request = outside(
            "OPTIONS", str(self._target), sender, self._target,
            call_id=self._call_id, tag=self._tag, cseq=self._cseq,
        )  # fmt: skip
        request.headers.add("Contact", self._stack.contact("trunkline", self._hop))
        request.headers.add("Accept", "application/sdp")
        self._exchange = self._stack.request(request, self._hop, self._answered)

    def _answered(self, result: object) -> None:
        if self._at is None or (isinstance(result, Response) and result.status < 200):
            return
        now = self._stack.clock()
        if isinstance(result, Failed):
            self._health.bad(f"OPTIONS: {result.detail}", now)
        elif isinstance(result, Response):
            # Any answer but "not now" shows that somebody is there, even 404 or 405.
            if result.status in (408, 503):
                self._health.bad(f"OPTIONS: {result.status} {result.reason}", now)
            else:
                self._health.good(now)
                if self._exchange and self._exchange.heard_from:
                    self._heard(self._exchange.heard_from)
        pause = self._every_s if self._health.steady else min(SOON_S, self._every_s)
        self._at = now + pause * (0.9 + 0.2 * self._stack.rng.random())
        self._stack.watch(self)
