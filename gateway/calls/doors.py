"""Who may come in, and who may be called: trunks, registered users, strangers.

Where an INVITE comes from decides what it may reach. A trunk is known by its address, else by
digest; a registered user by digest; whoever is neither reaches only what is public.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.calls.ports import CallRefused, Login, Order
from gateway.calls.record import Party
from gateway.errors import NoRoom
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.headers import NameAddr
from gateway.sip.inspection import Objection
from gateway.sip.message import Request
from gateway.sip.registrar import Registrar
from gateway.sip.routing import Hop
from gateway.sip.uri import Uri
from gateway.store.tables import THE_ORG
from gateway.trunks.book import Trunks
from gateway.trunks.dialling import Attempt, attempts, may_redirect, refusal
from gateway.trunks.numbers import permits, plain, rewrite
from gateway.trunks.toll import Toll
from gateway.trunks.trunk import Trunk

RETRY_S = 5


class Identify(Protocol):
    """Asks by digest who sends a request. ``logins`` are users and their passwords."""

    def __call__(self, request: Request, logins: Mapping[str, str], realm: str, now: float) -> str:
        """The user it is proven to be; raises Objection with the challenge."""
        ...


@dataclass(frozen=True)
class Caller:
    """Whom an INVITE is from. Neither: a stranger."""

    trunk: Trunk | None = None
    user: str = ""


@dataclass(frozen=True)
class Aim:
    """How an order is dialled; ``let_go`` is to be called once, when it is over."""

    attempts: tuple[Attempt, ...]
    trunk: Trunk | None = None
    let_go: Callable[[], None] = field(default=lambda: None)


class Doors:
    def __init__(
        self,
        trunks: Trunks,
        toll: Toll,
        identify: Identify,
        clock: Callable[[], float],
        *,
        registrar: Registrar | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.trunks, self.toll, self.registrar = trunks, toll, registrar
        self.identify, self._clock = identify, clock
        self._rng = rng or random.SystemRandom()

    # coming in

    def trusted(self, host: str) -> bool:
        """Whether this address is a trunk's or a registered phone's."""
        if self.trunks.covering(host):
            return True
        return self.registrar is not None and self.registrar.is_at(host)

    def expected(self, request: Request) -> bool:
        """Whether its sender claims to be somebody who can prove it by digest."""
        users = {request.from_.uri.user}
        for name in ("Authorization", "Proxy-Authorization"):
            for value in request.headers.all(name):
                users |= {part.split('"')[1] for part in value.split(",")
                          if "username=" in part and part.count('"') >= 2}  # fmt: skip
        return any(user in self._logins for user in users)

    def who(self, request: Request, host: str, now: float) -> Caller:
        """Whose call this is. Raises Objection with a challenge for who claims to be known."""
        user = plain(request.uri.user)
        covering = self.trunks.covering(host)
        for trunk in covering:  # an extension of ours, by the Contact that we registered
            if trunk.settings.username and trunk.settings.username == request.uri.user:
                return Caller(trunk)
        for trunk in covering:
            if permits(trunk.settings.numbers_in, rewrite(trunk.settings.rewrite_in, user)):
                return Caller(trunk)
        if covering:
            return Caller(covering[0])
        if self._logins and self.expected(request):
            name = self.identify(request, self._logins, "", now)
            proven = self.trunks.of_user(name)
            return Caller(proven) if proven else Caller(user=name)
        return Caller()

    def challenge(self, request: Request, now: float) -> None:
        """Give a stranger the chance to be somebody. Raises Objection, if there is anybody."""
        if self._logins:
            self.identify(request, self._logins, "", now)

    def prove(self, request: Request, login: Login, now: float) -> None:
        """Raises Objection unless the caller proves to be this user."""
        self.identify(request, {login.username: login.password}, login.realm, now)

    @property
    def _logins(self) -> dict[str, str]:
        found = {}
        for trunk in self.trunks:
            settings = trunk.settings
            if settings.inbound_username and settings.inbound_password:
                found[settings.inbound_username] = settings.inbound_password.get_secret_value()
        if self.registrar:
            found |= self.registrar.passwords
        return found

    @staticmethod
    def number(trunk: Trunk | None, dialled: str) -> str:
        """What was dialled, as this gateway writes it."""
        return rewrite(trunk.settings.rewrite_in, plain(dialled)) if trunk else dialled

    def admit(self, trunk: Trunk, number: str, now: float) -> Callable[[], None]:
        """A channel for a call that comes by this trunk, and how to give it back. Raises
        Objection."""
        if not permits(trunk.settings.numbers_in, number):
            raise Objection(404, f"Trunk {trunk.name} does not bring calls for {number}")
        if why := trunk.inbound.take(now):
            retry = (("Retry-After", str(RETRY_S)),)
            raise Objection(503, f"Trunk {trunk.name}: {why}", retry)
        return trunk.inbound.give_back

    @staticmethod
    def party(trunk: Trunk | None, request: Request) -> Party:
        """Who calls: From, or what a trunk that is trusted with it asserts (RFC 3325)."""
        caller = request.from_
        if trunk and trunk.settings.trust_identity:
            for value in request.headers.values("P-Asserted-Identity"):
                try:
                    caller = NameAddr.parse(value, "P-Asserted-Identity")
                    break
                except SipSyntaxError:
                    continue
        user = caller.uri.user
        number = rewrite(trunk.settings.rewrite_in, plain(user)) if trunk else user
        return Party(uri=str(caller.uri), number=number, name=caller.display)

    # going out

    def aim(self, call_id: str, order: Order, our_host: Callable[[str], str], now: float) -> Aim:
        """How this order is dialled. Raises CallRefused, NoRoom."""
        uri = _uri(order.target) if ":" in order.target else None
        if uri is None or uri.scheme == "tel":
            number = uri.user if uri else order.target
            return self._by_trunk(call_id, order, number, our_host, now)
        if owner := self.trunks.owner(uri.host, _payer(order)):
            if not owner.serves(_payer(order)):  # nor past it: the carrier trusts our address
                raise CallRefused(f"{order.target} is reached by another organisation's trunk")
            # Otherwise a URI would be a way around the trunk's limits and allowed numbers.
            return self._by_trunk(call_id, order, uri.user, our_host, now, owner)
        if self.registrar and self.registrar.knows(uri.user) and self._ours(uri, our_host):
            bindings = self.registrar.find(uri.user)
            if not bindings:
                raise CallRefused(f"{uri.user} is not registered: no phone of theirs is known")
            sender = self._sender(order, our_host(bindings[0].hop.address[0]))
            return Aim(
                tuple(Attempt(b.contact, b.hop, sender) for b in bindings)
            )  # fmt: skip
        if why := self.toll.domain(uri.address):
            raise CallRefused(f"{order.target}: {why}")
        return Aim((Attempt(order.target, None, self._sender(order, our_host(uri.host))),))

    def refer_to(self, order: Order, our_host: Callable[[str], str], now: float) -> str:
        """The URI at which a peer of ours shall call this target itself: as it was given; a mere
        number as its trunk writes it. Raises CallRefused for a number that may not be called: the
        peer calls it at our word."""
        uri = _uri(order.target) if ":" in order.target else None
        number = order.target if uri is None else ""
        if uri and (uri.scheme == "tel" or self.trunks.owner(uri.host)):
            number = uri.user
        if number and (why := self.toll.number(plain(number))):
            raise CallRefused(why)
        if uri:
            return order.target
        number = plain(number)
        trunk = self._named(order) if order.trunk else self.trunks.default(_payer(order))
        if trunk is None or not trunk.gateways:
            return f"tel:{number}"
        ways = attempts(
            trunk, number, caller="", name="", our_host=lambda hop: our_host(hop.address[0]),
            now=now, rng=self._rng,
        )  # fmt: skip
        return ways[0].target

    def texts(self, order: Order) -> bool:
        """Whether the trunk that this goes by takes texts."""
        try:
            return self._trunk_of(order).settings.messages
        except CallRefused:
            return False

    def ways_of_text(
        self, order: Order, our_host: Callable[[str], str], now: float
    ) -> tuple[Attempt, ...]:
        """How a text goes to this number. It costs money as a call does, and meets the same
        limits. Raises CallRefused."""
        trunk, number = self._trunk_of(order), plain(order.target)
        why = self.toll.number(number) or refusal(trunk, number) or self.toll.another_call(now)
        if why:
            raise CallRefused(why)
        return tuple(
            attempts(
                trunk, number, caller=order.caller, name="", now=now, rng=self._rng,
                our_host=lambda hop: our_host(hop.address[0]),
            )
        )  # fmt: skip

    def _ours(self, uri: Uri, our_host: Callable[[str], str]) -> bool:
        assert self.registrar is not None
        return self.registrar.owns(uri.host) or uri.address == our_host(uri.host)

    @staticmethod
    def _sender(order: Order, host: str) -> str:
        caller = order.caller
        return str(Uri.sip(caller, host)) if caller and ":" not in caller else caller

    def _by_trunk(
        self,
        call_id: str,
        order: Order,
        number: str,
        our_host: Callable[[str], str],
        now: float,
        trunk: Trunk | None = None,
    ) -> Aim:
        number = plain(number)
        trunk = trunk or self._trunk_of(order)
        if why := self.toll.number(number) or refusal(trunk, number):
            raise CallRefused(why)
        if why := self.toll.another_call(now):
            raise CallRefused(why)
        if why := trunk.outbound.take(now):
            raise NoRoom(f"trunk {trunk.name}: {why}")
        self.toll.minutes.begin(call_id, now)

        def let_go() -> None:
            trunk.outbound.give_back()
            self.toll.minutes.end(call_id, self._clock())

        def host_of(hop: Hop) -> str:
            return our_host(hop.address[0])

        tried = attempts(
            trunk, number, caller=order.caller, name="", our_host=host_of, now=now, rng=self._rng
        )

        def may(uri: Uri) -> bool:
            return may_redirect(trunk, uri) and not self.toll.number(self.number(trunk, uri.user))

        return Aim(tuple(replace(way, may_redirect=may) for way in tried), trunk, let_go)

    def _named(self, order: Order) -> Trunk | None:
        trunk = self.trunks.named(order.trunk)
        return trunk if trunk and trunk.serves(_payer(order)) else None

    def _trunk_of(self, order: Order) -> Trunk:
        if order.trunk:
            trunk = self._named(order)
            if trunk is None:
                raise CallRefused(f"there is no trunk {order.trunk} to call {order.target} by")
            return trunk
        if trunk := self.trunks.default(_payer(order)):
            return trunk
        raise CallRefused(
            f"there is no trunk to call {order.target} by: name one in [outbound] trunk, or give "
            "a phoneNumberId whose number has a credentialId"
        )


def _payer(order: Order) -> str:
    """The organisation that it is placed for."""
    return order.org_id or THE_ORG


def _uri(target: str) -> Uri:
    try:
        uri = Uri.parse(target)
    except SipSyntaxError as error:
        raise CallRefused(f"{target!r} cannot be called: {error}") from None
    if uri.scheme not in ("sip", "sips", "tel"):
        raise CallRefused(f"{target!r} cannot be called: it is neither a SIP URI nor a number")
    return uri
