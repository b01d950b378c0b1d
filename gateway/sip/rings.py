"""Provisional responses of ours that must arrive (RFC 3262), each repeated until its PRACK.

One is out at a time: the next waits for the PRACK (section 3), and so does the 200 if what is
out carries a description, for that is half of an exchange of offers.
"""

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING

from gateway.sip.events import Pracked, Refused
from gateway.sip.exchange import Exchange
from gateway.sip.inspection import Objection, description
from gateway.sip.life import Cue
from gateway.sip.message import Request, Response
from gateway.sip.peer import tags
from gateway.sip.transaction import T1

if TYPE_CHECKING:
    from gateway.sip.usage import Usage


class Ring(Enum):
    IDLE = "idle"
    OUT = "out"  # waits for its PRACK
    LATE = "late"  # a final response was sent meanwhile; a PRACK is answered still


I, O, L = Ring  # noqa: E741

RINGING: dict[tuple[Ring, str], tuple[Ring, str]] = {
    (I, "say"):     (O, "send"),
    (O, "say"):     (O, "keep"),
    (O, "again"):   (O, "resend"),
    (O, "prack"):   (I, "accept next"),
    (O, "give-up"): (L, "fail"),
    (O, "final"):   (L, "stop"),
    (L, "prack"):   (I, "accept"),
}  # fmt: skip


class Rings:
    def __init__(self, session: "Usage") -> None:
        self.stage = Ring.IDLE
        self.due: float | None = None
        self.described = False  # one that carried a description has been sent
        self._session = session
        self._queue: deque[Response] = deque()
        self._out: Response | None = None
        self._number = 0  # RSeq
        self._gap = T1
        self._give_up_at = 0.0
        self._answer: Cue | None = None  # the owner's answer, which waits

    @property
    def required(self) -> bool:
        return "100rel" in tags(self._session.request, "Require")

    @property
    def reliable(self) -> bool:
        """Whether our 1xx are sent so."""
        session = self._session
        wanted = session.policy.reliable == "supported" and "100rel" in session.peer.supported
        return self.required or wanted

    def say(self, response: Response) -> bool:
        """Send this reliably. False if that is not to be done, or cannot be."""
        if not self.reliable:
            return False
        if not response.body and self._session.offer is None and not self.described:
            # Section 5: the first reliable one after an INVITE without an offer has to bring it.
            return self.required
        self._step("say", response)
        return True

    def delays(self, answer: Cue) -> bool:
        """Whether the 200 must wait; then it is sent when the PRACK has come."""
        if self.stage is Ring.OUT and self._out is not None and self._out.body:
            self._answer = answer
            return True
        return False

    def final(self) -> None:
        """A final response is sent: nothing provisional is worth repeating."""
        self._queue.clear()
        self._answer = None
        self._step("final", None)

    def pracked(self, exchange: Exchange) -> None:
        """Raises Objection if this PRACK is for nothing that is out."""
        if self.stage is Ring.IDLE or not self._meant(exchange.request):
            raise Objection(481, "No provisional response waits for this PRACK")
        self._step("prack", exchange)

    def wake(self, now: float) -> None:
        if self.due is not None and self.due <= now:
            self._step("give-up" if now >= self._give_up_at else "again", None)

    def _meant(self, prack: Request) -> bool:
        words = (prack.headers.get("RAck") or "").split()
        cseq = self._session.request.cseq
        return words == [str(self._number), str(cseq.number), "INVITE"]

    def _step(self, what: str, cue: object) -> None:
        entry = RINGING.get((self.stage, what))
        if entry is None:
            return
        self.stage, actions = entry
        for action in actions.split():
            getattr(self, f"_{action}")(cue)

    # The table's actions

    def _send(self, response: object) -> None:
        assert isinstance(response, Response)
        session = self._session
        self._number = self._number + 1 if self._number else session.stack.rng.randrange(1, 2**31)
        response.headers.take("Require", "100rel")
        response.headers.take("RSeq", str(self._number))
        self._out = response
        self.described = self.described or bool(response.body)
        now = session.stack.clock()
        self._gap, self.due, self._give_up_at = T1, now + T1, now + 64 * T1
        session.stack.watch(session)
        session.provide(response)

    def _keep(self, response: object) -> None:
        assert isinstance(response, Response)
        self._queue.append(response)

    def _resend(self, _: object) -> None:
        """Section 3: the interval doubles, and nothing caps it."""
        assert self._out is not None
        assert self.due is not None
        self._gap *= 2
        self.due = min(self.due + self._gap, self._give_up_at)
        self._session.provide(self._out)

    def _stop(self, _: object) -> None:
        self.due = None

    def _fail(self, _: object) -> None:
        """Section 3: the request is refused with a 5xx."""
        self.due = None
        session, detail = self._session, "No PRACK came for our provisional response"
        event = Refused(504, detail, "timeout")
        session.step("unpracked", Cue(event, session.scribe.respond(504, detail)))

    def _accept(self, exchange: object) -> None:
        assert isinstance(exchange, Exchange)
        assert self._out is not None
        session, self.due = self._session, None
        sdp = description(exchange.request)
        answers = bool(self._out.body) and session.offer is None and not session.settled
        if self._out.body:
            session.settled = True
        if sdp is not None and not answers:
            session.reoffer.updated(exchange)  # which answers the PRACK with the answer
        else:
            session.stack.respond(exchange, exchange.request.reply(200))
        if self.stage is Ring.IDLE:
            session.tell(Pracked(sdp if answers else None))

    def _next(self, _: object) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            self._queue.clear()
            self._session.step("answer", answer)
        elif self._queue:
            self._step("say", self._queue.popleft())
        else:
            self._session.reoffer.proceed()
