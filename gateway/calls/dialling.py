"""Calling somebody by the first of several ways that works."""

import asyncio
from collections.abc import Callable, Sequence

from gateway.sip import events
from gateway.sip.life import State
from gateway.sip.session import Session
from gateway.trunks.dialling import Attempt

Tried = Callable[[Attempt, str], None]  # an attempt, and why it failed: "" if it did not


class Dialling:
    """``send`` sends an attempt's INVITE; ``rang_out`` is told when ``ring_s`` are over."""

    def __init__(
        self,
        attempts: Sequence[Attempt],
        send: Callable[[Attempt], Session],
        tried: Tried,
        failover_s: float,
    ) -> None:
        self.rang = False
        self._attempts = list(attempts)  # the first is being tried
        self._send = send
        self._tried = tried
        self._failover_s = failover_s
        self._session: Session
        self._failover: asyncio.TimerHandle | None = None
        self._limit: asyncio.TimerHandle | None = None

    def begin(self, ring_s: float, rang_out: Callable[[], None]) -> None:
        """Raises a SIP error when a target is no URI."""
        self._try_first()
        self._limit = asyncio.get_running_loop().call_later(ring_s, rang_out)

    def failed(self, event: events.Refused) -> bool:
        """Whether it is tried elsewhere: a gateway could not be reached or has no room. Of what
        the called party decided, there is nothing to be gained by asking again."""
        why = f"{event.status} {event.phrase}"
        gateway_failed = event.by in ("network", "timeout") or event.status == 503
        if gateway_failed and not self.rang and len(self._attempts) > 1:
            self._try_next(why)
            return True
        self._tried(self._attempts[0], why if gateway_failed else "")
        return False

    def answered(self) -> None:
        self.stop()
        self._tried(self._attempts[0], "")

    def stop(self) -> None:
        self._stop_failover()
        if self._limit:
            self._limit.cancel()
            self._limit = None

    def _try_first(self) -> None:
        self._session = session = self._send(self._attempts[0])
        if len(self._attempts) > 1:
            loop = asyncio.get_running_loop()
            self._failover = loop.call_later(self._failover_s, self._silent, session)

    def _silent(self, session: Session) -> None:
        """Not even a 100 came, which any living machine sends at once."""
        if session is self._session and session.state is State.CALLING:
            self._try_next(f"no answer within {self._failover_s:g} s")
            session.end("No answer; tried elsewhere", cause=102)  # Q.850: recovery on timer expiry

    def _try_next(self, why: str) -> None:
        self._stop_failover()
        self._tried(self._attempts.pop(0), why)
        self._try_first()

    def _stop_failover(self) -> None:
        if self._failover:
            self._failover.cancel()
            self._failover = None
