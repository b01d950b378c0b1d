"""The sans-IO user agent: bytes in, bytes out, sessions in between.

``receive`` takes what the network brought, ``wake`` what time brought; both leave bytes in
``outbox`` and notes for the operator in ``events``. ``deliver`` then hands the sessions' events
to their owners, outside of all protocol work, so an owner may do what it likes. Verbs of a
session that an owner calls by itself end with ``stir``, by which the edge knows to look here.
"""

import random
from collections import deque
from collections.abc import Callable, Sequence

from gateway.sip import initial
from gateway.sip.addressing import Addressing
from gateway.sip.alarms import Alarms, Sleeper
from gateway.sip.credentials import Credentials
from gateway.sip.defence import Defence, Drop
from gateway.sip.events import Note
from gateway.sip.exchange import Exchange
from gateway.sip.exchanges import Exchanges
from gateway.sip.framing import PING, PONG
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.inspection import Extra, Objection, inspect, warning
from gateway.sip.invitation import invitation
from gateway.sip.life import State
from gateway.sip.matching import cancel_for
from gateway.sip.message import LIMITS, Limits, Request, Response, parse
from gateway.sip.outgoing import Locate, Outgoing, nowhere
from gateway.sip.policy import Policy
from gateway.sip.routing import (
    RELIABLE,
    Address,
    Hop,
    Sent,
    default_port,
    response_hop,
    stamp,
)
from gateway.sip.session import Session
from gateway.sip.usage import Usage

REMEMBERED = 1_000  # sessions that are over


