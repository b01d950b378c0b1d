"""All calls: which are let in, which are placed, and how they are all brought to an end."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from gateway.agent.pool import Agents
from gateway.calls import metrics
from gateway.calls.call import GRACE_S, Call, Surroundings
from gateway.calls.ports import CallRefused, Listener, Order, Route, ToolServer
from gateway.calls.record import CallRecord, Party
from gateway.calls.routes import Echo, Routes
from gateway.calls.settings import CallSettings
from gateway.calls.sip_leg import SipLeg, Unacceptable
from gateway.calls.variables import from_headers
from gateway.errors import NoRoom
from gateway.logs import about
from gateway.media.line import Line
from gateway.media.plane import Plane
from gateway.reasons import Ended
from gateway.sip.endpoint import Endpoint
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.session import Session
from gateway.sip.uri import Uri
from gateway.tasks import Tasks

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5  # told to a peer that meets a gateway which drains or has no room


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
        save: Callable[[Call], None],
        state_dir: Path,
        behind_nat: bool = False,
    ) -> None:
        self.listeners: list[Listener] = []
        self.calls: dict[str, Call] = {}
        self.draining = False
        self._settings = settings
        self._routes = routes
        self._plane = plane
        self._agents = agents
        self._save = save
        self._behind_nat = behind_nat
        self._tasks = Tasks()
        self._house = Surroundings(agents, tools, self._tasks, state_dir, self._changed, self._over)
        self._empty = asyncio.Event()
        self._empty.set()

    # inbound

    def offered(self, session: Session) -> None:
        """An INVITE for a new call has arrived."""
        arrived = time.monotonic()
        self._tasks.start(self._receive(session, arrived), f"invite {session.id}")

    async def _receive(self, session: Session, arrived: float) -> None:
        if self.draining:
            self._refuse(session, 503, "Draining for a restart", retry=True)
            return
        request = session.request
        headers = dict(request.headers)
        try:
            route = await self._routes.find(request.uri.user or "", request.uri.host, headers)
        except CallRefused as error:
            self._refuse(session, 480, str(error))
            return
        if route is None:
            self._refuse(session, 404, f"Nobody here is called {request.uri.user!r}")
            return
        agent = self._agents.choose()
        try:
            line, host = self._take(agent, session.remote[0])
        except NoRoom:
            self._refuse(session, 486, "Every line is taken", retry=True)
            return
        leg = SipLeg(line, host, session, echo=isinstance(route, Echo))
        call = self._admit(self._inbound_record(session, route), route, agent, leg)
        with about(call.record.id):
            call.happened("offered", user=request.uri.user, peer=str(session.remote))
            try:
                leg.answer()
            except Unacceptable as error:
                self._refuse(session, error.status, error.phrase, headers=error.headers)
                call.end(Ended.INBOUND_FAILED_TO_CONNECT, error.phrase)
                return
            metrics.SETUP.observe(time.monotonic() - arrived)

    def _inbound_record(self, session: Session, route: Route | Echo) -> CallRecord:
        request = session.request
        caller = request.from_
        record = CallRecord(
            id=str(uuid.uuid4()),
            direction="inbound",
            customer=Party(uri=str(caller.uri), number=caller.uri.user or "", name=caller.display),
            dialled=request.uri.user or "",
            sip_call_id=session.id,
            variables=from_headers(request.headers),
        )
        if isinstance(route, Route):
            record.assistant_id = route.assistant_id
            record.assistant = route.assistant
            record.phone_number_id = route.phone_number_id
            record.variables = route.variables | record.variables
        return record

    def _refuse(
        self,
        session: Session,
        status: int,
        phrase: str,
        *,
        retry: bool = False,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        metrics.REFUSED.labels(str(status)).inc()
        log.warning(
            "refused an INVITE with %d %s",
            status,
            phrase,
            extra={
                "peer": str(session.remote),
                "uri": str(session.request.uri),
                "sip_call_id": session.id,
            },
        )
        if retry:
            headers = (*headers, ("Retry-After", str(RETRY_AFTER_S)))
        session.refuse(status, phrase, headers=headers)

    # outbound

    async def place(self, order: Order) -> CallRecord:
        """Start an outbound call; its record is queued, and the rest happens by itself.

        Raises NoRoom when every line is taken, CallRefused when it cannot be placed.
        """
        if self.draining:
            raise CallRefused("the gateway is draining for a restart")
        target = _sip_uri(order.target)
        agent = self._agents.choose()
        line, host = self._take(agent, target.host)
        leg = SipLeg(line, host)
        record = CallRecord(
            id=str(uuid.uuid4()),
            direction="outbound",
            assistant_id=order.assistant_id,
            assistant=order.assistant,
            phone_number_id=order.phone_number_id,
            name=order.name,
            customer=order.customer.model_copy(update={"uri": order.target}),
            dialled=order.target,
            variables=dict(order.variables),
        )
        call = self._admit(record, Route(brief=order.brief, papers=order.papers), agent, leg)
        with about(record.id):
            caller = order.caller
            if caller and ":" not in caller:
                caller = str(Uri.sip(caller, host))
            leg.invite(self.endpoint, order.target, caller, self._settings.ring_s)
            record.sip_call_id = leg.session.id
            call.prepare()
            self._changed(call)
        return record

    # all calls

    def _take(self, agent: int, peer: str) -> tuple[Line, str]:
        """A line, and the address that this peer is to be told of. Raises NoRoom."""
        host = self.endpoint.local_address_for(peer)
        # A public address belongs to the NAT in front of us, and cannot be bound.
        wild = "::" if ":" in host else "0.0.0.0"
        return self._plane.take(agent, wild if self._behind_nat else host), host

    def _admit(self, record: CallRecord, route: Route | Echo, agent: int, leg: SipLeg) -> Call:
        brief = route.brief if isinstance(route, Route) else None
        papers = route.papers if isinstance(route, Route) else {}
        limit_s = brief.max_duration_s + GRACE_S if brief else self._settings.diagnosis_s
        call = Call(record, brief, papers, agent, limit_s, leg, self._house)
        leg.on_event = call.leg_event
        self.calls[record.id] = call
        self._empty.clear()
        metrics.LIVE.set(len(self.calls))
        return call

    def live(self, call_id: str) -> CallRecord | None:
        call = self.calls.get(call_id)
        return call.record if call else None

    async def hang_up(self, call_id: str) -> None:
        if call := self.calls.get(call_id):
            call.end(Ended.MANUALLY_CANCELED, "by the API")

    def _changed(self, call: Call) -> None:
        self._save(call)
        for listener in self.listeners:
            listener.status_changed(call.record, call.papers)

    def _over(self, call: Call) -> None:
        self.calls.pop(call.record.id, None)
        metrics.ended(call.record)
        metrics.LIVE.set(len(self.calls))
        self._save(call)
        for listener in self.listeners:
            listener.ended(call.record, call.papers)
        if not self.calls:
            self._empty.set()

    # the end of the day

    async def drain(self) -> None:
        """Let nobody in any more; return when the last call has ended by itself."""
        self.draining = True
        if self.calls:
            log.info("draining: %d calls go on", len(self.calls))
        await self._empty.wait()

    async def close(self) -> None:
        """End the calls that are left, and wait until they are tidied up."""
        self.draining = True
        for call in list(self.calls.values()):
            call.end(Ended.WORKER_SHUTDOWN, "the gateway is shutting down")
        await self._empty.wait()
        await self._tasks.close()


def _sip_uri(target: str) -> Uri:
    try:
        uri = Uri.parse(target)
    except SipSyntaxError as error:
        raise CallRefused(f"{target!r} cannot be called: {error}") from None
    if uri.scheme not in ("sip", "sips"):
        raise CallRefused(f"{target!r} is not a SIP URI, and there is no trunk to dial numbers by")
    return uri
