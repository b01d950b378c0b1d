"""Saved tools take the place of their ids when a call begins."""

from typing import Any

import httpx
import pytest

from gateway.api.directory import StoreDirectory
from gateway.calls.ports import Route
from gateway.calls.record import Party
from gateway.store import Store
from tests.api.conftest import FakeSwitchboard

GONE = "11111111-1111-4111-8111-111111111111"


def a_tool(name: str) -> dict[str, Any]:
    return {"type": "apiRequest", "name": name, "method": "GET", "url": "https://x.test/"}


async def test_ids_refs_and_hooks_name_saved_tools(
    store: Store, directory: StoreDirectory, script: dict[str, Any]
) -> None:
    one, two, three = [
        (await store.tools.create(a_tool(name))).id for name in ("one", "two", "three")
    ]
    model = script["model"] | {
        "tools": [{"type": "endCall"}],
        "toolIds": [one, two],
        "toolRefs": [{"toolId": two, "version": "v1"}],
    }
    hooks = [{"on": "customer.speech.timeout", "do": [{"type": "tool", "toolId": three}]}]
    assistant = await store.assistants.create({"model": model, "hooks": hooks})
    await store.phone_numbers.create({"number": "+4930111", "assistantId": assistant.id})
    route = await directory.find("+4930111", "here", {}, Party())
    assert isinstance(route, Route)
    assert [tool.name for tool in route.brief.tools] == ["endCall", "one", "two"]
    assert [tool.name for tool in route.brief.hook_tools] == ["three"]
    assert route.brief.tools[1].written["url"] == "https://x.test/"


async def test_one_that_is_not_there_is_left_out_of_a_call_that_comes_in(
    store: Store,
    directory: StoreDirectory,
    script: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    stranger = await store.of("another").tools.create(a_tool("strange"))
    own = await store.tools.create(a_tool("own"))
    ids = [stranger.id, GONE, own.id]
    assistant = await store.assistants.create({"model": script["model"] | {"toolIds": ids}})
    await store.phone_numbers.create({"number": "+4930111", "assistantId": assistant.id})
    route = await directory.find("+4930111", "here", {}, Party())
    assert isinstance(route, Route)
    assert [tool.name for tool in route.brief.tools] == ["own"]
    assert f"assistant.model.toolIds {stranger.id} does not exist" in caplog.text
    assert f"assistant.model.toolIds {GONE} does not exist" in caplog.text


async def test_a_call_is_not_placed_with_one_that_is_not_there(
    api: httpx.AsyncClient, switchboard: FakeSwitchboard, store: Store
) -> None:
    stranger = await store.of("another").tools.create(a_tool("strange"))
    body = {
        "assistant": {"model": {"provider": "openai", "model": "o3", "toolIds": [stranger.id]}},
        "customer": {"sipUri": "sip:a@b.test"},
    }
    answer = await api.post("/call", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"] == [f"assistant.model.toolIds {stranger.id} does not exist"]
    assert switchboard.orders == []
