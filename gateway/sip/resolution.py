"""Where a URI is reached (RFC 3263), as a machine: questions out, answers in, targets out.

``questions`` are what a resolver must be asked now; ``answer`` takes what it said, nothing for a
name that does not exist. When no question is left, ``targets`` are the places to try, in order.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, NamedTuple

from gateway.sip.grammar import SipSyntaxError, shown
from gateway.sip.routing import Hop, default_port
from gateway.sip.uri import Uri


class Question(NamedTuple):
    kind: Literal["NAPTR", "SRV", "A", "AAAA"]
    name: str  # lower case, without the last dot


@dataclass(frozen=True)
class Naptr:
    """RFC 3403, as far as SIP uses it: a service and the SRV name that has it."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True)
class Srv:
    """RFC 2782."""

    priority: int
    weight: int
    port: int
    target: str  # "." says that there is no such service


Record = Naptr | Srv | str  # str: an address
Records = Sequence[Record]

SERVICES = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}  # RFC 3263 section 4.1
PREFIXES = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}


def is_numeric(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def transport_of(uri: Uri) -> str:
    """What the URI itself asks for; "" if it leaves that to DNS. Raises SipSyntaxError if it asks
    for what cannot be: ``sips`` is never said in the clear (RFC 3261 section 26.2.2)."""
    asked = (uri.param("transport") or "").lower()
    if uri.scheme != "sips":
        return asked
    if asked not in ("", "tcp", "tls"):
        detail = f"a sips URI cannot be reached over {shown(asked)}"
        raise SipSyntaxError("target", detail, 416)
    return "tls"


class Resolution:
    """One URI on its way to its targets. ``transports`` are those we can speak, the dearest first;
    ``families`` the kinds of addresses we can reach."""

    def __init__(
        self,
        uri: Uri,
        *,
        transports: Sequence[str] = ("udp", "tcp", "tls"),
        families: Sequence[Literal["A", "AAAA"]] = ("A", "AAAA"),
        rng: random.Random | None = None,
    ) -> None:
        self._host = (uri.param("maddr") or uri.address).lower().rstrip(".")
        self._name = uri.address  # whose certificate we want to see (RFC 5922 section 7.1)
        self._transports = transports
        self._families = families
        self._rng = rng or random.SystemRandom()
        self._answers: dict[Question, Records] = {}
        self.asked = self._answers.keys()
        self._secure = uri.scheme == "sips"
        transport = transport_of(uri)
        self.questions: list[Question] = []
        self.targets: list[Hop] = []
        # What is left to be found: (transport, host, port), None where SRV shall say.
        self._places: list[tuple[str, str, int]] | None = None
        if is_numeric(self._host) or uri.port:
            transport = transport or "udp"
            self._places = [(transport, self._host, uri.port or default_port(transport))]
        self._wanted = transport
        self._proceed()

    def answer(self, question: Question, records: Records) -> None:
        """``records`` are of the question's kind; none: there are none."""
        self._answers[question] = records
        self.questions.remove(question)
        if not self.questions:
            self._proceed()

    def _proceed(self) -> None:
        """Go on as far as the answers reach."""
        if self._places is None:
            services = self._services()
            if services is None:
                return
            self._places = self._located(services)
            if self._places is None:
                return
        if is_numeric(self._host):
            self.targets = [
                Hop((host, port), transport, self._name) for transport, host, port in self._places
            ]
            return
        names = dict.fromkeys(host for _, host, _ in self._places if not is_numeric(host))
        asked = [Question(family, name) for name in names for family in self._families]
        if self._must_ask(asked):
            return
        self.targets = [
            Hop((address, port), transport, self._name)
            for transport, host, port in self._places
            for address in self._addresses(host)
        ]

    def _services(self) -> list[tuple[str, str]] | None:
        """(transport, SRV name) in the order to be tried; None while questions are open."""
        if self._wanted:
            return [(self._wanted, PREFIXES[self._wanted] + self._host)] if (
                self._wanted in PREFIXES
            ) else []  # fmt: skip
        naptr = Question("NAPTR", self._host)
        if self._must_ask([naptr]):
            return None
        usable = [
            (record.order, record.preference, SERVICES[record.service.upper()], record.replacement)
            for record in self._answers[naptr]
            if isinstance(record, Naptr)
            and record.flags.lower() == "s"
            and SERVICES.get(record.service.upper()) in self._transports
        ]
        if usable:
            return [(t, name.lower().rstrip(".")) for _, _, t, name in sorted(usable)]
        return [(t, PREFIXES[t] + self._host) for t in self._transports if t in PREFIXES]

    def _located(self, services: list[tuple[str, str]]) -> list[tuple[str, str, int]] | None:
        """What the SRV records say; without any, the host itself (RFC 3263 section 4.2)."""
        if self._must_ask([Question("SRV", name) for _, name in services]):
            return None
        found: list[tuple[str, str, int]] = []
        denied = False
        for transport, name in services:
            records = [r for r in self._answers[Question("SRV", name)] if isinstance(r, Srv)]
            for record in in_order(records, self._rng):
                target = record.target.lower().rstrip(".")
                denied = denied or not target
                if target:
                    found.append((transport, target, record.port))
        if found or denied:
            return found
        transport = self._wanted or ("tls" if self._secure else "udp")
        return [(transport, self._host, default_port(transport))]

    def _addresses(self, host: str) -> list[str]:
        if is_numeric(host):
            return [host]
        answers = (self._answers[Question(family, host)] for family in self._families)
        return [record for records in answers for record in records if isinstance(record, str)]

    def _must_ask(self, questions: Sequence[Question]) -> bool:
        self.questions = [q for q in dict.fromkeys(questions) if q not in self._answers]
        return bool(self.questions)


def in_order(records: Sequence[Srv], rng: random.Random) -> list[Srv]:
    """By priority, and within one by chance in proportion to weight (RFC 2782)."""
    ordered: list[Srv] = []
    for priority in sorted({record.priority for record in records}):
        # Those of weight 0 first, so that they are drawn only when the number is 0.
        left = sorted((r for r in records if r.priority == priority), key=lambda r: r.weight > 0)
        while left:
            number = rng.randint(0, sum(record.weight for record in left))
            running = 0
            for record in left:
                running += record.weight
                if running >= number:
                    break
            left.remove(record)
            ordered.append(record)
    return ordered


class Dead:
    """Targets that failed, which are tried last for a while (RFC 3263 section 4.3)."""

    def __init__(self) -> None:
        self._until: dict[Hop, float] = {}

    def __contains__(self, hop: Hop) -> bool:
        return hop in self._until

    def bury(self, hop: Hop, now: float, for_s: float) -> None:
        if len(self._until) >= 10_000:
            self._until.clear()
        self._until[hop] = now + for_s

    def revive(self, hop: Hop) -> None:
        """It answered."""
        self._until.pop(hop, None)

    def ordered(self, hops: Sequence[Hop], now: float) -> list[Hop]:
        """The living in their order, then the dead, the first to wake first."""
        for hop in [hop for hop, until in self._until.items() if until <= now]:
            del self._until[hop]
        return sorted(hops, key=lambda hop: self._until.get(hop, 0.0))
