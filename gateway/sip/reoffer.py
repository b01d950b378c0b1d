"""Offers within a call: re-INVITE (RFC 3261 section 14) and UPDATE (RFC 3311), both ways."""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from gateway.sip.events import Acked, ReofferAnswered, Reoffered
from gateway.sip.exchange import Exchange
from gateway.sip.inspection import Objection, description
from gateway.sip.life import State
from gateway.sip.message import PHRASES, Response
from gateway.sip.routing import Sent
from gateway.sip.transaction import Failed

if TYPE_CHECKING:
    from gateway.sip.usage import Usage


class Stage(Enum):
    IDLE = "idle"
    ASKING = "asking"  # our re-INVITE is out
    BACKING_OFF = "backing off"  # it met the peer's and was refused (491); it comes again
    ASKED = "asked"  # the peer's re-INVITE waits for our owner
    ANSWERED = "answered"  # it was told 200; no ACK yet
    UPDATED = "updated"  # the offer in the peer's UPDATE or PRACK waits for our owner


I, S, B, A, N, V = Stage  # noqa: E741

# Inputs: ``proceed`` when something waits to be offered, ``invited``, ``updated`` and ``cancelled``
# from the peer, ``accept`` and ``refuse`` from the owner, ``got-*`` responses to ours, ``due`` from
# time, ``forget`` when the phone we asked is not the one that answered the call.
OFFERING: dict[tuple[Stage, str], tuple[Stage, str]] = {
    (I, "proceed"):   (S, "send"),
    (I, "invited"):   (A, "trying ask"),
    (I, "updated"):   (V, "ask"),
    (S, "invited"):   (S, "glare"),
    (S, "updated"):   (S, "glare"),
    (S, "got-2xx"):   (I, "confirm tell next"),
    (S, "got-491"):   (B, "back_off"),
    (S, "got-later"): (B, "wait"),
    (S, "got-422"):   (S, "send"),
    (S, "got-405"):   (I, "keep next"),
    (S, "got-error"): (I, "tell next"),
    (S, "forget"):    (I, ""),
    (B, "due"):       (S, "send"),
    (B, "invited"):   (A, "trying ask"),
    (B, "updated"):   (V, "ask"),
    (B, "forget"):    (I, ""),
    (A, "invited"):   (A, "too_soon"),
    (A, "updated"):   (A, "too_soon"),
    (A, "accept"):    (N, "respond expect_ack"),
    (A, "refuse"):    (I, "respond next"),
    (A, "cancelled"): (I, "respond next"),
    (N, "acked"):     (I, "tell_acked next"),
    (N, "invited"):   (N, "glare"),
    (N, "updated"):   (N, "glare"),
    (V, "invited"):   (V, "too_soon"),
    (V, "updated"):   (V, "too_soon"),
    (V, "accept"):    (I, "respond next"),
    (V, "refuse"):    (I, "respond next"),
    (V, "cancelled"): (I, "respond"),
    (V, "forget"):    (I, "give_up"),
}  # fmt: skip


