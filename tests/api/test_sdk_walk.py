"""Vapi's own Python SDK calls every method that it has for our resources, with objects that have
every documented field, and gets back what it wrote."""

import asyncio
import inspect
import wave
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from gateway.calls.record import CallRecord, Line, Status
from gateway.store import Store
from tests.api.maximal import maximal, members, snake
from tests.api.test_official_sdk import client  # noqa: F401  # a fixture

RESOURCES = ("assistants", "squads", "calls", "phone_numbers", "tools", "files")
# What is not here, and says so.
ABSENT = {
    "assistant_controller_validate_background_sound_url",
    "call_artifact_controller_video_recording_download",
}


# Kinds of tool that the SDK cannot create; the first is ours.
NOT_IN_SDK = ("TakeMessageTool", "HoldTool", "GhlTool", "MakeTool")


class Walked:
    """The SDK's client of one resource, which notes what is called."""

    def __init__(self, resource: Any) -> None:
        self._resource = resource
        self.left = {
            name
            for name, _ in inspect.getmembers(type(resource), inspect.isfunction)
            if not name.startswith("_")
        } - ABSENT

    def __getattr__(self, name: str) -> Any:
        self.left.discard(name)
        return getattr(self._resource, name)

    def accepts(self, name: str, written: dict[str, Any]) -> dict[str, Any]:
        """What this method has an argument for: the SDK lags behind the documentation."""
        known = inspect.signature(getattr(self._resource, name)).parameters
        return {n: part for n, part in written.items() if snake(n) in known}


@pytest.fixture
def walk(client: Any) -> Any:  # noqa: F811
    return SimpleNamespace(**{name: Walked(getattr(client, name)) for name in RESOURCES})


def spared(written: dict[str, Any]) -> dict[str, Any]:
    """What assistants nest in is small: the SDK tries every member of every union within every
    other, and takes minutes. What only we have, it does not know."""
    small = {
        "hooks": [{"on": "call.ending", "do": [{"type": "tool", "tool": {"type": "endCall"}}]}],
        "destinations": [{"type": "assistant", "assistantName": "Bob"}],
    }
    ours = ("routing", "fallbackAssistantId")
    kept = {name: small.get(name, part) for name, part in written.items() if name not in ours}
    if isinstance(kept.get("model"), dict):
        kept["model"] = kept["model"] | {"tools": [{"type": "endCall"}]}
    return kept


def arguments(written: dict[str, Any]) -> dict[str, Any]:
    return {snake(name): part for name, part in written.items()}


async def asked(client: Any, method: str, path: str, body: Any = None) -> Any:  # noqa: F811
    """What the API itself says, without the SDK's reading of it."""
    headers = client._client_wrapper.get_headers()
    async with httpx.AsyncClient(base_url=client._client_wrapper.get_base_url()) as http:
        return (await http.request(method, path, json=body, headers=headers)).json()


async def kept(client: Any, path: str) -> Any:  # noqa: F811
    return await asked(client, "GET", path)


async def test_assistants(client: Any, walk: Any) -> None:  # noqa: F811
    assistants = walk.assistants
    written = spared(assistants.accepts("create", maximal({"$ref": "#/$defs/CreateAssistantDto"})))
    made = await assistants.create(**arguments(written))
    assert (await kept(client, f"/assistant/{made.id}")).items() >= written.items()
    read = await assistants.get(made.id)
    assert read.start_speaking_plan.wait_seconds == written["startSpeakingPlan"]["waitSeconds"]
    assert read.model.provider == written["model"]["provider"]
    assert (await assistants.update(made.id, name="New")).name == "New"
    assert [one.id for one in await assistants.list()] == [made.id]
    assert (await assistants.delete(made.id)).id == made.id
    assert not assistants.left


async def test_squads(client: Any, walk: Any) -> None:  # noqa: F811
    squads = walk.squads
    written = maximal({"$ref": "#/$defs/CreateSquadDto"})
    written["membersOverrides"] = spared(written["membersOverrides"])
    written["members"] = [{"assistantId": "an id"}, {"assistant": {"name": "Ann"}}]
    made = await squads.create(**arguments(squads.accepts("create", written)))
    assert (await kept(client, f"/squad/{made.id}"))["members"] == written["members"]
    read = await squads.get(made.id)
    assert read.members[1].assistant.name == "Ann"
    assert [one.id for one in await squads.list(limit=1)] == [made.id]
    assert (await squads.update(made.id, members=read.members, name="S")).name == "S"
    assert (await squads.delete(made.id)).id == made.id
    assert not squads.left


