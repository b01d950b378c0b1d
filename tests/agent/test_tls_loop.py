"""The agents' event loop, against a server that speaks TLS."""

import asyncio
import ssl

import pytest
import trustme
import uvloop

from gateway.agent.tls_loop import Loop


async def greeted(port: int, **options: object) -> bytes:
    reader, writer = await asyncio.open_connection("localhost", port, **options)
    try:
        return await reader.read()
    finally:
        writer.close()


async def serve(authority: trustme.CA, connections: int) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(greet, "localhost", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        for _ in range(connections):
            assert await greeted(port, ssl=True) == b"hello"
        with pytest.raises(ssl.SSLCertVerificationError):
            await greeted(port, ssl=ssl.create_default_context())  # one of somebody's own


def test_secure_connections_share_one_context(monkeypatch: pytest.MonkeyPatch) -> None:
    authority, made, real = trustme.CA(), [], ssl.create_default_context

    def trusting() -> ssl.SSLContext:
        context = real()
        authority.configure_trust(context)
        made.append(context)
        return context

    with monkeypatch.context() as patched:
        patched.setattr(ssl, "create_default_context", trusting)
        loop = Loop()
    uvloop.run(serve(authority, 3), loop_factory=lambda: loop)
    assert len(made) == 1