class Reoffer:
    """At most one exchange of offers at a time; ``due`` is when the back-off ends, or None."""

    def __init__(self, session: "Usage") -> None:
        self.stage = Stage.IDLE
        self.due: float | None = None
        self._session = session
        self._wanted: bytes | None = None  # to be offered as soon as the line is free
        self._by_update = False  # and so it shall be, if the peer takes that
        self._offered = b""  # what our request that is out says
        self._theirs: Exchange | None = None  # the peer's request
        self._ours: Exchange | None = None
        self._acked: Sent | None = None  # what our last re-INVITE's 2xx was told

    def want(self, sdp: bytes, *, by_update: bool = False) -> None:
        self._wanted, self._by_update = sdp, by_update
        self.proceed()

    def proceed(self) -> None:
        """Send what waits, if nothing else is under way and the call is up, or its first offer
        has its answer and UPDATE can be sent (RFC 3311 section 5.1)."""
        if self._wanted is not None and (self._session.up or (self._early and self._may_update)):
            self._step("proceed")

    @property
    def _early(self) -> bool:
        session = self._session
        if session.role == "server":
            return session.state is State.RINGING and session.settled
        return session.state is State.PROCEEDING and session.branches.current is not None

    @property
    def _may_update(self) -> bool:
        return self._by_update and self._session.peer.takes("UPDATE")

    def accept(self, sdp: bytes) -> None:
        if (self.stage, "accept") in OFFERING:
            self._step("accept", self._reply(200, "", sdp))

    def refuse(self, status: int, phrase: str, headers: Sequence[tuple[str, str]]) -> None:
        self._step("refuse", self._reply(status, phrase or PHRASES.get(status, ""), None, headers))

    def invited(self, exchange: Exchange) -> None:
        """The peer's re-INVITE. Raises Objection where it may not be taken now."""
        description(exchange.request)
        if self.stage in (Stage.IDLE, Stage.BACKING_OFF):
            self._theirs = exchange
        self._step("invited")

    def updated(self, exchange: Exchange) -> None:
        """An offer in the peer's UPDATE, or PRACK. Raises Objection likewise."""
        if self.stage in (Stage.IDLE, Stage.BACKING_OFF):
            self._theirs = exchange
        self._step("updated")

    def forget(self) -> None:
        """What was under way before the call was answered, with another phone, is over."""
        self.due = None
        self._step("forget")

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
        if self.stage in (Stage.ASKED, Stage.UPDATED):
            self._step("cancelled", self._reply(487))

    def close(self) -> None:
        """The call is over on both sides: an answer to a re-INVITE of ours may never come."""
        self.drop()
        if self.stage is Stage.ASKING and self._ours is not None:
            self._session.stack.abandon(self._ours)

    def _step(self, what: str, cue: object = None) -> bool:
        entry = OFFERING.get((self.stage, what))
        if entry is None:
            return False
        self.stage, actions = entry
        for action in actions.split():
            getattr(self, f"_{action}")(cue)
        return True

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
        if status < 300 and self._theirs.request.method != "PRACK":
            self._session.refresh.answer(self._theirs.request, response)
        if status < 300:
            self._session.said = sdp
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
        elif not self._step(self._refusal(result), result):
            self._step("got-error", result.status)
            self._session.refresh.refused()
            if result.status in (408, 481):  # section 14.1: the whole dialog is gone
                self._session.lost(result.reason, result.status)

    def _refusal(self, response: Response) -> str:
        """A refusal that is not the end of it."""
        session, update = self._session, response.cseq.method == "UPDATE"
        if response.status == 422 and session.refresh.raised(response):
            return "got-422"
        if update and response.status in (405, 501):
            session.peer.allow = (session.peer.allow or frozenset()) - {"UPDATE"}
            return "got-405"
        if not session.up and not self._early:
            return ""
        if response.status == 491:
            return "got-491"
        later = (response.headers.get("Retry-After") or "")[:2]
        return "got-later" if update and response.status == 500 and later.isdigit() else ""

    # The table's actions

    def _send(self, _: object) -> None:
        session = self._session
        if self._wanted is not None:
            self._offered, self._wanted = self._wanted, None
        self.due = None
        method = "UPDATE" if self._may_update else "INVITE"
        request = session.scribe.request(method, self._offered)
        self._acked = None
        self._ours = session.scribe.send(request, self._result)

    def _trying(self, _: object) -> None:
        assert self._theirs is not None
        self._session.stack.respond(self._theirs, self._theirs.request.reply(100))

    def _ask(self, _: object) -> None:
        session, theirs = self._session, self._theirs
        assert theirs is not None
        if (dialog := session.dialog_with(theirs.request.from_.tag)) is not None:
            dialog.refresh(theirs.request)
        session.peer.learn(theirs.request)
        session.tell(Reoffered(description(theirs.request)))

    def _keep(self, _: object) -> None:
        """The peer does not take UPDATE: it shall be a re-INVITE, as soon as that may be."""
        self._wanted = self._wanted or self._offered

    def _give_up(self, _: object) -> None:
        assert self._theirs is not None
        self._session.stack.respond(self._theirs, self._theirs.request.reply(487))

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

    def _confirm(self, response: object) -> None:
        assert isinstance(response, Response)
        session = self._session
        session.said = self._offered
        session.peer.learn(response)
        session.refresh.answered(response)
        if (dialog := session.dialog_with(response.to.tag)) is not None:
            dialog.refresh(response)
        if response.cseq.method == "INVITE":
            self._acked = session.scribe.ack(response.cseq.number)

    def _tell(self, result: object) -> None:
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

    def _wait(self, response: object) -> None:
        """RFC 3311 section 5.3: 500 with Retry-After says how long the peer will be busy."""
        assert isinstance(response, Response)
        self._wanted = self._wanted or self._offered
        self.due = self._session.stack.clock() + int(
            (response.headers.get("Retry-After") or "0")[:2]
        )
        self._session.stack.watch(self._session)

    def _next(self, _: object) -> None:
        self.proceed()
