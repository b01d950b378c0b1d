"""Vapi's own Python SDK, unmodified, against the gateway on the loopback."""

import asyncio
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.api.gateway_api import Api
from gateway.api.settings import ApiSettings
from gateway.calls.record import CallRecord, Status
from gateway.store import Store

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    vapi = pytest.importorskip("vapi", reason="pip install --no-deps vapi_server_sdk")


@pytest.fixture
async def client(store: Store, switchboard: Any, tmp_path: Path) -> AsyncIterator[Any]:
    settings = ApiSettings(listen="127.0.0.1:0", key=SecretStr("the-key"))
    api = Api(settings, tmp_path, store)
    await api.start(switchboard, dict)
    client = vapi.AsyncVapi(token="the-key", base_url=f"http://127.0.0.1:{api.port}")
    yield client
    await client._client_wrapper.httpx_client.httpx_client.aclose()
    await api.stop()
    await api.close()


async def test_assistants(client: Any) -> None:
    made = await client.assistants.create(
        name="Ann",
        first_message="Hello",
        model={"provider": "openai", "model": "gpt-4o", "messages": []},
        voice={"provider": "openai", "voiceId": "nova"},
        transcriber={"provider": "deepgram", "model": "nova-3"},
    )
    assert made.id
    assert made.created_at.tzinfo
    read = await client.assistants.get(made.id)
    assert read.name == "Ann"
    assert read.model.provider == "openai"
    assert [a.id for a in await client.assistants.list(limit=5)] == [made.id]
    later = await client.assistants.list(created_at_gt=made.created_at)
    assert later == []
    changed = await client.assistants.update(made.id, first_message="Hi")
    assert (changed.first_message, changed.name) == ("Hi", "Ann")
    assert (await client.assistants.delete(made.id)).id == made.id
    assert await client.assistants.list() == []


async def test_phone_numbers(client: Any) -> None:
    from vapi.phone_numbers import (
        CreatePhoneNumbersRequest_Vapi,
        UpdatePhoneNumbersRequestBody_Vapi,
    )

    made = await client.phone_numbers.create(
        request=CreatePhoneNumbersRequest_Vapi(sip_uri="sip:desk@example.org", name="Desk")
    )
    assert made.provider == "vapi"
    assert made.sip_uri == "sip:desk@example.org"
    assert (await client.phone_numbers.get(made.id)).name == "Desk"
    assert len(await client.phone_numbers.list()) == 1
    changed = await client.phone_numbers.update(
        made.id, request=UpdatePhoneNumbersRequestBody_Vapi(name="Front")
    )
    assert changed.name == "Front"
    assert (await client.phone_numbers.delete(made.id)).id == made.id


async def test_calls(client: Any, store: Store, switchboard: Any) -> None:
    assistant = await client.assistants.create(
        model={"provider": "openai", "model": "gpt-4o"}, first_message="Hi"
    )
    placed = await client.calls.create(
        assistant_id=assistant.id, customer={"sipUri": "sip:alice@example.org"}
    )
    assert placed.status == "queued"
    assert placed.customer.sip_uri == "sip:alice@example.org"
    assert len(switchboard.orders) == 1
    record = CallRecord(
        id=placed.id, direction="outbound", status=Status.ENDED, ended_reason="customer-ended-call"
    )
    store.calls.save(record.model_dump(mode="json"))
    read = await client.calls.get(placed.id)
    assert (read.status, read.ended_reason) == ("ended", "customer-ended-call")
    assert read.artifact.messages == []
    assert [c.id for c in await client.calls.list(limit=10)] == [placed.id]
    assert (await client.calls.update(placed.id, name="Named")).name == "Named"
    assert (await client.calls.delete(placed.id)).id == placed.id


async def test_errors_are_the_sdk_s_own(client: Any) -> None:
    from vapi.core.api_error import ApiError

    with pytest.raises(ApiError) as refused:
        await client.assistants.create(name="x" * 41)
    assert refused.value.status_code == 400
    assert "name must be shorter" in str(refused.value.body)
    with pytest.raises(ApiError) as missing:
        await client.assistants.get("11111111-1111-4111-8111-111111111111")
    assert missing.value.status_code == 404
    wrong = vapi.AsyncVapi(token="no", base_url=client._client_wrapper.get_base_url())
    with pytest.raises(ApiError) as locked:
        await wrong.assistants.list()
    assert locked.value.status_code == 401
    await wrong._client_wrapper.httpx_client.httpx_client.aclose()
    await asyncio.sleep(0)


async def test_squads_tools_and_files(client: Any) -> None:
    squad = await client.squads.create(members=[{"assistant": {"name": "Ann"}}], name="Desk")
    assert (await client.squads.get(squad.id)).name == "Desk"
    assert [one.id for one in await client.squads.list(limit=1)] == [squad.id]
    assert (await client.squads.update(squad.id, members=[], name="S")).name == "S"
    assert (await client.squads.delete(squad.id)).id == squad.id

    tool = await client.tools.create(request={"type": "endCall"})
    assert (await client.tools.get(tool.id)).type == "endCall"
    assert (await client.tools.update(tool.id, request={"type": "endCall"})).id == tool.id
    assert [one.id for one in await client.tools.list()] == [tool.id]
    assert (await client.tools.delete(tool.id)).id == tool.id

    upload = await client.files.create(file=("menu.txt", b"soup", "text/plain"))
    assert (await client.files.get(upload.id)).bytes == 4
    assert (await client.files.update(upload.id, name="Menu")).name == "Menu"
    assert [one.id for one in await client.files.list()] == [upload.id]
    assert (await client.files.delete(upload.id)).id == upload.id

    page = await client.phone_numbers.phone_number_controller_find_all_paginated(page=1, limit=5)
    assert (page.results, page.metadata.total_items) == ([], 0)
