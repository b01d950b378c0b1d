import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.fernet import Fernet

from gateway import fenced_http
from gateway.api.app import create_app
from gateway.api.briefs import Defaults
from gateway.api.call_view import CallView
from gateway.api.directory import StoreDirectory
from gateway.api.introductions import Introductions
from gateway.api.server_messages import Messages
from gateway.api.targets import Targets
from gateway.api.wire import Wire
from gateway.calls.ports import Listener, Order
from gateway.calls.record import CallRecord
from gateway.fence import Fence
from gateway.store import Holdings, Store
from gateway.store.tables import THE_ORG
from gateway.store.vault import Vault
from tests.api.hooks import Kept, Peer, wire

KEY = "the-key"
VAULT_KEY = Fernet.generate_key()


class FakeSwitchboard:
    """Takes every order, and keeps the calls that a test says are live."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.orders: list[Order] = []
        self.running: dict[str, CallRecord] = {}
        self.hung_up: list[str] = []
        self.paused: list[tuple[str, bool]] = []
        self.refuses: Exception | None = None
        self.steered: dict[str, Any] = {}  # what ``steer`` finds

    async def place(self, order: Order) -> CallRecord:
        if self.refuses:
            raise self.refuses
        self.orders.append(order)
        return CallRecord(
            id=str(uuid4()),
            org_id=order.org_id,
            direction="outbound",
            assistant_id=order.assistant_id,
            assistant=order.assistant,
            phone_number_id=order.phone_number_id,
            name=order.name,
            customer=order.customer.model_copy(update={"uri": order.target}),
            variables=order.variables,
        )

    def share(self, org_id: str) -> tuple[int, int]:
        return 10, len(self.running)

    def live(self, call_id: str) -> CallRecord | None:
        return self.running.get(call_id)

    def pause_recording(self, call_id: str, paused: bool) -> bool:
        self.paused.append((call_id, paused))
        return True

    def steer(self, call_id: str) -> Any:
        return self.steered.get(call_id)

    async def hang_up(self, call_id: str) -> None:
        self.hung_up.append(call_id)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite; what depends on the database is tried with both, and says so.
    ``make test-postgres`` tries everything else with Postgres, too."""
    kind = getattr(request, "param", os.environ.get("DATABASE", "sqlite"))
    if kind == "postgres":
        empty: str = request.getfixturevalue("postgres").empty()
        return empty
    return f"sqlite:///{tmp_path}/kept.db"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url, retry_s=0.001, vault=Vault(VAULT_KEY))
    await store.start()
    yield store
    await store.close()


@pytest.fixture
async def directory(store: Store) -> AsyncIterator[StoreDirectory]:
    line = wire()
    yield StoreDirectory(store, Defaults(), Messages(CallView(THE_ORG, "")), line, Targets())
    await line.close()


@pytest.fixture
def switchboard() -> FakeSwitchboard:
    return FakeSwitchboard()


@pytest.fixture
def parts() -> dict[str, str]:
    return {"sip": "ok"}


@pytest.fixture
async def api(
    store: Store, switchboard: FakeSwitchboard, parts: Mapping[str, str], tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(store, switchboard, key=KEY, state_dir=tmp_path, readiness=lambda: parts)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://gateway.test", headers=headers
    ) as client:
        yield client


@pytest.fixture
def script() -> dict[str, Any]:
    """The smallest assistant that can hold a call."""
    return {"model": {"provider": "script", "script": {}}}


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    yield peer
    server.close()
    await server.wait_closed()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def holdings(store: Store) -> Holdings:
    return store.of("1b0a5bc4-8a0b-4e5e-9d5a-0c3f0f7b3f01")


@pytest.fixture
async def defaults(holdings: Holdings) -> AsyncIterator[Defaults]:
    async def lookup(org_id: str, credential_id: str) -> Any:
        assert org_id == holdings.org_id
        stored = await holdings.credentials.get(credential_id)
        return stored.body if stored else None

    line = Wire(fenced_http.client(Fence.of(["127.0.0.0/8"])), lookup)
    yield Defaults(introductions=Introductions(line))
    await line.close()