async def test_tools(client: Any, walk: Any) -> None:  # noqa: F811
    for shape in members("Tool"):
        if shape in NOT_IN_SDK:
            continue
        written = spared(maximal({"$ref": f"#/$defs/{shape}"}))
        tool = await walk.tools.create(request=written)
        assert (await kept(client, f"/tool/{tool.id}")).items() >= written.items()
        assert (await walk.tools.get(tool.id)).type == written["type"]
    (last,) = await walk.tools.list(limit=1)
    assert (await walk.tools.update(last.id, request={"type": last.type})).id == last.id
    assert (await walk.tools.delete(last.id)).id == last.id
    assert not walk.tools.left


async def test_phone_numbers(client: Any, walk: Any) -> None:  # noqa: F811
    numbers = walk.phone_numbers
    ann = await client.assistants.create(name="Ann")
    squad = await client.squads.create(members=[])
    credential = await asked(client, "POST", "/credential", {"provider": "openai", "apiKey": "x"})
    for shape in members("CreatePhoneNumber"):
        written = spared(maximal({"$ref": f"#/$defs/{shape}"}))
        known = {"assistantId": ann.id, "squadId": squad.id, "sipUri": "sip:a@example.org",
                 "number": "+4930111111", "credentialId": credential["id"]}  # fmt: skip
        written |= {name: part for name, part in known.items() if name in written}
        made = await numbers.create(request=written)
        assert (await kept(client, f"/phone-number/{made.id}")).items() >= written.items()
        assert (await numbers.get(made.id)).provider == written["provider"]
        changed = await numbers.update(made.id, request=written | {"name": "New"})
        assert changed.name == "New"
        assert [one.id for one in await numbers.list()] == [made.id]
        page = await numbers.phone_number_controller_find_all_paginated(page=1, limit=5)
        assert [one.id for one in page.results] == [made.id]
        assert (await numbers.delete(made.id)).id == made.id
    assert not numbers.left


async def test_files(walk: Any) -> None:
    files = walk.files
    made = await files.create(file=("menu.txt", b"soup", "text/plain"))
    assert (await files.get(made.id)).bytes == 4
    assert (await files.update(made.id, name="Menu")).name == "Menu"
    assert [one.id for one in await files.list()] == [made.id]
    assert (await files.delete(made.id)).id == made.id
    assert not files.left


async def test_calls(walk: Any, store: Store, tmp_path: Path, switchboard: Any) -> None:
    calls = walk.calls
    placed = await calls.create(
        assistant={"model": {"provider": "openai", "model": "gpt-4o"}, "firstMessage": "Hi"},
        assistant_overrides={"variableValues": {"name": "Ann"}},
        customer={"sipUri": "sip:alice@example.org", "name": "Alice", "extension": "12"},
        name="Named",
    )
    assert (placed.status, placed.customer.name) == ("queued", "Alice")
    assert switchboard.orders[0].variables == {"name": "Ann"}
    record = ended(placed.id, tmp_path)
    store.calls.save(record.model_dump(mode="json"))
    read = await calls.get(placed.id)
    assert (read.status, read.ended_reason) == ("ended", "customer-ended-call")
    assert [m.role for m in read.artifact.messages] == ["bot"]
    assert [one.id for one in await calls.list(limit=10)] == [placed.id]
    assert (await calls.update(placed.id, name="Renamed")).name == "Renamed"
    for name in sorted(calls.left):
        if name.endswith("_download"):
            await getattr(calls, name)(placed.id)  # it gives nothing back, but raises a refusal
    assert (await calls.delete(placed.id)).id == placed.id
    assert not calls.left


