"""DNS answers kept for as long as they are good, and asked of a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from gateway.sip import resolver as module
from gateway.sip.resolution import Naptr, Question, Srv
from gateway.sip.resolver import LookupFailed, Resolver, dns_ask
from gateway.sip.routing import Hop
from gateway.sip.uri import Uri
from tests.sip.names import Zone


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


async def find(resolver: Resolver, uri: str) -> tuple[list[Hop], str]:
    answer: asyncio.Future[tuple[list[Hop], str]] = asyncio.get_running_loop().create_future()
    resolver.locate(Uri.parse(uri), lambda hops, why: answer.set_result((list(hops), why)))
    async with asyncio.timeout(20):
        return await answer


def over(zone: Zone) -> Resolver:
    return Resolver(zone, lambda: ["A"], lambda: None)


async def test_an_answer_is_asked_for_once_within_its_time(clock: Clock) -> None:
    zone = Zone({"A pbx.example": ("192.0.2.1",)}, ttl_s=60.0)
    resolver = over(zone)
    for _ in range(2):
        hops, _ = await find(resolver, "sip:PBX.example:5070")
        assert [hop.address for hop in hops] == [("192.0.2.1", 5070)]
    assert len(zone.asked) == 1
    assert resolver.known("pbx.example") == "192.0.2.1"
    clock.now += 61.0
    await find(resolver, "sip:pbx.example:5070")
    assert len(zone.asked) == 2


async def test_that_there_is_nothing_is_remembered_too(clock: Clock) -> None:
    zone = Zone(ttl_s=30.0)
    resolver = over(zone)
    for _ in range(2):
        assert await find(resolver, "sip:no.example") == (
            [], "no.example: DNS knows no address of it",
        )  # fmt: skip
    assert len(zone.asked) == 5  # NAPTR, three SRV, A


async def test_an_answer_without_a_lifetime_still_counts(clock: Clock) -> None:
    resolver = over(Zone({"A pbx.example": ("192.0.2.1",)}, ttl_s=0.0))
    hops, _ = await find(resolver, "sip:pbx.example")
    assert hops[0].address == ("192.0.2.1", 5060)


async def test_a_server_that_fails_is_named_and_soon_asked_again(clock: Clock) -> None:
    zone = Zone({"A pbx.example": ("192.0.2.1",)})
    zone.down = True
    resolver = over(zone)
    assert await find(resolver, "sip:pbx.example:5060") == (
        [], "pbx.example: the server is away",
    )  # fmt: skip
    zone.down = False
    assert (await find(resolver, "sip:pbx.example:5060"))[0] == []
    clock.now += 6.0
    assert (await find(resolver, "sip:pbx.example:5060"))[0]


class Server(asyncio.DatagramProtocol):
    """A name server with the records of a zone file; what is not in it does not exist."""

    def __init__(self, zone: Sequence[str]) -> None:
        self.sets = [dns.rrset.from_text(*line.split(" ", 4)) for line in zone]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        question = query.question[0]
        here = [rrset for rrset in self.sets if rrset.name == question.name]
        response.answer = [rrset for rrset in here if rrset.rdtype == question.rdtype]
        if question.name.to_text().startswith("broken"):
            response.set_rcode(dns.rcode.SERVFAIL)
        elif not here:
            response.set_rcode(dns.rcode.NXDOMAIN)
        if not response.answer:
            response.authority = [
                dns.rrset.from_text("example.", 900, "IN", "SOA", "ns. admin. 1 2 3 4 77")
            ]
        self.transport.sendto(response.to_wire(), addr)


ZONE = [
    "pbx.example. 300 IN NAPTR 10 20 s SIP+D2T . _sip._tcp.pbx.example.".replace(
        "s SIP+D2T .", '"s" "SIP+D2T" ""'
    ),
    "_sip._tcp.pbx.example. 120 IN SRV 1 2 5070 host.pbx.example.",
    "host.pbx.example. 60 IN A 127.0.0.9",
    "host.pbx.example. 60 IN AAAA ::9",
]


@asynccontextmanager
async def name_server() -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Server(ZONE), local_addr=("127.0.0.1", 0)
    )
    yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    transport.close()


async def test_a_real_server_is_understood() -> None:
    async with name_server() as address:
        ask = dns_ask([address])
        naptr = Naptr(10, 20, "s", "SIP+D2T", "_sip._tcp.pbx.example.")
        assert await ask(Question("NAPTR", "pbx.example")) == ((naptr,), 300.0)
        assert await ask(Question("SRV", "_sip._tcp.pbx.example")) == (
            (Srv(1, 2, 5070, "host.pbx.example."),), 120.0,
        )  # fmt: skip
        assert await ask(Question("AAAA", "host.pbx.example")) == (("::9",), 60.0)
        assert await ask(Question("A", "nobody.example")) == ((), 77.0)  # NXDOMAIN
        assert await ask(Question("SRV", "host.pbx.example")) == ((), 77.0)  # no such type
        with pytest.raises(LookupFailed, match="NoNameservers"):
            await ask(Question("A", "broken.example"))
        resolver = Resolver(ask, lambda: ["A", "AAAA"], lambda: None)
        hops, _ = await find(resolver, "sip:pbx.example")
        assert [(hop.transport, *hop.address) for hop in hops] == [
            ("tcp", "127.0.0.9", 5070), ("tcp", "::9", 5070),
        ]  # fmt: skip


async def test_the_hosts_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("# ours\n192.0.2.4 Pbx pbx.local # a comment\n::4 pbx\nnonsense x\n")
    monkeypatch.setattr(module, "HOSTS", hosts)
    ask = dns_ask(["192.0.2.200"])  # nobody: whoever asked it would wait
    assert (await ask(Question("A", "pbx")))[0] == ["192.0.2.4"]
    assert (await ask(Question("AAAA", "pbx")))[0] == ["::4"]
    assert (await ask(Question("AAAA", "pbx.local")))[0] == ()
    assert (await ask(Question("SRV", "_sip._udp.pbx")))[0] == ()
