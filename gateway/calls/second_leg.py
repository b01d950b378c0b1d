"""Calling another party for a call that is up: by the same doors as any outbound call."""

import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.calls.destination import Destination
from gateway.calls.doors import Doors
from gateway.calls.leg import Headers, Leg, LegEvent
from gateway.calls.manner import manner_of
from gateway.calls.ports import CallRefused, Order
from gateway.calls.sip_leg import SipLeg
from gateway.errors import NoRoom
from gateway.media.plane import Plane
from gateway.sip.endpoint import Endpoint
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.uri import Uri


class Caller(Protocol):
    """The call for whose sake somebody is called."""

    @property
    def leg(self) -> Leg: ...

    def order(self, to: Destination) -> Order:
        """As if it were an outbound call of its own."""


class Reach(Protocol):
    """What a transfer needs of the house."""

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

    def call(
        self, caller: Caller, to: Destination, headers: Headers, told: Callable[[LegEvent], None]
    ) -> Leg:
        endpoint = self.endpoint()
        order, now = caller.order(to), time.monotonic()
        of = str(uuid.uuid4())  # the minutes of either party count by themselves
        aim = self.doors.aim(of, order, endpoint.local_address_for, now)
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
            caller.order(to), self.endpoint().local_address_for, time.monotonic()
        )

    async def ready(self, sound: str) -> bool:
        return await self.fetch(sound)
