"""Offers within a call: re-INVITE, ours and the peer's (RFC 3261 section 14)."""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from gateway.sip.events import Acked, ReofferAnswered, Reoffered
from gateway.sip.exchange import Exchange
from gateway.sip.inspection import ACCEPT, ALLOW, Objection, description
from gateway.sip.message import PHRASES, Response
from gateway.sip.routing import Sent
from gateway.sip.transaction import Failed

if TYPE_CHECKING:
    from gateway.sip.session import Session


class Stage(Enum):
    IDLE = "idle"
    ASKING = "asking"  # our re-INVITE is out
    BACKING_OFF = "backing off"  # it met the peer's and was refused (491); it comes again
    ASKED = "asked"  # the peer's re-INVITE waits for our owner
    ANSWERED = "answered"  # it was told 200; no ACK yet


I, S, B, A, N = Stage  # noqa: E741

# Inputs: ``proceed`` when something waits to be offered, ``invited`` and ``cancelled`` from the
# peer, ``accept`` and ``refuse`` from the owner, ``got-*`` responses to ours, ``due`` from time.
OFFERING: dict[tuple[Stage, str], tuple[Stage, str]] = {
    (I, "proceed"):   (S, "send"),
    (I, "invited"):   (A, "hold"),
    (S, "invited"):   (S, "glare"),
    (S, "got-2xx"):   (I, "ack tell next"),
    (S, "got-491"):   (B, "back_off"),
    (S, "got-error"): (I, "tell next"),
    (B, "due"):       (S, "send"),
    (B, "invited"):   (A, "hold"),
    (A, "invited"):   (A, "too_soon"),
    (A, "accept"):    (N, "respond expect_ack"),
    (A, "refuse"):    (I, "respond next"),
    (A, "cancelled"): (I, "respond next"),
    (N, "acked"):     (I, "tell_acked next"),
    (N, "invited"):   (N, "glare"),
}  # fmt: skip


