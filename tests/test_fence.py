"""URLs that others wrote lead to public addresses only, or to where the operator allows."""

import asyncio
import socket
from typing import Any

import httpx
import pytest

from gateway.fence import Fence
from gateway.fenced_http import client

HOME = Fence.of(["127.0.0.0/8", "10.1.0.0/16", "fd00::/8"])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1",
        "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused(address: str) -> None:
    assert "not a public address" in Fence().objection(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_what_is_public_is_not(address: str) -> None:
    assert Fence().objection(address) == ""


def test_the_operator_opens_networks() -> None:
    for address in ("127.0.0.1", "10.1.2.3", "fd00::5", "::ffff:10.1.2.3"):
        # A mapped address is no public one itself; only what it stands for counts.
        assert HOME.objection(address) == "", address
    assert HOME.objection("10.2.0.1")
    with pytest.raises(ValueError, match="nowhere"):
        Fence.of(["nowhere"])


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


async def test_a_name_is_resolved_once_and_its_address_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asked: list[str] = []
    addresses = ["127.0.0.1"]

    async def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with server, client(HOME) as inside, client(Fence()) as outside:
        answered = await inside.get(f"http://innocent.example:{port}/")
        assert answered.status_code == 302  # and it is not followed
        assert asked == ["innocent.example"]
        with pytest.raises(httpx.ConnectError, match=r"innocent.example may not be reached: 127"):
            await outside.get(f"http://innocent.example:{port}/")
        addresses[:] = ["8.8.8.8", "10.2.0.1"]
        with pytest.raises(httpx.ConnectError, match=r"10\.2\.0\.1"):
            await inside.get(f"http://innocent.example:{port}/")


async def test_a_name_that_is_none_is_an_error_of_its_own() -> None:
    async with client(Fence()) as outside:
        for url in ("http://does-not-exist.invalid/", "http://\u0080/"):
            with pytest.raises((httpx.ConnectError, httpx.InvalidURL)):
                await outside.get(url)
