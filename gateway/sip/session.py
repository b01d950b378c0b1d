"""A session: one INVITE usage, as its server or its client (RFC 3261 sections 13 to 15).

The life of a call is the table in ``life``; offers within the call are a machine of their own,
in ``reoffer``. The owner sees only ``SessionEvent`` and the verbs; a verb that comes too late
(the peer was quicker) does nothing, and the event that says why is on its way.

After ``end`` or ``refuse`` the last event comes at once; what is left to be said on the wire, a
BYE to be answered or a CANCEL that crosses a 200, the session sees to by itself.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from gateway.sip.branches import Branches
from gateway.sip.dialog import Dialog
from gateway.sip.events import (
    Acked,
    Cancelled,
    Ended,
    Refused,
    SessionEvent,
)
from gateway.sip.exchange import Exchange
from gateway.sip.headers import Reason, best_reason
from gateway.sip.inspection import ACCEPT, Extra, description
from gateway.sip.life import LIFE, Cue, State
from gateway.sip.message import PHRASES, Request, Response
from gateway.sip.reoffer import Reoffer
from gateway.sip.routing import Hop
from gateway.sip.scribe import Scribe
from gateway.sip.transaction import T1, Failed
from gateway.sip.unacked import Unacked
from gateway.sip.within import take

if TYPE_CHECKING:
    from gateway.sip.stack import Stack


class Session:
    """``request`` is the INVITE, whoever sent it; ``offer`` the peer's SDP in it, if it came to us.

    ``remote`` is where the peer is, as seen on the wire (server) or as we were told (client).
    """

    def __init__(
        self,
        stack: "Stack",
        role: Literal["server", "client"],
        request: Request,
        hop: Hop,
        tag: str,
    ) -> None:
        self.role = role
        self.id = request.call_id
        self.key = (request.call_id, tag)
        self.request = request
        self.remote = hop.address
        self.transport = hop.transport
        self.hop = hop  # where the peer was seen, or is sent to
        self.offer: bytes | None = None
        self.state = State.OFFERED if role == "server" else State.CALLING
        self.dialog: Dialog | None = None
        self.stack = stack
        self.scribe = Scribe(self)
        self.reoffer = Reoffer(self)
        self.branches = Branches(self)
        self._exchange: Exchange | None = None  # of the INVITE
        self._unacked: Unacked | None = None
        self._ring: Response | None = None
        self._wake: dict[str, float] = {}  # ``minute``, ``give-up``
        self._reasons: Extra = ()  # of our CANCEL or BYE
        self._listener: Callable[[SessionEvent], None] | None = None
        self._untold: deque[SessionEvent] = deque()

    @classmethod
    def as_server(cls, stack: "Stack", exchange: Exchange) -> "Session":
        request = exchange.request
        session = cls(stack, "server", request, exchange.seen, exchange.tag)
        session.dialog = Dialog.as_server(request, exchange.tag)
        session.offer = description(request)
        session._exchange = exchange
        return session

    @classmethod
    def as_client(cls, stack: "Stack", request: Request, hop: Hop, sdp: bytes | None) -> "Session":
        session = cls(stack, "client", request, hop, request.from_.tag)
        if sdp is not None:
            request.headers.add("Content-Type", ACCEPT)
            request.body = sdp
        session._exchange = stack.request(request, hop, session.branches.result)
        return session

    # The owner's verbs

    @property
    def on_event(self) -> Callable[[SessionEvent], None] | None:
        """Who is told. Events that came before anybody was are told first."""
        return self._listener

    @on_event.setter
    def on_event(self, listener: Callable[[SessionEvent], None]) -> None:
        self._listener = listener
        self.stack.later(self._tell_owner)
        self.stack.stir()

    @property
    def up(self) -> bool:
        return self.state is State.UP

    @property
    def over(self) -> bool:
        """Nothing is left to be said by anybody."""
        return self.state is State.ENDED

    def ring(self, status: int = 180, sdp: bytes | None = None) -> None:
        """Tell the caller 101 to 199; with ``sdp``, what early media it will get."""
        self._do("ring", Cue(response=self.scribe.respond(status, sdp=sdp)))

    def answer(self, sdp: bytes) -> None:
        """Accept. As a server: our answer, or our offer if the INVITE had none. As a client whose
        INVITE had no offer: our answer to the one that ``Answered`` brought."""
        response = self.scribe.respond(200, sdp=sdp) if self.role == "server" else None
        self._do("answer", Cue(response=response, sdp=sdp))

    def refuse(
        self, status: int, phrase: str = "", *, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Refuse the INVITE with 300 to 699, a phrase that explains, and Warning, Retry-After …"""
        phrase = phrase or PHRASES.get(status, "Refused")
        response = self.scribe.respond(status, phrase, extra=headers)
        self._do("refuse", Cue(Refused(status, phrase, "us"), response))

    def end(self, reason: str = "", *, cause: int | None = None) -> None:
        """End it, in whatever way its state wants: BYE, CANCEL, or 480 to an INVITE.

        ``reason`` and ``cause`` (Q.850; 16 is normal clearing) go into a Reason header.
        """
        if reason and cause is None:
            cause = 16
        reasons: Extra = ()
        if cause is not None:
            reasons = (("Reason", str(Reason("Q.850", cause, reason))),)
        if self.state in (State.OFFERED, State.RINGING):
            self.refuse(480, reason, headers=reasons)
            return
        self._reasons = self._reasons or reasons
        before = self.state in (State.CALLING, State.PROCEEDING)
        self._do("end", Cue(Ended("us", 487 if before else None, cause, reason)))

    def reinvite(self, sdp: bytes) -> None:
        """Offer something new. If another exchange of offers is under way, this waits for its
        end; of several that wait, the last counts. ``ReofferAnswered`` tells how it went."""
        self.reoffer.want(sdp)
        self.stack.stir()

    def accept_reoffer(self, sdp: bytes) -> None:
        self.reoffer.accept(sdp)
        self.stack.stir()

    def refuse_reoffer(
        self, status: int = 488, phrase: str = "", *, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.reoffer.refuse(status, phrase, headers)
        self.stack.stir()

    def info(self, content_type: str, body: bytes) -> None:
        """Send INFO (RFC 6086, or the digits of ``application/dtmf-relay``)."""
        if self.dialog is not None and self.state is State.UP:
            request = self.dialog.request("INFO")
            request.headers.add("Content-Type", content_type)
            request.body = body
            self.scribe.send(request, self._in_dialog_result)
            self.stack.stir()

    # The stack's side

    def requested(self, exchange: Exchange) -> None:
        """A request within the dialog, other than ACK and CANCEL. Raises Objection."""
        take(self, exchange)

    def acked(self, request: Request) -> None:
        """An ACK for a 2xx of ours."""
        unacked = self._unacked
        if unacked is None or request.cseq.number != unacked.cseq:
            return  # a repeated one
        self._unacked = None
        sdp = self.scribe.read(request)
        if unacked.exchange is self._exchange:
            self.step("peer-ack", Cue(Acked(sdp)))
        else:
            self.reoffer.acked(sdp)

    def cancelled(self, invite: Exchange, request: Request) -> None:
        """A CANCEL for our INVITE transaction ``invite``, which was told 200 already."""
        if invite is self._exchange:
            reason = best_reason(request.headers)
            self.step("peer-cancel", Cue(Cancelled(reason.cause, reason.text)))
        else:
            self.reoffer.cancelled(invite)

    def wake_at(self) -> float | None:
        times = [*self._wake.values(), self.reoffer.due]
        if self._unacked is not None:
            times.append(self._unacked.wake_at())
        return min((at for at in times if at is not None), default=None)

    def wake(self, now: float) -> None:
        for name in [name for name, at in self._wake.items() if at <= now]:
            del self._wake[name]
            self.step(name, Cue())
        unacked = self._unacked
        if unacked is not None and not unacked.wake(now):
            self._unacked = None
            self.unacked()
        self.reoffer.wake(now)

    # For its machines

    def expect_ack(self, exchange: Exchange, response: Response) -> None:
        self._unacked = Unacked.since(self.stack.clock(), exchange, response)
        self.stack.watch(self)

    def lost(self, detail: str, status: int) -> None:
        """The peer does not know this dialog any more, or does not answer (section 12.2.1.2)."""
        self.step("lost", Cue(Ended("timeout" if status == 408 else "peer", status, None, detail)))

    def unacked(self) -> None:
        detail = "no ACK came for our 200 within 32 s"
        event = Ended("timeout", 408, None, detail)
        self.step("unacked" if self.state is not State.UP else "lost", Cue(event))

    def tell(self, event: SessionEvent) -> None:
        self._untold.append(event)
        self.stack.later(self._tell_owner)

    # Inside

    def _do(self, what: str, cue: Cue) -> None:
        self.step(what, cue)
        self.stack.stir()

    def step(self, what: str, cue: Cue) -> None:
        """Apply one input to the table; one that the state does not list is ignored."""
        entry = LIFE.get((self.state, what))
        if entry is None:
            return
        self.state, actions = entry
        for action in actions.split():
            getattr(self, f"_{action}")(cue)

    def _tell_owner(self) -> None:
        while self._listener is not None and self._untold:
            self._listener(self._untold.popleft())

    def _in_dialog_result(self, result: object) -> None:
        if isinstance(result, (Response, Failed)) and result.status in (408, 481):
            detail = result.detail if isinstance(result, Failed) else result.reason
            self.lost(detail, result.status)

    # The table's actions

    def _tell(self, cue: Cue) -> None:
        if cue.event is not None:
            self.tell(cue.event)

    def _respond(self, cue: Cue) -> None:
        assert self._exchange is not None
        assert cue.response is not None
        self._ring = cue.response
        self.stack.respond(self._exchange, cue.response)

    def _ring_on(self, _: Cue) -> None:
        self._respond(Cue(response=self._ring))

    def _watch_minute(self, _: Cue) -> None:
        """Section 13.3.1.1: proxies forget an INVITE that is not heard of for three minutes."""
        self._watch("minute", 60.0)

    def _watch_cancel(self, _: Cue) -> None:
        """Section 9.1: if nothing final comes, the INVITE counts as cancelled all the same."""
        self._watch("give-up", 64 * T1)

    def _watch(self, name: str, after: float) -> None:
        self._wake[name] = self.stack.clock() + after
        self.stack.watch(self)

    def _watch_ack(self, cue: Cue) -> None:
        assert self._exchange is not None
        assert cue.response is not None
        self.expect_ack(self._exchange, cue.response)

    def _terminate(self, _: Cue) -> None:
        """487 to the INVITE that was given up (section 9.2)."""
        self._respond(Cue(response=self.scribe.respond(487)))

    def _accept_bye(self, cue: Cue) -> None:
        assert cue.exchange is not None
        self.stack.respond(cue.exchange, cue.exchange.request.reply(200))

    def _ack(self, cue: Cue) -> None:
        self.branches.acknowledge(cue.sdp)

    def _renew(self, _: Cue) -> None:
        self.reoffer.proceed()

    def _cancel(self, _: Cue) -> None:
        assert self._exchange is not None
        self.stack.cancel(self._exchange, self._reasons)

    def _abandon(self, _: Cue) -> None:
        assert self._exchange is not None
        self.stack.abandon(self._exchange)

    def _bye(self, _: Cue) -> None:
        assert self.dialog is not None
        self._unacked = None
        self.reoffer.drop()
        bye = self.dialog.request("BYE")
        for name, value in self._reasons:
            bye.headers.add(name, value)
        self.scribe.send(bye, self._bye_result)

    def _bye_result(self, result: object) -> None:
        if isinstance(result, Failed) or (isinstance(result, Response) and result.status >= 200):
            self.step("bye-done", Cue())

    def _over(self, _: Cue) -> None:
        self._unacked = None
        self._wake.clear()
        self.reoffer.close()
        self.stack.forget(self)
