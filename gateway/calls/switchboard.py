"""All calls: which are let in, which are placed, and how they are all brought to an end."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from gateway.agent.messages import FromAgent
from gateway.agent.pool import Agents
from gateway.calls import metrics, records
from gateway.calls.background import Backgrounds
from gateway.calls.call import Call
from gateway.calls.doors import Aim, Caller, Doors
from gateway.calls.leg import Ringing
from gateway.calls.manner import manner_of
from gateway.calls.ports import (
    CallRefused,
    Enquiry,
    Forward,
    Listener,
    Order,
    OutOfOrder,
    Papers,
    Reach,
    Route,
    ToolServer,
)
from gateway.calls.prices import PriceFile
from gateway.calls.record import CallRecord, Status
from gateway.calls.refusals import away, refuse, turn_away
from gateway.calls.routes import Echo, Routes
from gateway.calls.second_leg import SecondLegs
from gateway.calls.settings import CallSettings
from gateway.calls.sip_leg import SipLeg, Unacceptable
from gateway.calls.steering import Steering
from gateway.calls.strangers import Strangers
from gateway.calls.surroundings import Surroundings
from gateway.calls.texting import TrunkTexts
from gateway.calls.waiting import Waiting
from gateway.errors import NoRoom
from gateway.fence import Fence
from gateway.logs import about
from gateway.media.line import Line
from gateway.media.plane import Plane
from gateway.reasons import Ended
from gateway.sip.endpoint import Endpoint
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.inspection import Objection
from gateway.sip.message import Request
from gateway.sip.session import Session
from gateway.sip.uri import Uri
from gateway.tasks import Tasks
from gateway.trunks.dialling import Attempt

log = logging.getLogger(__name__)

STRANGER = Caller()


class Switchboard:
    """Admission, placing and draining. ``endpoint`` is set once it exists: it needs ``offered``."""

    endpoint: Endpoint

    def __init__(
        self,
        settings: CallSettings,
        routes: Routes,
        plane: Plane,
        agents: Agents,
        tools: ToolServer,
        save: Callable[[CallRecord, Papers], None],
        state_dir: Path,
        doors: Doors,
        keep: Callable[[CallRecord, str | None], Awaitable[None]],
        behind_nat: bool = False,
        fence: Fence = Fence(),  # noqa: B008  # it is frozen
    ) -> None:
        self.listeners: list[Listener] = []
        self.calls: dict[str, Call] = {}
        self.draining = False
        self._settings = settings
        self._routes = routes
        self._plane = plane
        self._agents = agents
        self._save = save
        self._doors = doors
        self._let_go: dict[str, Callable[[], None]] = {}  # what a call holds of its trunk
        self._strangers = Strangers(plane.capacity)
        self._prices = PriceFile(settings.prices)
        self._behind_nat = behind_nat
        self._tasks = Tasks()
        self.waiting = Waiting(self._share_left, self._dial, save, self._announce, self._ended,
                               settings.queue_s)  # fmt: skip
        backgrounds = Backgrounds(plane.sounds, fence)
        self._second_legs = SecondLegs(
            doors,
            plane,
            lambda: self.endpoint,
            self._bound,
            backgrounds.ready,
            settings.ring_s,
            settings.bridged_s,
        )
        self._house = Surroundings(
            agents, tools, self._tasks, state_dir, self._changed, self._over, self._told, keep,
            lambda leg, name: backgrounds.play(leg.line, name),
            self._second_legs,
            TrunkTexts(doors, lambda: self.endpoint),
            lambda leg, url, aloud: backgrounds.play_once(leg.line, url, aloud),
        )  # fmt: skip
        self._empty = asyncio.Event()
        self._empty.set()

    # inbound

    def offered(self, session: Session) -> None:
        """An INVITE for a new call has arrived."""
        arrived = time.monotonic()
        self._tasks.start(self._receive(session, arrived), f"invite {session.id}")

    async def _receive(self, session: Session, arrived: float) -> None:
        if self.draining:
            refuse(session, 503, "Draining for a restart", retry=True)
            return
        request = session.request
        try:
            caller = self._doors.who(request, session.remote[0], arrived)
            number = self._doors.number(caller.trunk, request.uri.user)
            route = await self._route(request, caller, number)
            self._share_left(route)
            # Over a stream, or from a peer of ours, nobody else can have sent it.
            proven = bool(caller.trunk or caller.user) or session.transport != "udp"
            gate = self.endpoint.stack.gate
            if held_back := not (proven or (gate and gate.friend(session.remote[0]))):
                self._strangers.check()
            let_go = self._doors.admit(caller.trunk, number, arrived) if caller.trunk else None
        except CallRefused as error:
            turn_away(session, error)
            return
        except NoRoom as error:
            refuse(session, 486, "Busy Here", why=str(error), retry=True)
            return
        except Objection as no:
            refuse(session, no.status, no.phrase, headers=no.headers)
            return
        try:
            agent = self._agents.choose()
            line, host = self._take(agent, session.remote[0])
        except NoRoom as full:
            if let_go:
                let_go()
            phrase = "Overloaded" if full.status == 503 else "Every line is taken"
            refuse(session, full.status, phrase, retry=True, why=str(full))
            return
        manner = manner_of(caller.trunk.settings if caller.trunk else None)
        if caller.trunk:  # which its digest may have shown, where the address did not
            session.policy = manner.policy(self.endpoint.stack.policy)
        leg = SipLeg(line, host, session, isinstance(route, Echo), manner)
        party = self._doors.party(caller.trunk, session.request)
        record = records.inbound(session, route, caller, party, number)
        call = self._admit(record, route, agent, leg)
        if held_back:
            self._strangers.add(record.id)
        if let_go:
            self._let_go[record.id] = let_go
        with about(call.record.id):
            call.trunk = caller.trunk.name if caller.trunk else ""
            call.happened("offered", user=number, peer=str(session.remote), trunk=call.trunk)
            if isinstance(route, Enquiry) and not await self._enquired(call, session, route):
                return
            try:
                leg.answer(proven=proven)
            except Unacceptable as error:
                refuse(session, error.status, error.phrase, headers=error.headers)
                call.end(Ended.INBOUND_FAILED_TO_CONNECT, error.phrase)
                return
            metrics.SETUP.observe(time.monotonic() - arrived)

    async def _enquired(self, call: Call, session: Session, enquiry: Enquiry) -> bool:
        """Whether somebody takes the call; until that is known it rings."""
        session.ring(180)
        call.leg_event(Ringing(180))
        try:
            answer = await enquiry.ask(call.record)
        except CallRefused as error:
            turn_away(session, error)
            call.end(error.reason or Ended.INBOUND_FAILED_TO_CONNECT, str(error))
            return False
        if isinstance(answer, Forward):
            call.forwarding.onward, answer = answer.destination, answer.route
        call.take_on(answer)
        return True

    def share(self, org_id: str) -> tuple[int, int]:
        """How many calls an organisation may have at once, and how many it has."""
        used = sum(call.record.org_id == org_id for call in self.calls.values())
        return self._settings.concurrency or self._plane.capacity, used

    def _share_left(self, of: Reach | Order | Echo) -> None:
        """Raises NoRoom."""
        if self._settings.concurrency and not isinstance(of, Echo):
            most, used = self.share(of.org_id)
            if used >= most:
                raise NoRoom(f"the organisation has all of its {most} calls at once")

    async def _route(self, request: Request, caller: Caller, number: str) -> Route | Enquiry | Echo:
        """Who answers this caller. Raises Objection, CallRefused."""
        now = time.monotonic()
        party = self._doors.party(caller.trunk, request)
        route = await self._routes.find(number, request.uri.host, dict(request.headers), party)
        if isinstance(route, Reach):
            if route.trunk and (caller.trunk is None or caller.trunk.name != route.trunk):
                route = None  # this number belongs to another trunk
            elif not route.public and caller == STRANGER:
                route = None
            elif route.login and caller == STRANGER:
                self._doors.prove(request, route.login, now)
        if route is None:
            if caller == STRANGER:
                self._doors.challenge(request, now)
            raise Objection(404, f"Nobody here is called {number!r}")
        return route

    # outbound

    async def place(self, order: Order) -> CallRecord:
        """Start an outbound call; its record is queued or scheduled, and the rest happens by
        itself. Raises NoRoom if it cannot wait for room, CallRefused when it cannot be placed."""
        record = records.outbound(order)
        self.waiting.place(record, order)
        return record

    def _dial(self, record: CallRecord, order: Order) -> None:
        if self.draining:
            raise OutOfOrder("the gateway is draining for a restart")
        self._share_left(order)
        call_id = record.id
        aim = self._doors.aim(call_id, order, self.endpoint.local_address_for, time.monotonic())
        first = aim.attempts[0]
        peer = first.hop.address[0] if first.hop else Uri.parse(first.target).address
        try:
            agent = self._agents.choose()
            line, host = self._take(agent, peer)
        except NoRoom:
            aim.let_go()
            raise
        settings = aim.trunk.settings if aim.trunk else None
        leg = SipLeg(line, host, manner=manner_of(settings).preferring(order.codecs))
        record.trunk = aim.trunk.name if aim.trunk else ""
        call = self._admit(record, Route(brief=order.brief, papers=order.papers), agent, leg)
        call.extension = order.extension
        self._let_go[call_id] = aim.let_go
        call.trunk = aim.trunk.name if aim.trunk else ""
        with about(record.id):
            try:
                leg.invite(
                    self.endpoint,
                    aim.attempts,
                    order.ring_s or self._settings.ring_s,
                    settings.failover_s if settings else 0.0,
                    lambda attempt, why: self._tried(call, attempt, why),
                )
            except SipSyntaxError as error:
                call.end(Ended.OUTBOUND_FAILED_TO_CONNECT, str(error))
                raise CallRefused(f"{order.target!r} cannot be called: {error}") from None
            record.sip_call_id = leg.session.id
            call.prepare()
            self._changed(call)

    @staticmethod
    def _tried(call: Call, attempt: Attempt, why: str) -> None:
        """A gateway's health is learned from calls, too."""
        if attempt.gateway and why:
            attempt.gateway.health.bad(why, time.monotonic())
            call.happened("gateway_failed", gateway=attempt.gateway.host, why=why)
        elif attempt.gateway:
            attempt.gateway.health.good(time.monotonic())

    # all calls

    def _take(self, agent: int, peer: str) -> tuple[Line, str]:
        """A line, and the address that this peer is to be told of. Raises NoRoom."""
        host = self.endpoint.local_address_for(peer)
        return self._plane.take(agent, self._bound(host)), host

    def _bound(self, host: str) -> str:
        """A public address belongs to the NAT in front of us, and cannot be bound."""
        wild = "::" if ":" in host else "0.0.0.0"
        return wild if self._behind_nat else host

    def _admit(self, record: CallRecord, route: Reach | Echo, agent: int, leg: SipLeg) -> Call:
        papers = route.papers if isinstance(route, Reach) else {}
        call = Call(record, None, papers, agent, self._settings.diagnosis_s, leg, self._house)
        if isinstance(route, Route):
            call.take_on(route)
        leg.on_event = call.leg_event
        if isinstance(route, Reach):
            moved = partial(self._moved, record.id)
            leg.transfers = self._second_legs.wished(call, lambda: self.draining, moved)
        self.calls[record.id] = call
        self._empty.clear()
        metrics.LIVE.set(len(self.calls))
        return call

    def _moved(self, call_id: str, aim: Aim) -> None:
        if let_go := self._let_go.pop(call_id, None):
            let_go()
        self._let_go[call_id] = aim.let_go

    def live(self, call_id: str) -> CallRecord | None:
        call = self.calls.get(call_id)
        return call.record if call else self.waiting.find(call_id)

    def pause_recording(self, call_id: str, paused: bool) -> bool:
        call = self.calls.get(call_id)
        return call.pause_recording(paused) if call else False

    def steer(self, call_id: str) -> Steering | None:
        return Steering.of(self.calls.get(call_id))

    async def hang_up(self, call_id: str) -> None:
        if call := self.calls.get(call_id):
            call.end(Ended.MANUALLY_CANCELED, "by the API")
        self.waiting.cancel(call_id)

    def _told(self, call: Call, message: FromAgent) -> None:
        for listener in self.listeners:
            listener.told(call.record, call.papers, message)

    def _changed(self, call: Call) -> None:
        if call.record.status is Status.IN_PROGRESS:
            self._strangers.gone(call.record.id)
        self._announce(call.record, call.papers)

    def _announce(self, record: CallRecord, papers: Papers) -> None:
        self._save(record, papers)
        for listener in self.listeners:
            listener.status_changed(record, papers)

    def _over(self, call: Call) -> None:
        self.calls.pop(call.record.id, None)
        self._strangers.gone(call.record.id)
        if let_go := self._let_go.pop(call.record.id, None):
            let_go()
        self._prices.current().bill(call.record)
        metrics.ended(call.record)
        metrics.LIVE.set(len(self.calls))
        capture = f"captures/{call.record.id}.pcap" if call.captured else None
        path = self._house.state_dir / capture if capture else None
        if self.endpoint.keep_capture(call.record.sip_call_id, path):
            call.record.capture = capture
        self._ended(call.record, call.papers)
        self.waiting.stir()
        if not self.calls:
            self._empty.set()

    def _ended(self, record: CallRecord, papers: Papers) -> None:
        self._save(record, papers)
        for listener in self.listeners:
            listener.ended(record, papers)

    # the end of the day

    async def drain(self) -> None:
        """Let nobody in any more; return when the last call has ended by itself."""
        self.draining = True
        await self.waiting.close()
        self.endpoint.stack.serves["OPTIONS"] = away
        if self.calls:
            log.info("draining: %d calls go on", len(self.calls))
        await self._empty.wait()

    async def close(self) -> None:
        """End the calls that are left, and wait until they are tidied up."""
        self.draining = True
        for call in list(self.calls.values()):
            call.end(Ended.WORKER_SHUTDOWN, "the gateway is shutting down")
        await self.waiting.close()
        await self._empty.wait()
        await self._tasks.close()
