"""Calling another party for a call that is up: by the same doors as any outbound call."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.agent.brief import Brief
from gateway.calls.destination import Destination
from gateway.calls.doors import Aim, Doors
from gateway.calls.leg import Headers, Leg, LegEvent
from gateway.calls.manner import manner_of
from gateway.calls.ports import CallRefused, Order
from gateway.calls.record import CallRecord
from gateway.calls.referral import Transfers
from gateway.calls.sip_leg import SipLeg
from gateway.errors import NoRoom
from gateway.media.plane import Plane
from gateway.sip.endpoint import Endpoint
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.uri import Uri


class Caller(Protocol):
    """The call for whose sake somebody is called."""

    record: CallRecord
    leg: Leg
    trunk: str

    @property
    def brief(self) -> Brief: ...


class Wishing(Protocol):
    """The call of a peer that wishes for a transfer itself."""

    @property
    def brief(self) -> Brief: ...

    def happened(self, what: str, at: float | None = None, **facts: Any) -> None: ...


def order_of(call: Caller, to: Destination) -> Order:
    """As if it were an outbound call of its own: by the call's trunk, and from the number that was
    called."""
    ours = call.record.dialled if call.record.direction == "inbound" else ""
    return Order(
        target=to.target,
        brief=call.brief,
        org_id=call.record.org_id,
        trunk=call.trunk,
        caller=to.caller or ours,
    )


class Reach(Protocol):
    """What a transfer needs of the house."""

    @property
    def bridged_s(self) -> float:
        """How long two parties may talk; 0: as long as they like."""

    def call(
        self, caller: Caller, to: Destination, headers: Headers, told: Callable[[LegEvent], None]
    ) -> Leg:
        """The leg, as it begins to dial. Raises CallRefused, NoRoom."""

    def refer_to(self, caller: Caller, to: Destination) -> str:
        """The URI that the caller's side is to call. Raises CallRefused where we might not call
        it ourselves."""

    async def ready(self, sound: str) -> bool:
        """Have this sound, a URL perhaps, fetched so that lines can play it by its name."""


class SecondLeg(SipLeg):
    """Holds a channel of its trunk, and gives it back."""

    let_go: Callable[[], None]

    async def close(self) -> None:
        self.let_go()
        await super().close()


@dataclass(frozen=True)
class SecondLegs:
    doors: Doors
    plane: Plane
    endpoint: Callable[[], Endpoint]
    bind: Callable[[str], str]  # where a socket is bound, for an address of ours
    fetch: Callable[[str], Awaitable[bool]]
    ring_s: float
    bridged_s: float = 0.0

    def call(
        self, caller: Caller, to: Destination, headers: Headers, told: Callable[[LegEvent], None]
    ) -> Leg:
        endpoint = self.endpoint()
        aim = self._aim(order_of(caller, to))
        try:
            targets = [Uri.parse(attempt.target) for attempt in aim.attempts]
            hop = aim.attempts[0].hop
            peer = hop.address[0] if hop else targets[0].address
            host = endpoint.local_address_for(peer)
            line = self.plane.take(None, self.bind(host), caller.leg.line)
        except SipSyntaxError as error:
            aim.let_go()
            raise CallRefused(f"{to.target!r} cannot be called: {error}") from None
        except NoRoom:
            aim.let_go()
            raise
        settings = aim.trunk.settings if aim.trunk else None
        leg = SecondLeg(line, host, manner=manner_of(settings))
        leg.let_go, leg.on_event = aim.let_go, told
        failover_s = settings.failover_s if settings else 0.0
        leg.invite(endpoint, aim.attempts, to.ring_s, failover_s, headers=headers)
        return leg

    def refer_to(self, caller: Caller, to: Destination) -> str:
        return self.doors.refer_to(
            order_of(caller, to), self.endpoint().local_address_for, time.monotonic()
        )

    def wished(
        self, call: Wishing, draining: Callable[[], bool], moved: Callable[[Aim], None]
    ) -> Transfers:
        """For the peer's own wish that the call goes to somebody else. That is an outbound call
        too, and meets all the limits of one."""

        def aim(target: str) -> Aim:
            if draining():
                raise CallRefused("the gateway is draining for a restart")
            return self._aim(Order(target=target, brief=call.brief))

        later = asyncio.get_running_loop().call_later
        return Transfers(self.endpoint(), aim, moved, call.happened, later, self.ring_s)

    def _aim(self, order: Order) -> Aim:
        of = str(uuid.uuid4())  # the minutes of each party count by themselves
        return self.doors.aim(of, order, self.endpoint().local_address_for, time.monotonic())

    async def ready(self, sound: str) -> bool:
        return await self.fetch(sound)
