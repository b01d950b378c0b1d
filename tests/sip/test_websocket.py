"""SIP over WebSocket (RFC 7118), as a browser's phone speaks it."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.sip.events import Acked, Ended, Refused
from gateway.sip.message import Request, Response, parse
from tests.sip.wire import PATIENCE_S, Answering, Ear, endpoint, port_of, request

SIP = ["sip"]
HERE = "df7jal23ls0d.invalid"  # a browser does not know its address: RFC 7118 section 7


@asynccontextmanager
async def browser(port: int, **more: object) -> AsyncIterator[ClientConnection]:
    more = {"subprotocols": SIP, "proxy": None} | more
    scheme = "wss" if "ssl" in more else "ws"
    async with connect(f"{scheme}://127.0.0.1:{port}", **more) as socket:  # type: ignore[arg-type]
        yield socket


async def heard(socket: ClientConnection) -> Request | Response:
    async with asyncio.timeout(PATIENCE_S):
        data = await socket.recv(decode=False)
    return parse(data)


async def test_options_is_answered_on_the_same_connection() -> None:
    async with (
        endpoint(listen="ws:127.0.0.1:0") as server,
        browser(port_of(server, "ws")) as socket,
    ):
        assert socket.subprotocol == "sip"
        await socket.send(request("OPTIONS", "WS", via=HERE).decode())
        response = await heard(socket)
        assert isinstance(response, Response)
        assert response.status == 200
        assert response.via.host == HERE
        assert response.via.param("received") == "127.0.0.1"
        await socket.send("\r\n\r\n")
        assert await asyncio.wait_for(socket.recv(decode=False), PATIENCE_S) == b"\r\n"


@pytest.mark.parametrize("binary", [False, True])
async def test_a_call_from_a_browser_and_its_end(binary: bool) -> None:
    answering = Answering()
    async with (
        endpoint(answering, listen="ws:127.0.0.1:0, udp:127.0.0.1:0") as server,
        browser(port_of(server, "ws")) as socket,
    ):

        async def say(method: str, cseq: int, to: str) -> None:
            message = (
                f"{method} sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS {HERE};branch=z9hG4bK"
                f"{method}\r\nFrom: <sip:a@b>;tag=1\r\nTo: {to}\r\nCall-ID: 7\r\n"
                f"CSeq: {cseq} {method}\r\nContact: <sip:a@{HERE};transport=ws>\r\n"
                "Content-Length: 0\r\n\r\n"
            )
            await socket.send(message.encode() if binary else message)

        await say("INVITE", 1, "<sip:x@127.0.0.1>")
        assert (await heard(socket)).status == 100  # type: ignore[union-attr]
        answer = await heard(socket)
        assert isinstance(answer, Response)
        assert answer.status == 200
        assert answer.contact is not None
        assert str(answer.contact.uri).endswith(f":{port_of(server, 'ws')};transport=ws")
        await say("ACK", 1, answer.headers.get("To") or "")
        ear = answering.ears[0]
        assert await ear.next() == Acked(None)
        ear.session.end("enough")  # its Contact names no place; the connection does
        bye = await heard(socket)
        assert isinstance(bye, Request)
        assert (bye.method, bye.via.transport) == ("BYE", "WS")
        await socket.send(bytes(bye.reply(200)).decode())
        assert isinstance(await ear.next(), Ended)


async def test_a_browser_is_called_by_the_connection_it_opened() -> None:
    async with (
        endpoint(listen="ws:127.0.0.1:0") as server,
        browser(port_of(server, "ws")) as socket,
    ):
        port = socket.local_address[1]
        ours = Ear(server.invite(f"sip:a@127.0.0.1:{port};transport=ws", sdp=b"offer"))
        invite = await heard(socket)
        assert isinstance(invite, Request)
        await socket.send(bytes(invite.reply(486, tag="9")).decode())
        event = await ours.next()
        assert isinstance(event, Refused)
        assert event.status == 486
        assert (await heard(socket)).method == "ACK"  # type: ignore[union-attr]


async def test_a_browser_that_has_gone_cannot_be_called() -> None:
    async with endpoint(listen="ws:127.0.0.1:0") as server:
        event = await Ear(server.invite("sip:a@127.0.0.1:9;transport=ws", sdp=b"")).next()
        assert isinstance(event, Refused)
        assert (event.status, event.by) == (503, "network")
        assert "cannot be called back" in event.phrase


async def test_wss_is_ws_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    path = tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    tls = {"certificate": str(path)}
    async with (
        endpoint(listen="wss:127.0.0.1:0", tls=tls) as server,
        browser(port_of(server, "wss"), ssl=trust) as socket,
    ):
        await socket.send(request("OPTIONS", "WSS", via=HERE))
        assert (await heard(socket)).via.transport == "WSS"


async def test_who_does_not_speak_sip_is_not_let_in() -> None:
    async with endpoint(listen="ws:127.0.0.1:0") as server:
        for subprotocols in (None, ["xmpp"]):
            with pytest.raises(InvalidStatus, match="400"):
                async with browser(port_of(server, "ws"), subprotocols=subprotocols):
                    pass


async def test_plain_http_is_told_what_is_spoken_here() -> None:
    async with endpoint(listen="ws:127.0.0.1:0") as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server, "ws"))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.read()
        assert re.match(rb"HTTP/1.1 426 ", answer)
        writer.close()


@pytest.mark.parametrize("fragments", [1, 5])
async def test_a_message_too_large_ends_the_connection_and_nothing_else(fragments: int) -> None:
    async with endpoint(listen="ws:127.0.0.1:0", max_message_bytes=2000) as server:
        port = port_of(server, "ws")
        async with browser(port) as socket, browser(port) as other:
            await socket.send([b"x" * (2500 // fragments)] * fragments)
            with pytest.raises(ConnectionClosed, match="1009"):
                async with asyncio.timeout(PATIENCE_S):
                    await socket.recv()
            parts = [request("OPTIONS", "WS", via=HERE)[at : at + 50] for at in range(0, 400, 50)]
            await other.send([part for part in parts if part])  # one message in fragments
            assert (await heard(other)).status == 200  # type: ignore[union-attr]


async def test_a_handshake_that_does_not_end_is_cut_off() -> None:
    async with endpoint(listen="ws:127.0.0.1:0", message_s=0.01) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server, "ws"))
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()
