"""Calls that wait for room or for their time, over an end of the daemon: none is dialled twice,
none is forgotten."""

import asyncio
import json
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.peers.daemon import Daemon

pytestmark = pytest.mark.peers

ASSISTANT = {"model": {"provider": "script", "script": {"start": "a", "states": {"a": {}}}}}
ONE_AT_ONCE = {"GATEWAY_CALLS__CONCURRENCY": "1"}
WITHIN_S = 60.0


class Callees(asyncio.DatagramProtocol):
    """Whoever is called is busy; the users in ``ringing`` do not answer at all."""

    def __init__(self) -> None:
        self.port = 0
        self.ringing: set[str] = set()
        self.called: Counter[str] = Counter()  # INVITEs by user, none counted twice
        self._known: set[str] = set()
        self.news = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, peer: Any) -> None:
        text = data.decode()
        method = text.split(" ", 1)[0]
        user = re.match(r"\w+ sip:([^@]+)@", text)
        call_id = re.search(r"(?im)^Call-ID: (.*)\r$", text)
        if method == "ACK" or not user or not call_id:
            return
        if method == "INVITE" and call_id[1] not in self._known:
            self._known.add(call_id[1])
            self.called[user[1]] += 1
            self.news.set()
        if method != "INVITE":
            self._answer(text, "200 OK", peer)
        if method == "INVITE" and user[1] in self.ringing:
            self._answer(text, "180 Ringing", peer)
        elif method in ("INVITE", "CANCEL"):
            final = "486 Busy Here" if method == "INVITE" else "487 Request Terminated"
            self._answer(text.replace("CSeq: 1 CANCEL", "CSeq: 1 INVITE"), final, peer)

    def _answer(self, request: str, status: str, peer: Any) -> None:
        kept = re.findall(r"(?im)^(?:Via|From|Call-ID|CSeq|Record-Route):.*\r$", request)
        to = re.search(r"(?im)^To:.*\r$", request)
        assert to
        tagged = to[0].rstrip("\r") + ("" if ";tag=" in to[0] else ";tag=callee") + "\r"
        lines = [f"SIP/2.0 {status}\r", *kept, tagged, "Content-Length: 0\r", "\r", ""]
        self._transport.sendto("\n".join(lines).encode(), peer)

    async def until(self, true: Any) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not true():
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def callees() -> AsyncIterator[Callees]:
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(Callees, local_addr=("127.0.0.1", 0))
    try:
        yield made
    finally:
        transport.close()
        await asyncio.sleep(0)  # it is closed by the loop's next round


async def place(gateway: Daemon, peer: Callees, *users: str, **more: Any) -> None:
    customers = [{"sipUri": f"sip:{user}@127.0.0.1:{peer.port}"} for user in users]
    body = {"assistant": ASSISTANT, "customers": customers, **more}
    answer = await gateway.api.post("/call", json=body)
    assert answer.status_code == 201, answer.text
    assert len(answer.json()["results"]) == len(users), answer.text


async def by_user(gateway: Daemon) -> dict[str, dict[str, Any]]:
    calls = await gateway.get("/call?limit=1000")
    return {call["customer"]["sipUri"][4:].partition("@")[0]: call for call in calls}


async def leave(gateway: Daemon, how: str) -> None:
    if how == "killed":
        await gateway.kill()
        return
    gateway.child.terminate()
    async with asyncio.timeout(WITHIN_S):
        while (await gateway.api.get("/health/ready")).status_code != 503:
            await asyncio.sleep(0.02)
    gateway.child.terminate()  # not waiting for who is rung
    assert await gateway.child.ended(WITHIN_S) == 0


def make_overdue(state: Path, user: str) -> None:
    """As if the gateway had been away for so long."""
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    with closing(sqlite3.connect(state / "trunkline.db")) as database, database:
        for id_, text in database.execute("select id, record from calls").fetchall():
            record = json.loads(text)
            if user in record["dialled"]:
                record |= {"earliest_at": past, "latest_at": past}
                values = (json.dumps(record), id_)
                database.execute("update calls set record = ? where id = ?", values)


@pytest.mark.parametrize("how", ["told to leave", "killed"])
async def test_calls_that_wait_outlive_the_daemon_and_are_dialled_once(
    tmp_path: Path, how: str
) -> None:
    later = {"schedulePlan": {"earliestAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}}
    soon = {"schedulePlan": later["schedulePlan"] | {
        "latestAt": (datetime.now(UTC) + timedelta(hours=2)).isoformat()}}  # fmt: skip
    async with callees() as peer:
        peer.ringing = {"first"}
        async with Daemon(tmp_path / "gateway", ONE_AT_ONCE) as gateway:
            await place(gateway, peer, "first", "second", "third", "fourth")
            await place(gateway, peer, "later", **later)
            await place(gateway, peer, "overdue", **soon)
            await peer.until(lambda: peer.called["first"])
            shown = await by_user(gateway)
            assert {user: call["status"] for user, call in shown.items()} == {
                "first": shown["first"]["status"], "second": "queued", "third": "queued",
                "fourth": "queued", "later": "scheduled", "overdue": "scheduled",
            }  # fmt: skip
            assert shown["first"]["status"] in ("queued", "ringing")
            await leave(gateway, how)
            gateway.killed = True
        assert set(peer.called) == {"first"}
        make_overdue(tmp_path / "gateway" / "state", "overdue")
        async with Daemon(tmp_path / "gateway", ONE_AT_ONCE) as gateway:
            await peer.until(lambda: len(peer.called) == 4)
            async with asyncio.timeout(WITHIN_S):
                while True:
                    shown = await by_user(gateway)
                    if sum(call["status"] == "ended" for call in shown.values()) == 5:
                        break
                    await asyncio.sleep(0.05)
            assert shown["later"]["status"] == "scheduled"
            reasons = {user: call.get("endedReason") for user, call in shown.items()}
            first = {
                "told to leave": "worker-shutdown",
                "killed": "call.in-progress.error-vapifault-worker-died",
            }[how]
            assert reasons == {
                "first": first,
                "second": "customer-busy",
                "third": "customer-busy",
                "fourth": "customer-busy",
                "overdue": "call.start.error-vapifault-worker-not-available",
                "later": None,
            }
    assert peer.called == dict.fromkeys(("first", "second", "third", "fourth"), 1)
