"""Connections: who may have them, how long, and which one a message takes."""

import asyncio

import pytest

from gateway.metrics import REGISTRY
from gateway.sip.defence import Defence
from gateway.sip.defence_settings import DefenceSettings
from gateway.sip.events import Ended
from gateway.sip.message import LIMITS, Request, parse
from gateway.sip.routing import Address
from gateway.sip.stream import Stream
from gateway.sip.transport import Bounds
from gateway.sip.transport_stream import Streams
from tests.sip.wire import PATIENCE_S, Answering, Ear, endpoint, port_of, request


async def message(reader: asyncio.StreamReader) -> Request:
    found = parse(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S))
    assert isinstance(found, Request)
    return found


async def test_a_message_that_does_not_end_is_cut_off() -> None:
    async with endpoint(message_s=0.01) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server, "tcp"))
        writer.write(request("OPTIONS", "TCP")[:-1])
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()


async def test_a_connection_that_only_waits_is_not_slow() -> None:
    async with endpoint(message_s=0.01) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server, "tcp"))
        for start in (b"", b"\r\n"):  # a pong is no message that has begun
            writer.write(start)
            await asyncio.sleep(0.05)
            writer.write(request("OPTIONS", "TCP", tag=f"t{len(start)}"))
            async with asyncio.timeout(PATIENCE_S):
                found = await reader.readuntil(b"\r\n\r\n")
            assert found.startswith(b"SIP/2.0 200")
        writer.close()


async def test_one_source_has_so_many_and_no_more() -> None:
    gate = Defence(DefenceSettings(exempt=[], connections_per_source=2))
    async with endpoint(gate=gate) as server:
        port = port_of(server, "tcp")

        async def lets_in() -> tuple[bool, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\r\n\r\n")
            try:
                return bool(await asyncio.wait_for(reader.read(2), PATIENCE_S)), writer
            except ConnectionResetError:
                return False, writer

        found = [await lets_in() for _ in range(3)]
        assert [let_in for let_in, _ in found] == [True, True, False]
        found[0][1].close()
        await found[0][1].wait_closed()
        while not (again := await lets_in())[0]:  # until the server has seen it
            again[1].close()
        for _, writer in [*found, again]:
            writer.close()
        exempt = Defence(DefenceSettings(connections_per_source=1))
        assert exempt.connects("127.0.0.1", 5)


async def test_a_connection_that_a_call_needs_is_kept_however_silent() -> None:
    answering = Answering()
    async with endpoint(answering, tcp_idle_s=0.02) as server:
        port = port_of(server, "tcp")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("INVITE", "TCP", "Contact: <sip:a@127.0.0.1:9;transport=tcp>"))
        for _ in range(2):
            async with asyncio.timeout(PATIENCE_S):
                await reader.readuntil(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(6), PATIENCE_S) == b"answer"
        for _ in range(2):  # one that begins now and is closed was silent for less long
            idle, other = await asyncio.open_connection("127.0.0.1", port)
            assert await asyncio.wait_for(idle.read(), PATIENCE_S) == b""
            other.close()
        writer.write(b"\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read(1)
        answering.ears[0].session.end()
        writer.close()


async def test_a_request_goes_by_the_connection_that_its_peer_offers_as_an_alias() -> None:
    """RFC 5923: the peer listens on a port that cannot be reached, and says where it can be."""
    async with endpoint() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server, "tcp"))
        writer.write(request("OPTIONS", "TCP", via="127.0.0.1:9;alias"))
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)).startswith(
            b"SIP"
        )
        ear = Ear(server.invite("sip:x@127.0.0.1:9;transport=tcp", sdp=None))
        invite = await message(reader)
        assert invite.method == "INVITE"
        assert invite.via.param("alias") is not None
        writer.write(bytes(invite.reply(486, tag="1")))
        assert (await message(reader)).method == "ACK"
        assert (await ear.next()).status == 486  # type: ignore[union-attr]
        writer.close()