class Stack:
    """One user agent. ``sent_by(host, transport)`` says as whom (host, port) that peer knows us;
    ``locate`` asks DNS where a name is reached."""

    def __init__(
        self,
        *,
        on_invite: Callable[[Session], None],
        sent_by: Callable[[str, str], Address],
        clock: Callable[[], float],
        stir: Callable[[], None] = lambda: None,
        locate: Locate = nowhere,
        user_agent: str = "Trunkline",
        limits: Limits = LIMITS,
        rng: random.Random | None = None,
        gate: Defence | None = None,
        policy: Policy = Policy(),  # noqa: B008  # it is frozen
    ) -> None:
        self.outbox: list[Sent] = []
        self.events: list[Note] = []
        self.sessions: dict[tuple[str, str], Session] = {}  # by Call-ID and our tag
        self.saw: Callable[[bytes, Address, str], None] = lambda *_: None  # past the gate
        self.over: list[str] = []  # Call-IDs of sessions in which nothing is left to be said
        self.aliases: list[tuple[Hop, int]] = []  # whose connection serves that port too: RFC 5923
        self.on_broken: list[Callable[[Hop], None]] = []  # told where nothing gets through to
        self.serves: dict[str, Callable[[Exchange], None]] = {}  # by others, by ``respond``
        self.gate = gate
        self.policy = policy
        # What holds for an INVITE that comes; whoever knows its sender may say otherwise.
        self.policy_for: Callable[[Request, Hop], Policy] = lambda *_: self.policy
        self._ended: dict[tuple[str, str], None] = {}  # the last sessions that are over
        self.clock = clock
        self.stir = stir
        self.rng = rng or random.SystemRandom()
        self._on_invite = on_invite
        self._sent_by = sent_by
        self._user_agent = user_agent
        self._limits = limits
        self._alarms = Alarms()
        self._exchanges = Exchanges(self.outbox, self._alarms)
        self._deliveries: deque[Callable[[], None]] = deque()
        self._addressing = Addressing(sent_by, user_agent, self.token)
        self._outgoing = Outgoing(
            self._exchanges, locate=locate, address=self._address, wanted=self._wanted,
            later=self.later, clock=clock,
        )  # fmt: skip

    # The edge's side

    def receive(self, data: bytes, source: Address, transport: str, now: float) -> None:
        """One datagram, or one frame of a stream."""
        if not data.strip(b"\r\n\0"):  # a keep-alive; on a stream a ping wants its pong
            if data == PING and transport in RELIABLE:
                self.outbox.append(Sent(PONG, source, transport))
            return
        if self.gate and not self.gate.packet(source[0], len(data), transport == "udp", now):
            return
        self.saw(data, source, transport)
        try:
            message = parse(data, self._limits)
        except SipSyntaxError as error:
            self.note("dropped", source=source, why=str(error))
            return
        try:
            if isinstance(message, Request):
                self._request(message, Hop(source, transport), now)
            else:
                message.check()
                if len(message.headers.values("Via")) > 1:  # section 8.1.3.3: it is another's
                    raise SipSyntaxError("Via", "a response with a second one is not for us")
                self._response(message, source, now)
        except SipSyntaxError as error:
            if isinstance(message, Request) and message.method != "ACK":
                self._refuse_broken(message, Hop(source, transport), error)
            else:
                self.note("dropped", source=source, why=str(error))

    def wake(self, now: float) -> None:
        """Do what was due by now."""
        for sleeper in self._alarms.due(now):
            sleeper.wake(now)
            self._alarms.watch(sleeper)

    def wake_at(self) -> float | None:
        """When to call ``wake`` next, at the latest."""
        return self._alarms.wake_at()

    def unreachable(self, destination: Address, transport: str, why: str, now: float) -> None:
        """Nothing gets through to there: requests under way are over (section 8.1.3.1)."""
        hop = Hop(destination, transport)
        for request in self._exchanges.broken(hop, why, now):
            self.note("unreachable", method=request.method, to=destination, over=transport, why=why)
        for listener in self.on_broken:
            listener(hop)

    def deliver(self) -> None:
        """Call the owners. An exception of theirs passes through; call again for the rest."""
        while self._deliveries:
            self._deliveries.popleft()()

    @property
    def open_transactions(self) -> int:
        return len(self._exchanges)

    # The owner's side

    def invite(
        self,
        target: str,
        *,
        from_uri: str = "",
        from_name: str = "",
        sdp: bytes | None,
        headers: Sequence[tuple[str, str]] = (),
        hop: Hop | None = None,
        policy: Policy | None = None,
        credentials: Credentials | None = None,
    ) -> Session:
        """Call somebody. Raises SipSyntaxError if ``target`` or ``from_uri`` is no SIP URI.

        ``hop``, or a ``Route`` among the headers, is where the INVITE is sent instead: an
        outbound proxy, or the place where a phone was seen that is behind a NAT.
        """
        request, hop = invitation(
            self, target, from_uri=from_uri, from_name=from_name, headers=headers, hop=hop
        )
        session = Session.as_client(self, request, hop, sdp, policy or self.policy, credentials)
        self.sessions[session.key] = session
        self.stir()
        return session

    # The sessions' side

    def token(self) -> str:
        """A random identifier (section 19.3 wants 32 bits at least; this is 64)."""
        return f"{self.rng.getrandbits(64):016x}"

    def host_for(self, hop: Hop) -> str:
        """Our own host, as that peer knows us."""
        return self._addressing.host_for(hop)

    def contact(self, user: str, hop: Hop, *, secure: bool = False) -> str:
        return self._addressing.contact(user, hop, secure=secure)

    def request(self, request: Request, hop: Hop, listener: Callable[[object], None]) -> Exchange:
        """Begin a client transaction; the listener gets each Response, or Failed."""
        return self._outgoing.ask(request, hop, listener)

    def cancel(self, invite: Exchange, reasons: Extra) -> None:
        """Section 9.1: a CANCEL that looks like the INVITE it is about."""
        request = cancel_for(invite.request)
        for name, value in reasons:
            request.headers.add(name, value)
        self._exchanges.ask(request, invite.hop, None, self.clock())

    def send_ack(self, ack: Request, hop: Hop) -> Sent:
        """An ACK for a 2xx is its own transaction (section 13.2.2.4). What was sent, to repeat."""
        self._address(ack, hop)
        sent = Sent(bytes(ack), hop.unresolved, hop.transport, hop.name)
        self.outbox.append(sent)
        return sent

    def respond(self, exchange: Exchange, response: Response) -> None:
        """Send a response to a request that came; what every response carries is added here."""
        if isinstance(exchange.owner, Session):
            exchange.owner.session_id.mark(response)
        if "User-Agent" not in response.headers and "Server" not in response.headers:
            response.headers.take("Server", self._user_agent)
        if response.status >= 300:
            request = exchange.request
            self.note(
                "refused", method=request.method, status=response.status, why=response.reason,
                source=exchange.hop.address, target=request.target,
            )  # fmt: skip
            if self.gate:
                self.gate.refused(request, response.status, exchange.seen.address[0], self.clock())
        exchange.respond(response, self.clock())

    def abandon(self, exchange: Exchange) -> None:
        """Stop waiting for a response (section 9.1: a cancelled INVITE nobody ends)."""
        self._exchanges.abandon(exchange.latest)

    def watch(self, sleeper: Sleeper) -> None:
        self._alarms.watch(sleeper)

    def later(self, delivery: Callable[[], None]) -> None:
        """Have this called by ``deliver``."""
        self._deliveries.append(delivery)

    def forget(self, session: Usage) -> None:
        self.over.append(session.id)
        if self.sessions.pop(session.key, None) and self.gate and session.role == "server":
            self.gate.closed(session.remote[0])
        self._ended[session.key] = None
        if len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def has_ended(self, key: tuple[str, str]) -> bool:
        """Whether there was such a session lately."""
        return key in self._ended

    def note(self, what: str, **facts: object) -> None:
        self.events.append(Note(what, facts))

    # Responses

    def _response(self, response: Response, source: Address, now: float) -> None:
        if self._exchanges.answered(response, source, now):
            return
        if response.cseq.method == "INVITE" and 200 <= response.status < 300:
            # Its transaction is over, its dialog is not (section 13.2.2.4).
            session = self.sessions.get((response.call_id, response.from_.tag))
            if session is not None:
                session.branches.accepted(response)
                return
        self.note("dropped", source=source, why=f"nobody waits for this {response.status}")

    # Requests

    def _request(self, request: Request, hop: Hop, now: float) -> None:
        stamp(request, hop.address)
        request.check()
        if self._exchanges.asked(request, now):
            return
        if request.method == "ACK":
            session = self.sessions.get((request.call_id, request.to.tag))
            if session is not None:
                self._proven(hop, now)
                session.acked(request)
            return
        try:
            refused = self._at_the_gate(request, hop, now)
        except Drop:
            return
        if hop.transport in ("tcp", "tls") and request.via.param("alias") is not None:
            self.aliases.append((hop, request.via.port or default_port(hop.transport)))
        exchange = self._exchanges.open(request, hop, self.token(), now)
        try:
            if refused:
                raise refused
            self._dispatch(exchange)
        except Objection as objection:
            self.refuse(exchange, objection)
        except SipSyntaxError as error:
            headers = (warning(399, str(error)),)
            self.refuse(exchange, Objection(error.status, f"Bad request: {error}", headers))

    def _at_the_gate(self, request: Request, hop: Hop, now: float) -> Objection | None:
        """What a stranger is to be told, if it begins something. Raises Drop: nothing."""
        if (request.call_id, request.to.tag) in self.sessions:
            self._proven(hop, now)  # our tag is a random number that we sent there
        elif self.gate and not (
            request.method == "CANCEL" and self._exchanges.cancelled_by(request)
        ):
            try:
                self.gate.request(request, hop.address[0], self.open_transactions, now)
            except Objection as objection:
                return objection
        return None

    def _proven(self, hop: Hop, now: float) -> None:
        if self.gate:
            self.gate.proven(hop.address[0], now)

    def _dispatch(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.method == "CANCEL":
            self._cancel(exchange)
            return
        seen = exchange.seen
        ours = self._sent_by(seen.address[0], seen.transport)[0]
        inspect(request, lambda host: host == ours, self.serves)
        if tag := request.to.tag:
            session = self.sessions.get((request.call_id, tag))
            if session is None:
                raise Objection(481, "No such dialog: it has ended, or it never was")
            self._entrust(exchange, session)
            session.requested(exchange)
            return
        if self._exchanges.merged(exchange):
            raise Objection(482, "Loop detected: this request came by two ways (merged)")
        session = initial.take(self, exchange)
        if session is not None:
            self.sessions[session.key] = session
            if self.gate:
                self.gate.opened(session.remote[0])
            self._entrust(exchange, session)
            self.respond(exchange, request.reply(100))
            self.later(lambda: self._on_invite(session))

    def _entrust(self, exchange: Exchange, session: Session) -> None:
        """What else belongs to this request is the session's: a CANCEL, and the ACK of a 2xx of
        those (RFC 2543) who send it within the transaction."""

        def passed_up(message: object) -> None:
            if isinstance(message, Request):
                session.acked(message)

        exchange.owner, exchange.listener = session, passed_up

    def refuse(self, exchange: Exchange, objection: Objection) -> None:
        response = exchange.request.reply(objection.status, objection.phrase, exchange.tag)
        for name, value in objection.headers:
            response.headers.add(name, value)
        self.respond(exchange, response)

    def _cancel(self, exchange: Exchange) -> None:
        """Section 9.2: always answered at once; only an INVITE without a final answer heeds it."""
        invite = self._exchanges.cancelled_by(exchange.request)
        if invite is None:
            raise Objection(481, "There is nothing to cancel: no such INVITE is under way")
        exchange.owner = invite.owner
        self.respond(exchange, exchange.request.reply(200, tag=invite.tag))
        if not invite.final and isinstance(invite.owner, Session):
            invite.owner.cancelled(invite, exchange.request)

    def _way_back(self, request: Request, hop: Hop) -> Hop:
        """Where a response goes; where the request came from, if its Via cannot be read."""
        if "Via" not in request.headers:
            raise SipSyntaxError("Via", "is missing")
        try:
            return response_hop(request.via, hop.address, hop.transport)
        except SipSyntaxError:
            return hop

    def _refuse_broken(self, request: Request, hop: Hop, error: SipSyntaxError) -> None:
        """Answer, without a transaction, a request that can be answered but not understood."""
        if self.gate and not self.gate.explains_itself(hop.address[0]):
            self.note("dropped", source=hop.address, why=str(error))
            return
        try:
            back = self._way_back(request, hop)
            _ = request.headers.all("CSeq")[0]  # by this and the Via the peer knows its request
            tag = "" if error.header == "To" else self.token()  # there may be no place for one
            response = request.reply(error.status, f"Bad request: {error}", tag)
        except (SipSyntaxError, IndexError):
            self.note("dropped", source=hop.address, why=str(error))
            return
        response.headers.add(*warning(399, str(error)))
        response.headers.take("Server", self._user_agent)
        self.note("refused", method=request.method, status=error.status, why=str(error),
                  source=hop.address, target=request.target)  # fmt: skip
        self.outbox.append(Sent(bytes(response), back.address, back.transport))

    def _address(self, request: Request, hop: Hop) -> None:
        self._addressing.write(request, hop)
        session = self.sessions.get((request.call_id, request.from_.tag))
        if session is not None and session.dialog is None:
            session.hop, session.remote, session.transport = hop, hop.address, hop.transport

    def _wanted(self, request: Request) -> bool:
        """Whether an INVITE that shall go elsewhere has not been given up meanwhile."""
        if request.method != "INVITE" or request.to.tag:
            return True
        session = self.sessions.get((request.call_id, request.from_.tag))
        return session is not None and session.state in (State.CALLING, State.PROCEEDING)
