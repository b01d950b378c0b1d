"""The connections below OpenAI's SDK, over loopback: what the SDK's own ones do, these do."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx2
import pytest
import trustme
import uvloop

from gateway.speech.vendors import openai_network
from gateway.speech.vendors.openai_network import KEPT, Network, client

LIMITS = httpx2.Limits(max_connections=10, max_keepalive_connections=10, keepalive_expiry=60)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(peer: Peer, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server; a connection is closed when ``peer`` has returned, and at the latest here."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await peer(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def answering(answers: int) -> tuple[Peer, list[asyncio.StreamWriter]]:
    """A server that closes each connection after so many answers; and its connections."""
    connections: list[asyncio.StreamWriter] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError):
            for _ in range(answers):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(ANSWER)

    return peer, connections


@pytest.mark.parametrize("answers", [1, 3])
async def test_a_connection_serves_until_the_other_side_closes_it(answers: int) -> None:
    peer, connections = answering(answers)
    async with listening(peer) as port, client(LIMITS, 30.0) as http:
        for count in range(1, 7):
            answer = await http.get(f"http://127.0.0.1:{port}/")
            assert answer.text == "ok"
            pool = vars(http)["_transport"]._pool
            while count % answers == 0 and not pool.connections[0].has_expired():
                await asyncio.sleep(0)
        assert len(connections) == 6 // answers


async def test_tls_is_held_against_the_authorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    peer, connections = answering(2)
    async with listening(peer, tls) as port:
        async with client(LIMITS, 30.0) as http:
            with pytest.raises(httpx2.ConnectError):
                await http.get(f"https://127.0.0.1:{port}/")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        async with client(LIMITS, 30.0) as http:
            for _ in range(2):
                assert (await http.get(f"https://127.0.0.1:{port}/")).text == "ok"
        assert len(connections) == 1


async def test_who_is_not_read_has_to_wait() -> None:
    size = 40 * KEPT
    written = asyncio.Event()

    async def peer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(size))
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            written.set()

    async with listening(peer) as port:
        stream = await Network().connect_tcp("127.0.0.1", port, timeout=30.0)
        got = len(await stream.read(65536, timeout=30.0))
        while (data := await stream.read(65536, timeout=30.0)) and not written.is_set():
            assert stream.get_extra_info("is_readable") in (True, False)
            got += len(data)
            held = vars(stream)["_data"]
            assert len(held) < 2 * KEPT
        got += len(data)
        while data := await stream.read(1 << 20, timeout=30.0):
            got += len(data)
        assert got == size
        await stream.aclose()


async def test_silence_and_a_cut_are_told_apart() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if await reader.readexactly(3) == b"cut":
            writer.transport.abort()
        await reader.read()

    async with listening(peer) as port, client(LIMITS, 0.2) as http:
        with pytest.raises(httpx2.ReadTimeout):
            await http.post(f"http://127.0.0.1:{port}/", content=b"wait")
        with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
            await http.post(f"http://127.0.0.1:{port}/", content=b"cut", timeout=30.0)


async def test_nobody_there_is_no_timeout() -> None:
    async with listening(answering(1)[0]) as port:
        pass
    async with client(LIMITS, 30.0) as http:
        with pytest.raises(httpx2.ConnectError):
            await http.get(f"http://127.0.0.1:{port}/")


async def test_an_address_that_does_not_answer_is_left_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peer, connections = answering(1)
    loop = asyncio.get_running_loop()

    async def two(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1")]

    async with listening(peer) as port, client(LIMITS, 30.0) as http:
        with monkeypatch.context() as patched:
            patched.setattr(loop, "getaddrinfo", two)
            assert (await http.get(f"http://vendor.test:{port}/")).text == "ok"
    assert len(connections) == 1


def test_the_same_under_uvloop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop of agent processes."""
    for work in (
        test_a_connection_serves_until_the_other_side_closes_it(1),
        test_a_connection_serves_until_the_other_side_closes_it(3),
        test_tls_is_held_against_the_authorities(tmp_path, monkeypatch),
        test_who_is_not_read_has_to_wait(),
        test_silence_and_a_cut_are_told_apart(),
        test_nobody_there_is_no_timeout(),
        test_an_address_that_does_not_answer_is_left_for_the_next(monkeypatch),
    ):
        uvloop.run(work)


def test_proxies_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_network, "_Transport", lambda _: pytest.fail("past the proxy"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert client(LIMITS, 1.0)
