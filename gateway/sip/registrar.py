"""The registrar: where the phones of this machine's own users are (RFC 3261 section 10.3).

Bindings are kept in memory: after a restart a phone is found again once it has registered anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from gateway.listed import Texts
from gateway.sip.exchange import Exchange
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.headers import NameAddr
from gateway.sip.inspection import Objection
from gateway.sip.message import Request, Response
from gateway.sip.routing import Hop, request_hop
from gateway.sip.uri import Uri


class RegistrarSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    enabled: bool = False
    domains: Texts = Field(
        default_factory=list, description="names of this gateway in its users' addresses"
    )
    users: dict[str, SecretStr] = Field(default_factory=dict, description="name = password")
    least_s: int = Field(60, ge=10, description="the shortest registration; shorter is told 423")
    most_s: int = Field(3600, ge=60, le=86_400, description="the longest; longer is cut to it")
    contacts: int = Field(5, ge=1, le=50, description="phones of one user at once")

    @model_validator(mode="after")
    def _not_upside_down(self) -> "RegistrarSettings":
        if self.least_s > self.most_s:
            raise ValueError(f"least_s {self.least_s} is more than most_s {self.most_s}")
        return self


class Passport(Protocol):
    """Finds out who sends a request: the user's name, or Objection with the challenge."""

    def __call__(self, request: Request, source: Hop) -> str: ...


class Wire(Protocol):
    """What the registrar needs of the stack."""

    clock: Callable[[], float]

    def respond(self, exchange: Exchange, response: Response) -> None: ...


@dataclass(slots=True)
class Binding:
    contact: str  # the URI as the phone gave it: the Request-URI of calls to it
    hop: Hop  # where it can be reached
    until: float  # monotonic seconds
    call_id: str
    cseq: int


@dataclass(frozen=True, slots=True)
class _Change:
    """One Contact of a REGISTER. ``seconds`` 0 takes it away."""

    contact: NameAddr
    seconds: int


class Registrar:
    """Serves REGISTER: ``stack.serves["REGISTER"] = registrar.requested``."""

    def __init__(self, settings: RegistrarSettings, passport: Passport, wire: Wire) -> None:
        self._settings, self._passport, self._wire = settings, passport, wire
        self._bindings: dict[str, list[Binding]] = {}
        self._hosts: dict[str, float] = {}  # until when a phone is registered from there

    def requested(self, exchange: Exchange) -> None:
        """Raises Objection for what is not done."""
        request, now = exchange.request, self._wire.clock()
        user = self._passport(request, exchange.seen)
        if request.to.uri.user != user:
            raise Objection(403, f"{user} may not register another's address")
        if self._settings.domains and not self.owns(request.to.uri.host):
            raise Objection(404, f"{request.to.uri.host} is not a domain of this registrar")
        bindings = self._live(user, now)
        if request.headers.values("Contact") == ["*"]:
            kept = self._without_all(bindings, request)
        else:
            kept = self._changed(bindings, request, exchange.seen, now)
        if kept:
            self._bindings[user] = kept
        else:
            self._bindings.pop(user, None)
        self._note_hosts()
        response = request.reply(200, tag=exchange.tag)
        for binding in kept:
            left = max(1, round(binding.until - now))
            response.headers.add("Contact", f"<{binding.contact}>;expires={left}")
        self._wire.respond(exchange, response)

    def owns(self, host: str) -> bool:
        return host.lower() in (domain.lower() for domain in self._settings.domains)

    def knows(self, user: str) -> bool:
        return user in self._settings.users

    @property
    def passwords(self) -> dict[str, str]:
        """Of its users."""
        return {n: secret.get_secret_value() for n, secret in self._settings.users.items()}

    def find(self, user: str) -> list[Binding]:
        """Where a user's phones are, the latest to register first."""
        found = self._live(user, self._wire.clock())
        return sorted(found, key=lambda binding: -binding.until)

    def is_at(self, host: str) -> bool:
        """Whether a registered phone is at this address."""
        return self._hosts.get(host, 0.0) > self._wire.clock()

    def _note_hosts(self) -> None:
        """Asked about with every packet that comes, so it is worked out beforehand."""
        self._hosts = {}
        for binding in (b for bindings in self._bindings.values() for b in bindings):
            host = binding.hop.address[0]
            self._hosts[host] = max(binding.until, self._hosts.get(host, 0.0))

    def _live(self, user: str, now: float) -> list[Binding]:
        return [b for b in self._bindings.get(user, ()) if b.until > now]

    def _without_all(self, bindings: list[Binding], request: Request) -> list[Binding]:
        if (request.headers.get("Expires") or "").strip() != "0":
            raise Objection(400, "Contact: * is only for removal, with Expires: 0")
        for binding in bindings:
            _in_order(binding, request)
        return []

    def _changed(
        self, bindings: list[Binding], request: Request, seen: Hop, now: float
    ) -> list[Binding]:
        """All changes or none (section 10.3 step 7)."""
        kept = list(bindings)
        for change in [self._change(value, request) for value in _contacts(request)]:
            uri = change.contact.uri
            for old in [b for b in kept if b.contact == str(uri)]:
                _in_order(old, request)
                kept.remove(old)
            if change.seconds:
                until = now + change.seconds
                kept.append(
                    Binding(str(uri), _reach(uri, seen), until, request.call_id,
                            request.cseq.number)
                )  # fmt: skip
        if len(kept) > self._settings.contacts:
            raise Objection(403, f"More than {self._settings.contacts} phones of one user")
        return kept

    def _change(self, contact: NameAddr, request: Request) -> _Change:
        asked = contact.param("expires") or (request.headers.get("Expires") or "").strip()
        number = asked.isascii() and asked.isdigit() and len(asked) < 11
        # Section 10.3: what is malformed counts as 3600.
        seconds = int(asked) if number else 3600
        least = self._settings.least_s
        if 0 < seconds < least:
            raise Objection(423, f"At least {least} s, please", (("Min-Expires", str(least)),))
        return _Change(contact, min(seconds, self._settings.most_s))


def _contacts(request: Request) -> list[NameAddr]:
    found = [NameAddr.parse(v, "Contact") for v in request.headers.values("Contact") if v != "*"]
    for contact in found:
        if contact.uri.scheme not in ("sip", "sips"):
            raise SipSyntaxError("Contact", f"{contact.uri.scheme} URIs cannot be called")
    return found


def _in_order(binding: Binding, request: Request) -> None:
    """A late copy of an older REGISTER must not undo a newer one (section 10.3 step 7)."""
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise Objection(500, "Out of order: a newer REGISTER has been heeded")


def _reach(contact: Uri, seen: Hop) -> Hop:
    """Where the phone really is: behind a NAT its Contact says what nobody can reach, and over a
    stream only its own connection leads to it."""
    hop = request_hop(contact)
    same = hop.address[0] == seen.address[0] and hop.transport == seen.transport == "udp"
    return hop if same else seen
