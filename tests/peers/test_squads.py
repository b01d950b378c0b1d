"""A number's server names a squad, and its members hand a real call over to one another."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.hooks import Peer
from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers


@pytest.fixture
async def owner() -> AsyncIterator[Peer]:
    """Its number's server."""
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    yield peer
    server.close()
    await server.wait_closed()


def member(name: str, to: str, key: str, **more: Any) -> dict[str, Any]:
    tool = {"name": f"handoff_to_{to}", "arguments": {}}
    rules = [
        {"keys": [key], "say": f"Wait, I call {to}.", "tool": tool},
        {"keys": ["7"], "say": f"{name} is here."},
    ]
    script = {"start": "a", "states": {"a": {"rules": rules}}}
    assistant = {
        "name": name,
        "firstMessage": f"Hello, I am {name}.",
        "model": {"provider": "script", "script": script},
        "voice": {"provider": "embedded", "voiceId": "en-us" if name == "Ann" else "en-gb"},
        "keypadInputPlan": {"enabled": True, "timeoutSeconds": 1},
    }
    way = {"type": "assistant", "assistantName": to, **more}
    return {"assistant": assistant, "assistantDestinations": [way]}


async def test_a_squad_holds_a_call_one_after_the_other_also_past_a_killed_process(
    tmp_path: Path, owner: Peer
) -> None:
    plan = {"contextEngineeringPlan": {"type": "none"}}
    squad = {"members": [member("Ann", "Bob", "1", **plan), member("Bob", "Ann", "2", **plan)]}
    overrides = {"assistantOverrides": {"variableValues": {"who": "Al"}}}
    owner.answers.append((200, json.dumps({"squad": squad, **overrides}).encode()))
    (tmp_path / "phone").mkdir()
    async with Daemon(tmp_path / "gateway") as gateway, Softphone(tmp_path / "phone") as phone:
        number = {"provider": "vapi", "sipUri": gateway.uri("desk"), "server": {"url": owner.url}}
        assert (await gateway.api.post("/phone-number", json=number)).status_code == 201
        call = await phone.dial(gateway.uri("desk"), headers={"X-Tier": "gold"})
        await call.confirmed()
        await gateway.until_said("Hello, I am Ann.")
        await call.press("1")
        await gateway.until_said("Hello, I am Bob.")
        os.kill(min(processes(gateway.child.pid, b"gateway.agent.process")), signal.SIGKILL)
        async with asyncio.timeout(30):
            while "an agent process died" not in gateway.log():
                await asyncio.sleep(0.05)
        for within_s in (5, 10, 20, 40):  # a key that meets nobody is lost, as on any phone
            await call.press("7")
            with contextlib.suppress(AssertionError):
                await gateway.until_said("Bob is here.", within_s)
                break
        await call.hang_up()
        await call.disconnected()
        (record,) = await gateway.ended_calls(1)
    asked = owner.messages[0]
    assert asked["type"] == "assistant-request"
    assert asked["call"]["id"] == record["id"]
    assert asked["call"]["status"] == "ringing"
    assert record["endedReason"] == "customer-ended-call"
    held = [one["assistantName"] for one in record["artifact"]["assistantActivations"]]
    assert held == ["Ann", "Bob"]
    values = record["artifact"]["variableValues"]
    assert (values["Tier"], values["who"]) == ("gold", "Al")
    assert "Bob is here." in [m["message"] for m in record["messages"] if m["role"] == "bot"]
    assert "handoff" in [e["what"] for e in record["artifact"]["trunkline"]["events"]]


def processes(parent: int, word: bytes) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            of = int(path.read_text().rpartition(")")[2].split()[1])
            if of == parent and word in (path.parent / "cmdline").read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