async def test_a_response_whose_connection_is_gone_goes_to_the_via() -> None:
    """RFC 3261 section 18.2.2."""
    listening = asyncio.get_running_loop().create_future()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listening.set_result((reader, writer))

    back = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = back.sockets[0].getsockname()[1]
    sessions = []
    async with endpoint(sessions.append) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(server, "tcp"))
        contact = f"Contact: <sip:a@127.0.0.1:{port};transport=tcp>"
        writer.write(request("INVITE", "TCP", contact, via=f"127.0.0.1:{port}"))
        while not sessions:
            await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()
        while port_open(server):
            await asyncio.sleep(0)
        sessions[0].refuse(486)
        async with asyncio.timeout(PATIENCE_S):
            reader, again = await listening
        async with asyncio.timeout(PATIENCE_S):
            found = await reader.readuntil(b"\r\n\r\n")
        assert found.startswith(b"SIP/2.0 486")
        again.close()
    back.close()


def port_open(server: object) -> bool:
    return bool(server._wires._streams["tcp"]._open)  # type: ignore[attr-defined]


class Wire(asyncio.Transport):
    """A connection that goes nowhere."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.9", 5060)})
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: object) -> None:
        self.sent.append(bytes(data))  # type: ignore[call-overload]

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True

    abort = close


@pytest.mark.parametrize("answers", [True, False])
async def test_a_connection_of_ours_is_pinged_and_given_up_when_pongs_stop(answers: bool) -> None:
    lost: list[Address] = []
    streams = Streams(
        "tcp", lambda *_: None, lambda to, *_: lost.append(to),
        LIMITS,
        Bounds(10, 600.0, 10.0, 30.0),
    )  # fmt: skip
    stream, wire = Stream(streams, streams._limits, ours=True), Wire()
    stream.connection_made(wire)
    start = stream.heard_at
    streams.look_over(set(), start + 29.0)
    assert wire.sent == []
    streams.look_over(set(), start + 30.0)
    assert wire.sent == [b"\r\n\r\n"]
    if answers:
        stream.data_received(b"\r\n")
        stream.heard_at = start + 30.0
        streams.look_over(set(), start + 60.0)
        assert len(wire.sent) == 2
    streams.look_over(set(), start + 91.0)
    assert wire.closed is answers  # who never answered one may not know what a ping is
    assert lost == ([("192.0.2.9", 5060)] if answers else [])
    stream.connection_lost(None)


async def test_connections_and_messages_are_counted() -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"trunkline_sip_{name}", labels) or 0.0

    tcp = {"transport": "tcp"}
    before = value("messages_total", direction="in", what="OPTIONS", **tcp)
    odd = value("messages_total", direction="in", what="other", **tcp)
    answered = value("messages_total", direction="out", what="200", **tcp)
    refused = value("refusals_total", what="refused", method="", status="501")
    async with endpoint() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server, "tcp"))
        open_before = value("connections", **tcp)
        writer.write(request("OPTIONS", "TCP") + request("MADEUP", "TCP"))
        for _ in range(2):
            async with asyncio.timeout(PATIENCE_S):
                await reader.readuntil(b"\r\n\r\n")
        assert value("connections", **tcp) >= open_before
        assert value("messages_total", direction="in", what="OPTIONS", **tcp) == before + 1
        assert value("messages_total", direction="in", what="other", **tcp) == odd + 1
        assert value("messages_total", direction="out", what="200", **tcp) == answered + 1
        assert value("refusals_total", what="refused", method="", status="501") == refused + 1
        writer.close()


async def test_an_endpoint_listens_in_many_places() -> None:
    answering = Answering()
    listen = "udp:127.0.0.1:0, udp:[::1]:0, tcp:[::1]:0, tcp:127.0.0.1:0, udp:127.0.0.2:0"
    async with endpoint(answering, listen=listen) as server, endpoint(listen=listen) as client:
        for place in server.ports:
            host = f"[{place.host}]" if ":" in place.host else place.host
            target = f"sip:x@{host}:{place.port};transport={place.transport}"
            ours = Ear(client.invite(target, sdp=b"offer"))
            await ours.next()
            theirs = answering.ears.pop()
            await theirs.next()
            theirs.session.end()
            assert isinstance(await ours.next(), Ended)
            assert theirs.session.request.via.host in (host, "127.0.0.1")
