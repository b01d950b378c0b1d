"""One trunk as it stands: its gateways and their health, its channels, its registration."""

import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Literal

from gateway.sip.registration import Account, Authorise, Registration
from gateway.sip.routing import Hop, request_hop
from gateway.sip.stack import Stack
from gateway.sip.uri import Uri
from gateway.trunks.health import Health, Pings
from gateway.trunks.limits import Channels
from gateway.trunks.settings import GatewaySettings, TrunkSettings

LEARNED = 16  # addresses that a trunk's names may turn out to have
Authoriser = Callable[[str, str], Callable[[], Authorise]]  # of a user and password


@dataclass(eq=False)
class Gateway:
    settings: GatewaySettings
    hop: Hop
    health: Health
    pings: Pings | None = None

    @property
    def host(self) -> str:
        return self.settings.host


class Trunk:
    """Starts its OPTIONS and its registration with ``attach``; before that it is only data."""

    def __init__(
        self,
        name: str,
        settings: TrunkSettings,
        origin: Literal["file", "api"] = "file",
        org_id: str = "",
    ) -> None:
        self.name, self.settings, self.origin = name, settings, origin
        self.org_id = org_id  # whose it is; empty: it serves every organisation
        self.inbound = Channels(settings.channels_in, settings.calls_per_second_in)
        self.outbound = Channels(settings.channels_out, settings.calls_per_second_out)
        self.registration: Registration | None = None
        self.gateways = [
            Gateway(
                given, hop_to(given), Health(settings.down_after, settings.up_after)
            )
            for given in settings.gateways
        ]  # fmt: skip
        self._networks = [ip_network(text, strict=False) for text in settings.addresses]
        calling = [gateway for gateway in self.gateways if gateway.settings.inbound]
        self._networks += [network for g in calling if (network := _single(g.host))]
        self._learned: OrderedDict[str, None] = OrderedDict()
        self.learns: Callable[[], None] = lambda: None  # told of a new address

    @property
    def domain(self) -> str:
        """Of the URIs that are its own; "" for a trunk that only calls us."""
        return self.settings.domain or (self.gateways[0].host if self.gateways else "")

    def covers(self, host: str, parsed: IPv4Address | IPv6Address | None = None) -> int:
        """How closely: the length of the network's prefix, 0 if the address is not its own."""
        if host in self._learned:
            return 128
        address = parsed or ip_address(host.partition("%")[0])
        lengths = [n.prefixlen for n in self._networks if address in n]
        return max(lengths, default=-1) + 1

    def owns(self, host: str) -> bool:
        """Whether a URI with this host would reach one of its gateways."""
        host = host.strip("[]").lower()
        if host in {g.host.strip("[]").lower() for g in self.gateways} | {self.domain.lower()}:
            return True
        return _single(host) is not None and self.covers(host) > 0

    def in_order(self, now: float, rng: random.Random) -> list[Gateway]:
        """Gateways for one call: those that work, by priority, then drawn by weight (RFC 2782).
        If none works, all: their health may be wrong, and there is nothing to lose."""
        asked = bool(self.settings.options_s)
        working = [g for g in self.gateways if g.health.worth_a_try(now, asked)]
        order: list[Gateway] = []
        for priority in sorted({g.settings.priority for g in working or self.gateways}):
            same = [g for g in working or self.gateways if g.settings.priority == priority]
            while same:
                # RFC 2782: weight 0 means a very small chance, not none.
                drawn = rng.choices(same, [g.settings.weight or 0.01 for g in same])[0]
                same.remove(drawn)
                order.append(drawn)
        return order

    def serves(self, org_id: str) -> bool:
        """Whether the calls of this organisation may go by it."""
        return self.org_id in ("", org_id)

    def attach(self, stack: Stack, authoriser: Authoriser) -> None:
        settings = self.settings
        if settings.options_s:
            for gateway in self.gateways:
                target = Uri.sip("", gateway.host, gateway.settings.port, gateway.hop.transport)
                gateway.pings = Pings(
                    stack, gateway.hop, target, gateway.health, settings.options_s,
                    self._learn if gateway.settings.inbound else lambda hop: None,
                )  # fmt: skip
        if settings.register_ and settings.password is not None:
            by_priority = sorted(self.gateways, key=lambda g: g.settings.priority)
            account = Account(
                settings.username,
                self.domain,
                tuple(g.hop for g in by_priority),
                settings.expires_s,
            )
            secret = settings.password.get_secret_value()
            self.registration = Registration(
                stack,
                account,
                authoriser(settings.username, secret),
                jitter=stack.rng.random,
                heard=self._learn,
            )
            self.registration.start()

    def detach(self) -> None:
        for gateway in self.gateways:
            if gateway.pings:
                gateway.pings.stop()
        if self.registration:
            self.registration.stop()

    def _learn(self, hop: Hop) -> None:
        """A gateway that is named, not numbered, has answered from here: so it calls from here.
        An answer proves it: it repeats the random branch of a request that went there."""
        host = hop.address[0]
        if host not in self._learned and not (_single(host) and self.covers(host)):
            self._learned[host] = None
            if len(self._learned) > LEARNED:
                self._learned.popitem(last=False)
            self.learns()


def hop_to(gateway: GatewaySettings) -> Hop:
    return request_hop(Uri.sip("", gateway.host, gateway.port, gateway.transport))


def _single(host: str) -> IPv4Network | IPv6Network | None:
    """The network of one address; None for a name."""
    try:
        return ip_network(host.strip("[]"))
    except ValueError:
        return None