def ended(call_id: str, state_dir: Path) -> CallRecord:
    """With all that a call can leave behind."""
    sound = state_dir / "recordings" / "one.wav"
    sound.parent.mkdir()
    with wave.open(str(sound), "wb") as file:
        file.setparams((2, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(1280))
    (state_dir / "one.pcap").write_bytes(b"packets")
    now = datetime.now(UTC)
    return CallRecord(
        id=call_id,
        direction="outbound",
        status=Status.ENDED,
        ended_reason="customer-ended-call",
        recording="recordings/one.wav",
        capture="one.pcap",
        started_at=now,
        ended_at=now,
        transcript=[Line(role="assistant", text="Hi", at=now, began_s=0.0, ended_s=0.5)],
    )


@pytest.fixture
def blocking(client: Any) -> Any:  # noqa: F811
    """The SDK's other client, which waits."""
    import vapi

    wrapper = client._client_wrapper
    return vapi.Vapi(token="the-key", base_url=wrapper.get_base_url())


def test_the_blocking_client_has_the_same_methods(blocking: Any, client: Any) -> None:  # noqa: F811
    for name in RESOURCES:
        both = [Walked(getattr(one, name)).left for one in (client, blocking)]
        assert both[0] == both[1]


async def test_the_blocking_client_s_every_method(
    blocking: Any, store: Store, tmp_path: Path, switchboard: Any
) -> None:
    over = ended("33333333-3333-4333-8333-333333333333", tmp_path)
    store.calls.save(over.kept())
    walk = SimpleNamespace(**{name: Walked(getattr(blocking, name)) for name in RESOURCES})

    def use() -> None:
        ann = walk.assistants.create(name="Ann", model={"provider": "openai", "model": "gpt-4o"})
        number = {"provider": "vapi", "sipUri": "sip:a@example.org"}
        placed = walk.calls.create(assistant_id=ann.id, customer={"sipUri": "sip:a@b.test"})
        assert placed.status == "queued"
        for name in sorted(walk.calls.left):
            if name.endswith("_download"):
                getattr(walk.calls, name)(over.id)
        squad, members_ = walk.squads.create(members=[]), [{"assistantId": ann.id}]
        for resource, made, change in (
            (walk.squads, squad, {"members": members_, "name": "B"}),
            (walk.tools, walk.tools.create(request={"type": "endCall"}), {}),
            (walk.files, walk.files.create(file=("a.txt", b"soup", "text/plain")), {"name": "B"}),
            (walk.phone_numbers, walk.phone_numbers.create(request=number), {"name": "B"}),
            (walk.assistants, ann, {"name": "B"}),
            (walk.calls, over, {"name": "B"}),
        ):
            assert resource.get(made.id).id == made.id
            assert [one.id for one in resource.list()] == [made.id]
            if resource is walk.tools or resource is walk.phone_numbers:
                kind = {"type": "endCall"} if resource is walk.tools else {"provider": "vapi"}
                changed = resource.update(made.id, request=kind | change)
            else:
                changed = resource.update(made.id, **change)
            assert getattr(changed, "name", None) == change.get("name")
            if resource is walk.phone_numbers:
                page = resource.phone_number_controller_find_all_paginated(page=1, limit=5)
                assert [one.id for one in page.results] == [made.id]
            assert resource.delete(made.id).id == made.id
            assert resource.list() == []
        assert [name for name, resource in vars(walk).items() if resource.left] == []
        blocking._client_wrapper.httpx_client.httpx_client.close()

    await asyncio.to_thread(use)


async def test_paths_of_older_clients_and_pages(client: Any, store: Store) -> None:  # noqa: F811
    order = {
        "assistant": {"model": {"provider": "openai", "model": "gpt-4o"}},
        "customer": {"sipUri": "sip:al@example.org"},
    }
    placed = await asked(client, "POST", "/call/phone", order)
    assert placed["status"] == "queued"
    over = CallRecord(id=placed["id"], direction="outbound", status=Status.ENDED)
    store.calls.save(over.kept())
    page = await kept(client, "/v2/call?limit=5")
    assert [one["id"] for one in page["results"]] == [placed["id"]]
    assert page["metadata"]["totalItems"] == 1
    for path in ("/v2/assistant", "/v2/tool", "/v2/squad"):
        assert (await kept(client, path))["results"] == []


async def test_numbers_are_searched_by_name_number_and_uri(client: Any) -> None:  # noqa: F811
    for number in (
        {"provider": "vapi", "sipUri": "sip:sales@pbx.example.org", "name": "100% Sales"},
        {"provider": "byo-phone-number", "number": "+4930123456", "name": "Berlin"},
        {"provider": "vapi", "sipUri": "sip:desk@pbx.example.org"},
    ):
        await asked(client, "POST", "/phone-number", number)
    searched = client.phone_numbers.phone_number_controller_find_all_paginated
    for text, count in (("SALES", 1), ("3012", 1), ("pbx.example", 2), ("0%", 1), ("_", 0)):
        page = await searched(search=text)
        assert page.metadata.total_items == len(page.results) == count, text
