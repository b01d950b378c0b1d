"""DNS for SIP: what a Resolution asks, asked; answers are kept for as long as they are good."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Protocol

import dns.asyncresolver
import dns.exception
import dns.message
import dns.nameserver
import dns.rdatatype
import dns.resolver

from gateway.sip.grammar import SipSyntaxError
from gateway.sip.outgoing import Found
from gateway.sip.resolution import Naptr, Question, Records, Resolution, Srv
from gateway.sip.uri import Uri

PATIENCE_S = 5.0  # for one question, over all servers
LONGEST_S = 86_400.0
NOTHING_MOST_S, NOTHING_S = 300.0, 30.0  # how long "there is none" is believed (RFC 2308)
FAILURE_S = 5.0  # how long a server that fails is not asked the same again
MOST = 10_000  # answers kept
HOSTS = Path("/etc/hosts")


class LookupFailed(Exception):
    """No server gave an answer; ``str()`` says why."""


Ask = Callable[[Question], Awaitable[tuple[Records, float]]]  # the records, and for how long


class Families(Protocol):
    def __call__(self) -> Sequence[Literal["A", "AAAA"]]: ...


class Resolver:
    """``families`` says which kinds of addresses can be reached from here."""

    def __init__(self, ask: Ask, families: Families, settled: Callable[[], None]) -> None:
        self._ask = ask
        self._families = families
        self._settled = settled  # to be called after a ``found`` that came later
        self._kept: dict[Question, tuple[float, Records, str]] = {}
        self._known: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def known(self, name: str) -> str:
        """The address that this name was last found at, or ""."""
        return self._known.get(name.lower(), "")

    def locate(self, uri: Uri, found: Found) -> None:
        """The targets of a URI (RFC 3263), at once if all is known, and later if not."""
        try:
            resolution = Resolution(uri, families=self._families())
        except SipSyntaxError as error:
            found([], str(error))
            return
        self._answer(resolution)
        if resolution.questions:
            task = asyncio.get_running_loop().create_task(self._find(resolution, uri, found))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._tell(resolution, uri, found)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _find(self, resolution: Resolution, uri: Uri, found: Found) -> None:
        while resolution.questions:
            await asyncio.gather(*map(self._learn, resolution.questions))
            self._answer(resolution, stale=True)
        self._tell(resolution, uri, found)
        self._settled()

    async def _learn(self, question: Question) -> None:
        why = ""
        records: Records = ()
        try:
            records, for_s = await self._ask(question)
        except LookupFailed as error:
            why, for_s = str(error), FAILURE_S
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[question] = (time.monotonic() + for_s, records, why)

    def _answer(self, resolution: Resolution, *, stale: bool = False) -> None:
        """Give it what is known, until it asks for what is not. ``stale``: what has just been
        learnt counts even if it may not be kept."""
        now = time.monotonic()
        while True:
            known = [
                (question, self._kept[question][1])
                for question in resolution.questions
                if question in self._kept and (stale or self._kept[question][0] > now)
            ]
            for question, records in known:
                resolution.answer(question, records)
            if not known:
                return
            stale = False

    def _tell(self, resolution: Resolution, uri: Uri, found: Found) -> None:
        if resolution.targets:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[uri.address.lower()] = resolution.targets[0].address[0]
            found(resolution.targets, "")
            return
        reasons = dict.fromkeys(
            why for q in resolution.asked if (why := self._kept.get(q, (0, (), ""))[2])
        )
        found([], f"{uri.host}: {'; '.join(reasons) or 'DNS knows no address of it'}")


def dns_ask(servers: Sequence[str] = ()) -> Ask:
    """Asks these servers (address or address:port), or the system's. /etc/hosts comes first."""
    try:
        resolver = dns.asyncresolver.Resolver(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        resolver = dns.asyncresolver.Resolver(configure=False)
    if servers:
        resolver.nameservers = [_server(text) for text in servers]
    resolver.lifetime = PATIENCE_S

    async def ask(question: Question) -> tuple[Records, float]:
        hosts = _hosts()
        # A name that stands there is this machine's own matter, and so are its services.
        if question.name.split("._udp.")[-1].split("._tcp.")[-1] in hosts:
            return hosts[question.name].get(
                question.kind, ()
            ) if question.name in hosts else (), 1.0
        try:
            answer = await resolver.resolve(
                question.name, question.kind, raise_on_no_answer=False,
                search="." not in question.name,
            )  # fmt: skip
        except dns.resolver.NXDOMAIN as none:
            responses: dict[Any, dns.message.Message] = none.kwargs.get("responses", {})
            return (), min(map(_nothing_s, responses.values()), default=NOTHING_S)
        except dns.exception.Timeout:
            raise LookupFailed(f"no answer from DNS within {PATIENCE_S:g} s") from None
        except (dns.resolver.NoNameservers, dns.exception.DNSException, OSError) as error:
            raise LookupFailed(f"DNS failed: {type(error).__name__}") from None
        if answer.rrset is None:
            return (), _nothing_s(answer.response)
        records = tuple(_record(record) for record in answer.rrset)
        return records, min(float(answer.chaining_result.minimum_ttl), LONGEST_S)

    return ask


def _record(record: Any) -> Naptr | Srv | str:
    match record.rdtype:
        case dns.rdatatype.NAPTR:
            return Naptr(
                record.order, record.preference, record.flags.decode("ascii", "replace"),
                record.service.decode("ascii", "replace"), record.replacement.to_text(),
            )  # fmt: skip
        case dns.rdatatype.SRV:
            return Srv(record.priority, record.weight, record.port, record.target.to_text())
    return str(record.address)


def _nothing_s(response: dns.message.Message) -> float:
    """RFC 2308 section 5: the smaller of the SOA's TTL and its minimum."""
    for rrset in response.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return float(min(rrset.ttl, rrset[0].minimum, NOTHING_MOST_S))
    return NOTHING_S


def _server(text: str) -> dns.nameserver.Nameserver:
    host, _, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "")
    return dns.nameserver.Do53Nameserver(host, int(port or 53))


def _hosts() -> dict[str, dict[str, list[str]]]:
    """By name, then by the kind of address."""
    found: dict[str, dict[str, list[str]]] = {}
    try:
        lines = HOSTS.read_text().splitlines()
    except OSError:
        return {}
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        try:
            kind = "A" if ip_address(address).version == 4 else "AAAA"
        except ValueError:
            continue
        for name in names:
            found.setdefault(name.lower(), {}).setdefault(kind, []).append(address)
    return found
