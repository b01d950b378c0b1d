"""The endpoint on real sockets of this machine: UDP, TCP, names, ports, and its end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop
from pydantic import ValidationError

from gateway.errors import ConfigError
from gateway.sip.endpoint import Endpoint
from gateway.sip.events import Acked, Answered, Ended, Refused, Ringing, SessionEvent
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.resolution import Question, Records
from gateway.sip.resolver import Ask
from gateway.sip.session import Session
from gateway.sip.settings import Listen, SipSettings
from tests.sip.wire import PATIENCE_S, Ear, refusing


@asynccontextmanager
async def endpoint(
    on_invite: Callable[[Session], None] = refusing,
    listen: str = "127.0.0.1:0",
    ask: Ask | None = None,
    **more: object,
) -> AsyncIterator[Endpoint]:
    opened = Endpoint(SipSettings(listen=listen, **more), on_invite, ask=ask)  # type: ignore[arg-type]
    await opened.start()
    try:
        yield opened
    finally:
        await opened.close()


def uri(of: Endpoint, transport: str, host: str = "127.0.0.1") -> str:
    port = next(place.port for place in of.ports if place.transport == transport)
    return f"sip:demo@{host}:{port}" + (";transport=tcp" if transport == "tcp" else "")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_call_over_real_sockets(transport: str, host: str) -> None:
    heard: list[Ear] = []

    def answer(session: Session) -> None:
        heard.append(Ear(session))
        session.ring()
        session.answer(b"answer to " + (session.offer or b""))

    async with endpoint(answer) as server, endpoint() as client:
        ours = Ear(client.invite(uri(server, transport, host), sdp=b"offer", from_name="Tést"))
        assert await ours.next() == Ringing(180)
        assert await ours.next() == Answered(b"answer to offer")
        theirs = heard[0]
        assert theirs.session.request.from_.display == "Tést"
        assert await theirs.next() == Acked()
        theirs.session.end("enough")
        assert await ours.next() == Ended("peer", None, 16, "enough")
        assert await theirs.next() == Ended("us", None, 16, "enough")
        assert client.live == 0


def test_the_same_under_uvloop() -> None:
    for transport in ("udp", "tcp"):
        uvloop.run(test_a_call_over_real_sockets(transport, "localhost"))


async def test_a_call_over_ipv6() -> None:
    async with endpoint(listen="[::1]:0") as server, endpoint(listen="[::1]:0") as client:
        for transport in ("udp", "tcp"):
            ours = Ear(client.invite(uri(server, transport, "[::1]"), sdp=b"offer"))
            event = await ours.next()
            assert isinstance(event, Refused)
            assert event.status == 404
        assert client.local_address_for("::1") == "::1"


async def test_invite_to_nowhere_is_refused_with_the_reason() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with endpoint() as client:
            ours = Ear(client.invite(f"sip:x@127.0.0.1:{port};transport=tcp", sdp=b""))
            event = await ours.next()
            assert isinstance(event, Refused)
            assert (event.status, event.by) == (503, "network")
            assert event.phrase
            assert client.live == 0


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_address_there_is_no_way_to_is_refused_at_once(run: Callable[..., object]) -> None:
    async def call() -> SessionEvent:
        async with endpoint() as client:
            # Broadcasting needs leave that the socket does not have: EACCES.
            return await Ear(client.invite("sip:x@255.255.255.255", sdp=b"")).next()

    event = run(call())
    assert isinstance(event, Refused)
    assert (event.status, event.by, event.phrase) == (503, "network", "Permission denied")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_udp_port_that_nobody_listens_on_is_known_by_icmp(
    run: Callable[..., object], host: str
) -> None:
    async def call() -> SessionEvent:
        async with endpoint(listen=f"{host}:0") as client, endpoint(listen=f"{host}:0") as server:
            silent = Ear(client.invite(f"sip:x@{host}:9", sdp=b""))
            answered = Ear(client.invite(uri(server, "udp", host), sdp=b""))
            event = await answered.next()  # what ICMP says of the one harms no other
            assert isinstance(event, Refused)
            assert event.status == 404
            return await silent.next()

    event = run(call())
    assert isinstance(event, Refused)
    assert (event.status, event.by, event.phrase) == (503, "network", "Connection refused")


async def test_target_that_is_no_sip_uri_raises() -> None:
    async with endpoint() as client:
        for target in (
            "tel:+1201",
            "bob",
            "sip:a@b;transport=sctp",
            "sip:a@b\r\nX: y",
            "sips:a@b;transport=udp",
        ):
            with pytest.raises(SipSyntaxError):
                client.invite(target, sdp=b"")
        assert client.live == 0


async def test_name_that_does_not_exist_is_refused_with_the_reason() -> None:
    async def nothing(question: Question) -> tuple[Records, float]:
        return (), 60.0

    async with endpoint(ask=nothing) as client:
        event = await Ear(client.invite("sip:x@no.such.example", sdp=b"")).next()
        assert isinstance(event, Refused)
        assert (event.status, event.by) == (503, "network")
        assert event.phrase == "no.such.example: DNS knows no address of it"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_taken_port_is_named_with_who_has_it(transport: str) -> None:
    async with endpoint(listen=f"{transport}:127.0.0.1:0") as first:
        port = first.ports[0].port
        second = Endpoint(SipSettings(listen=f"{transport}:127.0.0.1:{port}"), refusing)
        with pytest.raises(
            ConfigError, match=f"{transport} 127.0.0.1 port {port} is taken by .*process"
        ):
            await second.start()


async def test_foreign_address_cannot_be_listened_on() -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
        await Endpoint(SipSettings(listen="udp:192.0.2.1:0"), refusing).start()


async def test_an_owner_that_fails_costs_only_its_own_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def script(session: Session) -> None:
        if session.request.headers.get("X-Bad"):
            raise RuntimeError("bug")
        session.refuse(486)

    async with endpoint(script) as server, endpoint() as client:
        for headers, status in (([("X-Bad", "1")], 500), ([], 486)):
            event = await Ear(client.invite(uri(server, "udp"), sdp=b"", headers=headers)).next()
            assert isinstance(event, Refused)
            assert event.status == status
    assert "an INVITE could not be handled" in caplog.text


@pytest.mark.parametrize(
    ("local_networks", "told"), [([], "198.51.100.7"), (["127.0.0.0/8"], "127.0.0.1")]
)
async def test_public_address_is_what_peers_outside_are_told(
    local_networks: list[str], told: str
) -> None:
    requests: list[Session] = []

    def script(session: Session) -> None:
        requests.append(session)
        session.refuse(486)

    more = {"public_address": "198.51.100.7", "local_networks": local_networks}
    async with endpoint(script) as server, endpoint(**more) as client:  # type: ignore[arg-type]
        await Ear(client.invite(uri(server, "udp"), sdp=b"")).next()
        request = requests[0].request
        assert request.contact is not None
        assert request.contact.uri.host == told
        assert request.via.host == told
        assert request.via.param("received") == "127.0.0.1"
        assert client.local_address_for("10.9.8.7") == "198.51.100.7"
        assert client.local_address_for("not.resolved.example") == "198.51.100.7"


@pytest.mark.parametrize(
    ("public", "told"),
    [
        ("198.51.100.7", ("198.51.100.7", "::1")),
        ("2001:db8::7", ("127.0.0.1", "2001:db8::7")),
        ("sip.example.com", ("sip.example.com", "sip.example.com")),
    ],
)
async def test_a_public_address_is_told_to_peers_of_its_family(
    public: str, told: tuple[str, str]
) -> None:
    listen = "udp:127.0.0.1:0,udp:[::1]:0"
    async with endpoint(listen=listen, public_address=public, local_networks=[]) as both:
        assert both.local_address_for("203.0.113.9") == told[0]
        assert both.local_address_for("2001:db8::9") == told[1]


async def test_garbage_on_tcp_closes_the_connection_and_nothing_else() -> None:
    async with endpoint() as server, endpoint() as client:
        port = next(place.port for place in server.ports if place.transport == "tcp")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), PATIENCE_S) == b"\r\n"
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()
        event = await Ear(client.invite(uri(server, "tcp"), sdp=b"")).next()
        assert isinstance(event, Refused)
        assert event.status == 404


async def test_a_message_in_pieces_is_one_message() -> None:
    async with endpoint() as server:
        port = next(place.port for place in server.ports if place.transport == "tcp")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = (b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\n"
                   b"Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1\r\n"
                   b"From: <sip:a@b>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: 1\r\n"
                   b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")  # fmt: skip
        for at in range(0, len(request), 50):
            writer.write(request[at : at + 50])
            await writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            response = await reader.readuntil(b"\r\n\r\n")
        assert response.startswith(b"SIP/2.0 200 OK\r\n")
        writer.close()
        await writer.wait_closed()


async def test_connections_beyond_the_limit_are_closed() -> None:
    async with endpoint(max_connections=1) as server:
        port = next(place.port for place in server.ports if place.transport == "tcp")
        first, kept = await asyncio.open_connection("127.0.0.1", port)
        kept.write(b"\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            await first.readexactly(2)
        second, refused = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(second.read(), PATIENCE_S) == b""
        kept.close()
        refused.close()


async def test_silent_connection_is_closed() -> None:
    async with endpoint(tcp_idle_s=0.01) as server:
        port = next(place.port for place in server.ports if place.transport == "tcp")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()


def test_listen_is_read_in_every_form() -> None:
    def places(value: object) -> list[Listen]:
        return SipSettings(listen=value).places  # type: ignore[arg-type]

    assert places("0.0.0.0") == [Listen("udp", "0.0.0.0", 5060), Listen("tcp", "0.0.0.0", 5060)]
    assert places(["tcp:[::1]:5070", "udp:10.0.0.1"]) == [
        Listen("tcp", "::1", 5070), Listen("udp", "10.0.0.1", 5060),
    ]  # fmt: skip
    assert places("udp:127.0.0.1:0, tcp:127.0.0.1:0")[1] == Listen("tcp", "127.0.0.1", 0)
    assert places("tls:[::]") == [Listen("tls", "::", 5061)]
    assert SipSettings().places == [Listen("udp", "0.0.0.0", 5060), Listen("tcp", "0.0.0.0", 5060)]
    for wrong in ("", "udp:", "udp:1.2.3.4:99999", "1.2.3.4:sip", "[::1", [], "sctp:0.0.0.0:5061"):
        with pytest.raises(ValidationError):
            SipSettings(listen=wrong)  # type: ignore[arg-type]
