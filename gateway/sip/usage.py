"""One INVITE usage, as its server or its client (RFC 3261 sections 13 to 15, RFC 5057).

The life of a call is the table in ``life``; what happens within it has machines of its own:
``rings`` (reliable 1xx), ``branches`` (forks), ``reoffer``, ``refresh`` (session timer),
``referrer`` and ``referee`` (REFER). ``Session`` adds the verbs of the owner.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Self

from gateway.sip.branches import Branches
from gateway.sip.credentials import Authorizer, Credentials
from gateway.sip.dialog import Dialog
from gateway.sip.events import (
    LAST,
    Acked,
    Cancelled,
    Ended,
    Reoffered,
    Replaced,
    SessionEvent,
)
from gateway.sip.exchange import Exchange
from gateway.sip.headers import best_reason
from gateway.sip.inspection import Extra, description
from gateway.sip.life import LIFE, Cue, State
from gateway.sip.message import Request, Response
from gateway.sip.peer import Peer
from gateway.sip.policy import Policy
from gateway.sip.referee import Referee
from gateway.sip.referrer import Referrer
from gateway.sip.refresh import Refresh
from gateway.sip.reoffer import Reoffer
from gateway.sip.retries import Retries
from gateway.sip.rings import Rings
from gateway.sip.routing import Hop
from gateway.sip.scribe import Scribe, describe
from gateway.sip.session_id import SessionId
from gateway.sip.transaction import T1, Failed
from gateway.sip.unacked import Unacked
from gateway.sip.within import take

if TYPE_CHECKING:
    from gateway.sip.session import Session
    from gateway.sip.stack import Stack


class Usage:
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
        policy: Policy,
    ) -> None:
        self.role = role
        self.id = request.call_id
        self.key = (request.call_id, tag)
        self.request = request
        self.remote = hop.address
        self.transport = hop.transport
        self.hop = hop  # where the peer was seen, or is sent to
        self.offer: bytes | None = None
        self.policy = policy  # the owner may give it another
        self.replaces: Session | None = None  # the one that an INVITE to us takes over
        self.state = State.OFFERED if role == "server" else State.CALLING
        self.dialog: Dialog | None = None
        self.settled = False  # the first exchange of offers is complete
        self.said: bytes | None = None  # our description that holds, or is on its way
        self.stack = stack
        self.peer = Peer()
        self.session_id = SessionId(stack.rng)
        self.scribe = Scribe(self)
        self.branches = Branches(self)
        self.retries = Retries(self)
        self.rings = Rings(self)
        self.reoffer = Reoffer(self)
        self.refresh = Refresh(self)
        self.referrer = Referrer(self)
        self.referee = Referee(self)
        self.authorizer: Authorizer | None = None  # if there are credentials for challenges
        self._exchange: Exchange | None = None  # of the INVITE
        self._unacked: Unacked | None = None
        self._ring = 180  # what is repeated every minute
        self._wake: dict[str, float] = {}  # ``minute``, ``give-up``
        self._reasons: Extra = ()  # of our CANCEL or BYE
        self._listener: Callable[[SessionEvent], None] | None = None
        self._untold: deque[SessionEvent] = deque()
        self._told_last = False

    @classmethod
    def as_server(cls, stack: "Stack", exchange: Exchange, policy: Policy) -> Self:
        request = exchange.request
        session = cls(stack, "server", request, exchange.seen, exchange.tag, policy)
        session.dialog = Dialog.as_server(request, exchange.tag)
        session.offer = description(request)
        session.peer.learn(request)
        session.session_id.hear(request)
        session._exchange = exchange
        return session

    @classmethod
    def as_client(
        cls, stack: "Stack", request: Request, hop: Hop, sdp: bytes | None, policy: Policy,
        credentials: Credentials | None = None,
    ) -> Self:  # fmt: skip
        session = cls(stack, "client", request, hop, request.from_.tag, policy)
        if credentials is not None:
            session.authorizer = Authorizer(credentials, stack.token)
        describe(request, sdp)
        session.said = sdp
        session._invite(request, hop)
        return session

    @property
    def up(self) -> bool:
        return self.state is State.UP

    @property
    def over(self) -> bool:
        """Nothing is left to be said by anybody."""
        return self.state is State.ENDED

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
        self.session_id.hear(request)
        if unacked.exchange is self._exchange:
            self.settled = True
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

    @property
    def _clocks(self) -> tuple[Rings | Reoffer | Refresh | Referrer | Referee, ...]:
        return (self.rings, self.reoffer, self.refresh, self.referrer, self.referee)

    def wake_at(self) -> float | None:
        times = [*self._wake.values(), *(clock.due for clock in self._clocks)]
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
        for clock in self._clocks:
            clock.wake(now)

    def knows(self, tag: str) -> bool:
        return self.dialog_with(tag) is not None

    def dialog_with(self, tag: str) -> Dialog | None:
        """The dialog with the peer of this tag: before the answer there may be several."""
        if self.dialog is not None:
            return self.dialog if self.dialog.remote_tag == tag else None
        early = self.branches.early.get(tag)
        return early.dialog if early else None

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

    def provide(self, response: Response) -> None:
        """Send a response to the INVITE."""
        assert self._exchange is not None
        self.stack.respond(self._exchange, response)

    def tell(self, event: SessionEvent) -> None:
        if self._told_last:
            return
        if isinstance(event, LAST):
            self.referrer.close("the call ended before the transfer did")
            self.referee.close(by_us=isinstance(event, Ended) and event.by == "us")
            self._told_last = True
        self._untold.append(event)
        self.stack.later(self._tell_owner)

    # Inside

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
            event = self._untold.popleft()
            try:
                self._listener(event)
            except Exception:  # or the peer's offer would wait for ever, and every later one too
                if isinstance(event, Reoffered):
                    self.reoffer.refuse(500, "", ())
                raise

    # The table's actions

    def _tell(self, cue: Cue) -> None:
        if cue.event is not None:
            self.tell(cue.event)

    def _respond(self, cue: Cue) -> None:
        assert cue.response is not None
        if cue.response.status < 300:
            self.said = cue.sdp or self.said
            self.settled = self.settled or self.offer is not None
            self.refresh.answer(self.request, cue.response)
        self.rings.final()
        self.provide(cue.response)

    def _ring_out(self, cue: Cue) -> None:
        assert cue.response is not None
        self._ring = cue.response.status
        self.said = cue.sdp or self.said
        if not self.rings.say(cue.response):
            self.provide(cue.response)

    def _ring_on(self, _: Cue) -> None:
        self._ring_out(Cue(response=self.scribe.respond(self._ring)))

    def _replace(self, _: Cue) -> None:
        """RFC 3891 section 3: the call is accepted, so the one whose place it takes ends."""
        if self.replaces is not None:
            self.replaces.tell(Replaced(self))
            self.replaces.end()

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
        self.rings.final()
        self.provide(self.scribe.respond(487))

    def _accept_bye(self, cue: Cue) -> None:
        assert cue.exchange is not None
        self.stack.respond(cue.exchange, cue.exchange.request.reply(200))

    def _answer_early(self, cue: Cue) -> None:
        assert cue.sdp is not None
        self.branches.answer_early(cue.sdp)

    def _send_again(self, cue: Cue) -> None:
        assert cue.again is not None
        self._invite(*cue.again)

    def _invite(self, request: Request, hop: Hop) -> None:
        self.request, self.hop = request, hop
        self.remote, self.transport = hop.address, hop.transport
        self.scribe.introduce(request)
        self.session_id.mark(request)
        self._exchange = self.stack.request(request, hop, self.branches.result)

    def _ack(self, cue: Cue) -> None:
        self.said = cue.sdp or self.said
        self.branches.acknowledge(cue.sdp)

    def _renew(self, _: Cue) -> None:
        self.reoffer.proceed()

    def _cancel(self, _: Cue) -> None:
        assert self._exchange is not None
        extra = (*self._reasons, ("Session-ID", str(self.session_id)))
        self.stack.cancel(self._exchange, extra)

    def _abandon(self, _: Cue) -> None:
        assert self._exchange is not None
        self.stack.abandon(self._exchange)

    def _bye(self, _: Cue) -> None:
        assert self.dialog is not None
        self._unacked = None
        self.reoffer.drop()
        self.refresh.close()
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
        self.rings.final()
        self.reoffer.close()
        self.refresh.close()
        self.stack.forget(self)