class Reoffer:
    """At most one exchange of offers at a time; ``due`` is when the back-off ends, or None."""

    def __init__(self, session: "Session") -> None:
        self.stage = Stage.IDLE
        self.due: float | None = None
        self._session = session
        self._wanted: bytes | None = None  # to be offered as soon as the line is free
        self._offered = b""  # what our re-INVITE that is out says
        self._theirs: Exchange | None = None  # the peer's re-INVITE
        self._ours: Exchange | None = None
        self._acked: Sent | None = None  # what our last re-INVITE's 2xx was told

    def want(self, sdp: bytes) -> None:
        self._wanted = sdp
        self.proceed()

    def proceed(self) -> None:
        """Send what waits, if the call is up and nothing else is under way."""
        if self._wanted is not None and self._session.up:
            self._step("proceed")

    def accept(self, sdp: bytes) -> None:
        self._step("accept", self._reply(200, "", sdp))

    def refuse(self, status: int, phrase: str, headers: Sequence[tuple[str, str]]) -> None:
        self._step("refuse", self._reply(status, phrase or PHRASES.get(status, ""), None, headers))

    def invited(self, exchange: Exchange) -> None:
        """The peer's re-INVITE. Raises Objection where it may not be taken now."""
        description(exchange.request)
        if self.stage in (Stage.IDLE, Stage.BACKING_OFF):
            self._theirs = exchange
        self._step("invited")

    def cancelled(self, exchange: Exchange) -> None:
        if exchange is self._theirs:
            self._step("cancelled", self._reply(487))

    def acked(self, sdp: bytes | None) -> None:
        self._step("acked", sdp)

    def wake(self, now: float) -> None:
        if self.due is not None and self.due <= now:
            self.due = None
            self._step("due")

    def drop(self) -> None:
        """The call is ending: offer nothing more, and leave no re-INVITE unanswered."""
        self._wanted = self.due = None
        if self.stage is Stage.ASKED:
            self._step("cancelled", self._reply(487))

    def close(self) -> None:
        """The call is over on both sides: an answer to a re-INVITE of ours may never come."""
        self.drop()
        if self.stage is Stage.ASKING and self._ours is not None:
            self._session.stack.abandon(self._ours)

    def _step(self, what: str, cue: object = None) -> None:
        entry = OFFERING.get((self.stage, what))
        if entry is None:
            return
        self.stage, actions = entry
        for action in actions.split():
            getattr(self, f"_{action}")(cue)

    def _reply(
        self,
        status: int,
        phrase: str = "",
        sdp: bytes | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Response | None:
        if self._theirs is None:
            return None
        response = self._theirs.request.reply(status, phrase)
        self._session.scribe.dress(response, sdp, headers)
        return response

    def _result(self, result: object) -> None:
        """What our re-INVITE came to."""
        if isinstance(result, Failed):
            self._step("got-error", result.status)
            self._session.lost(result.detail, 408)
        elif not isinstance(result, Response) or result.status < 200:
            return
        elif result.status < 300:
            if self.stage is not Stage.ASKING and self._acked is not None:
                self._session.stack.outbox.append(self._acked)  # a 2xx that was repeated
            self._step("got-2xx", result)
        elif result.status == 491 and self._session.up:
            self._step("got-491")
        else:
            self._step("got-error", result.status)
            if result.status in (408, 481):  # section 14.1: the whole dialog is gone
                self._session.lost(result.reason, result.status)

    # The table's actions

    def _send(self, _: object) -> None:
        session = self._session
        assert session.dialog is not None
        self._offered, self._wanted = self._wanted or self._offered, None
        self.due = None
        request = session.dialog.request("INVITE")
        request.headers.add("Contact", session.scribe.contact())
        request.headers.add("Allow", ALLOW)
        request.headers.add("Content-Type", ACCEPT)
        request.body = self._offered
        self._acked = None
        self._ours = session.scribe.send(request, self._result)

    def _hold(self, _: object) -> None:
        session, theirs = self._session, self._theirs
        assert theirs is not None
        assert session.dialog is not None
        session.dialog.refresh(theirs.request)
        session.stack.respond(theirs, theirs.request.reply(100))
        session.tell(Reoffered(description(theirs.request)))

    def _glare(self, _: object) -> None:
        raise Objection(491, "Request pending: another re-INVITE is under way (glare)")

    def _too_soon(self, _: object) -> None:
        wait = (("Retry-After", str(self._session.stack.rng.randrange(11))),)
        raise Objection(500, "The last re-INVITE is still unanswered", wait)

    def _respond(self, response: object) -> None:
        assert self._theirs is not None
        assert isinstance(response, Response)
        self._session.stack.respond(self._theirs, response)

    def _expect_ack(self, response: object) -> None:
        assert self._theirs is not None
        assert isinstance(response, Response)
        self._session.expect_ack(self._theirs, response)

    def _ack(self, response: object) -> None:
        assert isinstance(response, Response)
        assert self._session.dialog is not None
        self._session.dialog.refresh(response)
        self._acked = self._session.scribe.ack(response.cseq.number)

    def _tell(self, result: object) -> None:
        if not self._session.up:
            return
        if isinstance(result, Response):
            self._session.tell(ReofferAnswered(self._session.scribe.read(result)))
        elif isinstance(result, int):
            self._session.tell(ReofferAnswered(result))

    def _tell_acked(self, sdp: object) -> None:
        assert sdp is None or isinstance(sdp, bytes)
        self._session.tell(Acked(sdp))

    def _back_off(self, _: object) -> None:
        """Section 14.1: whoever made the Call-ID waits longer, so the two cannot meet again."""
        rng, owner = self._session.stack.rng, self._session.role == "client"
        wait = rng.randrange(210, 401) if owner else rng.randrange(201)
        self._wanted = self._wanted or self._offered
        self.due = self._session.stack.clock() + wait / 100
        self._session.stack.watch(self._session)

    def _next(self, _: object) -> None:
        self.proceed()
