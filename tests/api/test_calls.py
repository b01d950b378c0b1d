"""``/call``: placing, reading, listing, renaming, deleting."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateway.calls.ports import CallRefused, OutOfOrder
from gateway.calls.record import CallRecord, Event, Line, Party, Status, Turn
from gateway.errors import NoRoom
from gateway.store import Store

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALICE = {"sipUri": "sip:alice@example.org", "name": "Alice"}
NOBODY = "00000000-0000-4000-8000-000000000000"


def line(role: Any, text: str, began_s: float, ended_s: float, **extra: Any) -> Line:
    at = BEGAN + timedelta(seconds=began_s)
    return Line(role=role, text=text, at=at, began_s=began_s, ended_s=ended_s, extra=extra)


def a_call(**more: Any) -> CallRecord:
    values: dict[str, Any] = {
        "id": str(uuid4()),
        "direction": "inbound",
        "status": Status.ENDED,
        "customer": Party(uri="sip:+14155550100@carrier.example", number="+14155550100"),
        "dialled": "desk",
        "created_at": BEGAN - timedelta(seconds=1),
        "updated_at": BEGAN + timedelta(seconds=9),
        "answered_at": BEGAN,
        "ended_at": BEGAN + timedelta(seconds=9),
        "ended_reason": "customer-ended-call",
        "variables": {"name": "Ann"},
        "transcript": [
            line("assistant", "Hello.", 0.5, 1.25),
            line("user", "What time is it?", 2, 3),
            line("tool_call", '{"zone": "UTC"}', 3.5, 3.5, id="t1", name="clock"),
            line("tool_result", "3 o'clock", 3.6, 3.6, id="t1", ok=True),
            line("assistant", "It is three.", 4, 5),
        ],
        "turns": [
            Turn(
                number=1,
                total_ms=900,
                own_ms=30,
                segments=[
                    ("end_of_speech_wait", 400),
                    ("transcriber", 100),
                    ("model_first_token", 200),
                    ("voice_first_audio", 170),
                    ("wire", 30),
                ],
            )
        ],
        "events": [Event(at=BEGAN, what="answered")],
    }
    return CallRecord(**{**values, **more})


def keep(store: Store, record: CallRecord, papers: dict[str, Any] | None = None) -> None:
    store.calls.save(record.model_dump(mode="json"), papers or {})


async def test_a_call_to_a_sip_uri_is_placed_and_returned_at_once(
    api: httpx.AsyncClient, switchboard: Any, script: dict[str, Any]
) -> None:
    assistant = (await api.post("/assistant", json={**script, "firstMessage": "Hi"})).json()
    number = {"provider": "byo-phone-number", "number": "+14155550111"}
    phone = (await api.post("/phone-number", json=number)).json()
    overrides = {"firstMessage": "Ho {{who}}", "variableValues": {"who": "Al", "n": 1}}
    answer = await api.post(
        "/call",
        json={
            "assistantId": assistant["id"],
            "assistantOverrides": overrides,
            "phoneNumberId": phone["id"],
            "name": "A test",
            "customer": {
                **ALICE,
                "extension": "12",
                "assistantOverrides": {"variableValues": {"n": 2}, "endCallMessage": "Bye"},
            },
        },
    )
    assert answer.status_code == 201
    call = answer.json()
    assert call["status"] == "queued"
    assert call["type"] == "outboundPhoneCall"
    assert call["assistantId"] == assistant["id"]
    assert call["phoneNumberId"] == phone["id"]
    assert call["assistantOverrides"] == overrides
    assert call["customer"]["sipUri"] == ALICE["sipUri"]
    assert "assistant" not in call
    (order,) = switchboard.orders
    assert order.target == ALICE["sipUri"]
    assert order.brief.greeting == "Ho {{who}}"
    assert order.brief.end_message == "Bye"
    assert order.variables == {"who": "Al", "n": 2}
    assert (order.caller, order.extension, order.name) == ("+14155550111", "12", "A test")
    assert order.customer.name == "Alice"
    assert order.papers["assistant"]["firstMessage"] == "Ho {{who}}"


async def test_a_transient_assistant_is_used_and_shown(
    api: httpx.AsyncClient, switchboard: Any, script: dict[str, Any]
) -> None:
    body = {"assistant": script, "customer": {"number": "+14155550100"}}
    call = (await api.post("/call", json=body)).json()
    assert call["assistant"] == script
    assert "assistantId" not in call
    assert switchboard.orders[0].target == "+14155550100"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"customer": ALICE}, "assistantId should not be empty"),
        ({"assistant": {}, "assistantId": NOBODY, "customer": ALICE}, "should not both be given"),
        ({"assistantId": NOBODY, "customer": ALICE}, f"assistantId {NOBODY} does not exist"),
        ({"assistantId": "x", "customer": ALICE}, "assistantId must be a UUID"),
        ({"assistant": {}, "customer": {}}, "customer.sipUri should not be empty"),
        ({"assistant": {}}, "customer.sipUri should not be empty"),
        ({"assistant": {}, "customer": {"sipUri": "alice"}}, "customer.sipUri must be a SIP URI"),
        ({"assistant": {}, "customer": {"number": "0123"}}, "customer.number must be a phone"),
        ({"assistant": {"foo": 1}, "customer": ALICE}, "assistant.property foo should not exist"),
        ({"squadId": NOBODY, "customer": ALICE}, f"squadId {NOBODY} does not exist"),
        ({"squad": {"members": []}, "customer": ALICE}, "squad.members should not be empty"),
        ({"assistant": {}, "customer": ALICE, "customers": [ALICE]}, "should not both be given"),
        ({"assistant": {}, "customer": ALICE, "phoneNumberId": NOBODY}, "phoneNumberId"),
        ({"assistant": {}, "customer": ALICE, "nonsense": 1}, "property nonsense should not exist"),
    ],
)
async def test_a_call_that_cannot_be_meant_is_refused(
    api: httpx.AsyncClient, switchboard: Any, body: dict[str, Any], said: str
) -> None:
    answer = await api.post("/call", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["message"][0]
    assert switchboard.orders == []


PLANS: list[tuple[dict[str, Any], str]] = [
    ({"earliestAt": "soon"}, "schedulePlan.earliestAt must be"),
    ({"earliestAt": "2030-13-01T00:00:00Z"}, "schedulePlan.earliestAt must be"),
    ({"earliestAt": "2030-06-30T23:59:60Z"}, "schedulePlan.earliestAt must be"),
    ({"earliestAt": "2030-01-01T00:00:00Z", "latestAt": "x"}, "schedulePlan.latestAt must be"),
    (
        {"earliestAt": "2030-01-02T00:00:00Z", "latestAt": "2030-01-01T00:00:00Z"},
        "schedulePlan.latestAt must not be before",
    ),
    (
        {"earliestAt": "2020-01-01T00:00:00Z", "latestAt": "2020-01-02T00:00:00Z"},
        "schedulePlan.latestAt is in the past",
    ),
]


@pytest.mark.parametrize(("plan", "said"), PLANS)
async def test_a_time_that_cannot_be_meant_is_refused_by_field(
    api: httpx.AsyncClient, switchboard: Any, script: dict[str, Any], plan: Any, said: str
) -> None:
    body = {"assistant": script, "schedulePlan": plan}
    answer = await api.post("/call", json={**body, "customer": ALICE})
    assert answer.status_code == 400
    assert said in answer.json()["message"][0]
    batch = await api.post("/call", json={**body, "customers": [ALICE]})
    assert said in batch.text
    assert switchboard.orders == []


async def test_many_are_called_in_their_order_and_later(
    api: httpx.AsyncClient, switchboard: Any, script: dict[str, Any]
) -> None:
    users = [f"sip:u{n}@example.org" for n in range(5)]
    customers: list[dict[str, Any]] = [{"sipUri": user} for user in users]
    customers[2] = {"sipUri": "nobody"}
    plan = {"earliestAt": "2030-01-01T10:00:00", "latestAt": "2030-01-01T12:00:00+01:00"}
    body = {"assistant": script, "customers": customers, "schedulePlan": plan}
    answer = await api.post("/call", json=body)
    assert answer.status_code == 201
    batch = answer.json()
    wanted = [user for n, user in enumerate(users) if n != 2]
    assert [call["customer"]["sipUri"] for call in batch["results"]] == wanted
    assert {call["status"] for call in batch["results"]} == {"queued"}
    assert all(call["schedulePlan"] == plan for call in batch["results"])
    (error,) = batch["errors"]
    assert error["customer"] == customers[2]
    assert "customer.sipUri must be a SIP URI" in error["error"]
    assert batch["subscriptionLimits"]["concurrencyLimit"] == 10
    assert [order.target for order in switchboard.orders] == wanted
    assert {order.earliest_at for order in switchboard.orders} == {
        datetime(2030, 1, 1, 10, tzinfo=UTC)
    }
    assert {order.latest_at for order in switchboard.orders} == {
        datetime(2030, 1, 1, 11, tzinfo=UTC)
    }


async def test_more_than_may_be_asked_for_at_once_are_refused(
    api: httpx.AsyncClient, switchboard: Any, script: dict[str, Any]
) -> None:
    body = {"assistant": script, "customers": [ALICE] * 1001}
    answer = await api.post("/call", json=body)
    assert answer.status_code == 400
    assert "no more than 1000" in answer.json()["message"][0]
    assert switchboard.orders == []


async def test_an_assistant_that_cannot_speak_is_refused_by_field(api: httpx.AsyncClient) -> None:
    answer = await api.post("/call", json={"assistant": {}, "customer": ALICE})
    assert answer.status_code == 400
    assert "model should not be empty" in answer.json()["message"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoRoom("20 of 20"), 503),
        (OutOfOrder("the gateway is draining"), 503),
        (CallRefused("no trunk is there"), 400),
    ],
)
async def test_what_the_switchboard_refuses_is_told(
    api: httpx.AsyncClient,
    switchboard: Any,
    script: dict[str, Any],
    error: Exception,
    status: int,
) -> None:
    switchboard.refuses = error
    answer = await api.post("/call", json={"assistant": script, "customer": ALICE})
    assert answer.status_code == status
    assert str(error) in answer.json()["message"]


async def test_a_call_is_shown_as_documented(api: httpx.AsyncClient, store: Store) -> None:
    record = a_call(recording="recordings/x.wav")
    system = {"role": "system", "content": "Be brief."}
    keep(store, record, {"assistant": {"model": {"messages": [system]}}})
    call = (await api.get(f"/call/{record.id}")).json()
    assert call["id"] == record.id
    assert call["type"] == "inboundPhoneCall"
    assert call["status"] == "ended"
    assert call["endedReason"] == "customer-ended-call"
    assert call["startedAt"] == "2026-01-02T03:04:05.000Z"
    assert call["endedAt"] == "2026-01-02T03:04:14.000Z"
    assert call["customer"] == {
        "number": "+14155550100",
        "sipUri": "sip:+14155550100@carrier.example",
    }
    assert [item["type"] for item in call["costs"]] == ["transport", "vapi"]
    assert (call["cost"], call["analysis"]) == (0, {})
    artifact = call["artifact"]
    assert artifact["transcript"] == "AI: Hello.\nUser: What time is it?\nAI: It is three.\n"
    assert call["transcript"] == artifact["transcript"]
    assert artifact["recordingUrl"] == f"http://gateway.test/call/{record.id}/mono-recording"
    assert artifact["recording"]["stereoUrl"].endswith("/stereo-recording")
    assert artifact["variableValues"] == {"name": "Ann"}
    began_ms = BEGAN.timestamp() * 1000
    messages = artifact["messages"]
    assert [m["role"] for m in messages] == [
        "system", "bot", "user", "tool_calls", "tool_call_result", "bot"]  # fmt: skip
    assert messages[1] == {
        "role": "bot",
        "message": "Hello.",
        "time": began_ms + 500,
        "endTime": began_ms + 1250,
        "secondsFromStart": 0.5,
        "duration": 750,
    }
    assert messages[3]["toolCalls"] == [
        {
            "id": "t1",
            "type": "function",
            "function": {"name": "clock", "arguments": '{"zone": "UTC"}'},
        }
    ]
    assert messages[4].items() >= {
        "toolCallId": "t1", "name": "clock", "result": "3 o'clock"}.items()  # fmt: skip
    openai = artifact["messagesOpenAIFormatted"]
    assert [m["role"] for m in openai] == [
        "system", "assistant", "user", "assistant", "tool", "assistant"]  # fmt: skip
    assert openai[4] == {"role": "tool", "content": "3 o'clock", "tool_call_id": "t1"}
    metrics = artifact["performanceMetrics"]
    assert metrics["turnLatencies"] == [
        {
            "transcriberLatency": 100,
            "endpointingLatency": 400,
            "modelLatency": 200,
            "voiceLatency": 170,
            "turnLatency": 900,
        }
    ]
    assert metrics["turnLatencyAverage"] == 900
    (turn,) = artifact["trunkline"]["turns"]
    assert sum(segment["ms"] for segment in turn["segments"]) == turn["totalMs"] == 900


async def test_a_call_that_was_barely_one_is_shown_too(
    api: httpx.AsyncClient, store: Store
) -> None:
    record = CallRecord(id=str(uuid4()), direction="outbound", customer=Party(uri="sip:a@b"))
    keep(store, record)
    call = (await api.get(f"/call/{record.id}")).json()
    assert call["status"] == "queued"
    assert call["artifact"]["messages"] == []
    assert call["artifact"]["performanceMetrics"]["turnLatencies"] == []
    assert "startedAt" not in call
    assert "recordingUrl" not in call["artifact"]


async def test_a_running_call_is_shown_as_it_is_now(
    api: httpx.AsyncClient, store: Store, switchboard: Any
) -> None:
    record = a_call(status=Status.RINGING, ended_at=None, ended_reason=None)
    keep(store, record, {"assistantOverrides": {"name": "x"}})
    switchboard.running[record.id] = record.model_copy(update={"status": Status.IN_PROGRESS})
    call = (await api.get(f"/call/{record.id}")).json()
    assert call["status"] == "in-progress"
    assert call["assistantOverrides"] == {"name": "x"}
    (listed,) = (await api.get("/call")).json()
    assert listed["status"] == "in-progress"


async def test_lists_are_newest_first_and_filtered(api: httpx.AsyncClient, store: Store) -> None:
    records = [
        a_call(created_at=BEGAN + timedelta(seconds=n), assistant_id=str(uuid4())) for n in range(3)
    ]
    for record in records:
        keep(store, record)

    async def ids(**query: str) -> list[str]:
        return [call["id"] for call in (await api.get("/call", params=query)).json()]

    newest = [record.id for record in reversed(records)]
    assert await ids() == newest
    assert await ids(limit="1") == newest[:1]
    assert await ids(id=records[0].id) == [records[0].id]
    assert await ids(assistantId=str(records[1].assistant_id)) == [records[1].id]
    assert await ids(phoneNumberId=NOBODY) == []
    assert await ids(createdAtGt="2026-01-02T03:04:05.000Z") == newest[:2]
    assert (await api.get("/call?status=ended")).status_code == 400


async def test_a_call_can_be_renamed(api: httpx.AsyncClient, store: Store) -> None:
    record = a_call()
    keep(store, record, {"kept": 1})
    call = (await api.patch(f"/call/{record.id}", json={"name": "Angry"})).json()
    assert call["name"] == "Angry"
    assert (await api.get(f"/call/{record.id}")).json()["name"] == "Angry"
    stored = await store.calls.get(record.id)
    assert stored is not None
    assert stored.papers == {"kept": 1}
    refused = await api.patch(f"/call/{record.id}", json={"status": "ended"})
    assert refused.json()["message"] == ["property status should not exist"]


async def test_a_deleted_call_takes_its_recording_along(
    api: httpx.AsyncClient, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    record, other = a_call(recording="x.wav"), a_call()
    keep(store, record)
    keep(store, other)
    answer = await api.request("delete", f"/call/{record.id}", json={"ids": [other.id]})
    assert answer.status_code == 200
    assert answer.json()["id"] == record.id
    assert not (tmp_path / "x.wav").exists()
    assert (await api.get("/call")).json() == []
    assert (await api.delete(f"/call/{record.id}")).status_code == 404


async def test_deleting_a_running_call_ends_it_and_keeps_its_record(
    api: httpx.AsyncClient, store: Store, switchboard: Any
) -> None:
    record = a_call(status=Status.IN_PROGRESS)
    keep(store, record)
    switchboard.running[record.id] = record
    assert (await api.delete(f"/call/{record.id}")).status_code == 200
    assert switchboard.hung_up == [record.id]
    assert (await api.get(f"/call/{record.id}")).status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # Postgres keeps its tables
async def test_a_store_that_fails_is_a_503_and_says_why(
    api: httpx.AsyncClient, store: Store
) -> None:
    await store._connections.write(lambda made: made.exec_driver_sql("drop table calls"))
    answer = await api.get("/call")
    assert answer.status_code == 503
    assert "calls" in answer.json()["message"]
    assert json.loads(answer.text)["statusCode"] == 503
