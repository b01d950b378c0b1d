"""The server as a guest in the daemon's loop."""

import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from gateway.api.gateway_api import Api
from gateway.api.server import Server
from gateway.api.settings import ApiSettings
from gateway.errors import ConfigError
from gateway.store import Store

HERE = ApiSettings(listen="127.0.0.1:0", key=SecretStr("the-key"))


@pytest.fixture
def taken() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


async def test_it_answers_and_leaves_nothing_behind(
    store: Store, switchboard: Any, tmp_path: Path
) -> None:
    before = {signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    tasks = asyncio.all_tasks()
    api = Api(HERE, tmp_path, store)
    await api.start(switchboard, lambda: {"sip": "ok"})
    assert api.webhooks in switchboard.listeners
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api.port}") as client:
        assert (await client.get("/health/ready")).status_code == 200
        assert (await client.get("/assistant")).status_code == 401
        key = {"Authorization": f"Bearer {api.key}"}
        assert (await client.get("/assistant", headers=key)).json() == []
    assert {signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)} == before
    await api.stop()
    await api.close()
    assert asyncio.all_tasks() == tasks
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", api.port)).close()


async def test_a_taken_port_is_named_and_by_whom(taken: int) -> None:
    settings = ApiSettings(listen=f"127.0.0.1:{taken}")
    server = Server(FastAPI(), settings, lambda kind, port: f"nginx (process {port})")
    with pytest.raises(ConfigError, match=f"TCP port {taken} is taken by nginx"):
        await server.start()
    with pytest.raises(ConfigError, match=f"TCP port {taken} is taken; stop"):
        await Server(FastAPI(), settings).start()


async def test_an_address_of_another_machine_is_named() -> None:
    server = Server(FastAPI(), ApiSettings(listen="192.0.2.1:8080"))
    with pytest.raises(ConfigError, match=r"has no address 192\.0\.2\.1"):
        await server.start()


@pytest.mark.parametrize("listen", ["8080", "host:", "host:x", "host:70000", "::1:8080", "h:٣"])
def test_a_listening_address_that_is_none_is_refused(listen: str) -> None:
    with pytest.raises(ValidationError):
        ApiSettings(listen=listen)


@pytest.mark.parametrize(
    ("listen", "public_url", "link"),
    [
        ("0.0.0.0:8080", "", "http://localhost:8080"),
        ("192.0.2.7:80", "", "http://192.0.2.7:80"),
        ("[::1]:80", "", "http://[::1]:80"),
        ("0.0.0.0:8080", "https://voice.example.org/", "https://voice.example.org"),
    ],
)
def test_links_begin_with_the_public_address(listen: str, public_url: str, link: str) -> None:
    assert ApiSettings(listen=listen, public_url=public_url).link_url == link
