"""Vapi's own TypeScript SDK, unmodified, against the gateway on the loopback: every method that it
has for assistants, calls, tools and numbers."""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.calls.ports import Order
from gateway.calls.record import CallRecord
from gateway.store import Store
from tests.api.maximal import maximal, members
from tests.api.test_official_sdk import client  # noqa: F401  # a fixture
from tests.api.test_sdk_walk import asked, ended

HERE = Path(__file__).parents[1] / "sdk-typescript"
NODE = shutil.which("node")
INSTALLED = (HERE / "node_modules" / "@vapi-ai" / "server-sdk").is_dir()
WHY_NOT = "no node here" if NODE is None else "npm could not install the SDK: scripts/setup dev"


@pytest.mark.skipif(NODE is None or not INSTALLED, reason=WHY_NOT)
async def test_the_sdk_reads_back_what_it_wrote(
    client: Any,  # noqa: F811
    store: Store,
    switchboard: Any,
    tmp_path: Path,
) -> None:
    over = ended("33333333-3333-4333-8333-333333333333", tmp_path)
    store.calls.save(over.kept())
    credential = await asked(client, "POST", "/credential", {"provider": "openai", "apiKey": "x"})
    ann = await asked(client, "POST", "/assistant", {"name": "Ann"})
    known = {"credentialId": credential["id"], "assistantId": ann["id"], "number": "+4930111111"}
    numbers = []
    for shape in members("CreatePhoneNumber"):
        number = maximal({"$ref": f"#/$defs/{shape}"})
        for name in ("squadId", "routing", "fallbackAssistantId"):
            number.pop(name, None)
        if "sipUri" in number:
            number["sipUri"] = "sip:a@example.org"
        numbers.append(number | {n: part for n, part in known.items() if n in number})
    place = switchboard.place

    async def placing(order: Order) -> CallRecord:
        record: CallRecord = await place(order)
        store.calls.save(record.model_dump(mode="json"), order.papers)
        return record

    switchboard.place = placing
    written = {
        "ended": over.id,
        "assistant": maximal({"$ref": "#/$defs/CreateAssistantDto"}),
        "tools": [maximal({"$ref": f"#/$defs/{shape}"}) for shape in members("Tool")],
        "numbers": numbers,
        "call": {
            "assistantId": ann["id"],
            "assistantOverrides": {"model": {"provider": "openai", "model": "gpt-4o"}},
            "customer": {"sipUri": "sip:alice@example.org"},
        },
    }
    walking = await asyncio.create_subprocess_exec(
        str(NODE),
        "walk.mjs",
        cwd=HERE,
        env=os.environ | {"KEY": "the-key", "BASE_URL": client._client_wrapper.get_base_url()},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await walking.communicate(json.dumps(written).encode())
    assert said == b"walked\n", complained.decode()
