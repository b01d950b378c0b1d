"""Server messages against a server that answers as a test tells it to."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway import fenced_http
from gateway.api import webhooks as webhooks_module
from gateway.api.call_view import CallView
from gateway.api.server_messages import Messages
from gateway.api.targets import Target, Targets
from gateway.api.webhooks import STORE_S, Webhooks
from gateway.api.wire import Wire
from gateway.calls.record import Status
from gateway.store import StoreError
from tests.api.hooks import HERE, Kept, Peer, a_call, wire


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
async def hooks(slept: list[float], kept: Kept) -> AsyncIterator[Webhooks]:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    messages, to = Messages(CallView("org", "http://gateway.test")), wire()
    hooks = Webhooks(messages, to, Targets(), kept, sleep)
    yield hooks
    await hooks.close()
    await to.close()


async def sent(hooks: Webhooks) -> None:
    """Wait until everything that was posted has been delivered or given up."""
    await asyncio.gather(*(box.sender for box in hooks._boxes.values() if box.sender))


async def test_a_call_is_told_from_ringing_to_the_report_in_order(
    hooks: Webhooks, peer: Peer
) -> None:
    record = a_call(Status.RINGING)
    papers = peer.papers(secret="s3cret", headers={"X-Mine": "1"})
    for status in (Status.RINGING, Status.IN_PROGRESS):
        record.status = status
        hooks.status_changed(record, papers)
    record.status, record.ended_reason = Status.ENDED, "customer-ended-call"
    hooks.status_changed(record, papers)
    hooks.ended(record, papers)
    await sent(hooks)
    told = [(m["type"], m.get("status")) for m in peer.messages]
    assert told == [
        ("status-update", "ringing"),
        ("status-update", "in-progress"),
        ("status-update", "ended"),
        ("end-of-call-report", None),
    ]
    headers, body = peer.requests[-1]
    assert headers["x-vapi-secret"] == "s3cret"
    assert headers["x-mine"] == "1"
    assert headers["content-type"] == "application/json"
    report = body["message"]
    assert report["endedReason"] == "customer-ended-call"
    assert report["call"]["id"] == record.id
    assert report["timestamp"] > 1_700_000_000_000
    assert report.keys() >= {
        "artifact", "analysis", "costs", "cost", "assistant", "customer",
        "transcript", "messages", "summary", "durationSeconds"}  # fmt: skip
    assert "endedReason" not in peer.messages[0]
    assert peer.messages[2]["endedReason"] == "customer-ended-call"


async def test_only_what_the_assistant_asked_for_is_sent(hooks: Webhooks, peer: Peer) -> None:
    papers = peer.papers()
    papers["assistant"]["serverMessages"] = ["end-of-call-report"]
    record = a_call()
    hooks.status_changed(record, papers)
    record.status = Status.ENDED
    hooks.ended(record, papers)
    await sent(hooks)
    assert [m["type"] for m in peer.messages] == ["end-of-call-report"]


async def test_the_number_s_server_is_used_where_the_assistant_has_none(
    hooks: Webhooks, peer: Peer
) -> None:
    number = {"id": "n", "server": {"url": peer.url}}
    hooks.status_changed(a_call(Status.RINGING), {"assistant": {}, "phoneNumber": number})
    older = {"assistant": {"serverUrl": peer.url, "serverUrlSecret": "old"}, "phoneNumber": number}
    hooks.status_changed(a_call(Status.RINGING), older)
    hooks.status_changed(a_call(), {})
    await sent(hooks)
    assert len(peer.requests) == 2
    assert sorted(h.get("x-vapi-secret", "") for h, _ in peer.requests) == ["", "old"]


async def test_a_server_that_fails_is_tried_again_and_order_is_kept(
    hooks: Webhooks, peer: Peer, slept: list[float]
) -> None:
    peer.answers = [(500, b""), (503, b""), (200, b"")]
    record = a_call(Status.RINGING)
    hooks.status_changed(record, peer.papers())
    record.status = Status.IN_PROGRESS
    hooks.status_changed(record, peer.papers())
    await sent(hooks)
    assert [m["status"] for m in peer.messages] == ["ringing", "ringing", "ringing", "in-progress"]
    assert slept == [1, 2]


async def test_a_refusal_is_final_and_kept(
    hooks: Webhooks, peer: Peer, slept: list[float], kept: Kept
) -> None:
    peer.answers = [(400, b"")]
    record = a_call(org_id="org-2")
    hooks.status_changed(record, peer.papers())
    await sent(hooks)
    assert len(peer.requests) == 1
    assert slept == []
    ((org_id, call_id, type_, body, why),) = kept.letters
    assert (org_id, call_id, type_) == ("org-2", record.id, "status-update")
    assert json.loads(body)["message"]["call"]["id"] == record.id
    assert why == "HTTP status 400"


async def test_what_nobody_took_waits_for_a_store_that_is_away(
    hooks: Webhooks, peer: Peer, slept: list[float], kept: Kept
) -> None:
    peer.answers, kept.away = [(400, b"")], 3
    hooks.status_changed(a_call(), peer.papers())
    await sent(hooks)
    assert slept == [STORE_S] * 3
    assert len(kept.letters) == 1


async def test_what_can_neither_be_sent_nor_kept_at_the_end_is_in_the_log(
    peer: Peer, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    async def never() -> tuple[int, bytes]:
        await asyncio.Event().wait()
        return 200, b""

    to = wire()
    messages = Messages(CallView("org", "http://gateway.test"))
    hooks = Webhooks(messages, to, Targets(), kept, goodbye_s=0.0)
    peer.answers, kept.away = [never], 1
    record = a_call()
    hooks.status_changed(record, peer.papers())
    await hooks.close()
    await to.close()
    (line,) = [line for line in caplog.records if "is lost" in line.message]
    assert record.id in vars(line)["lost"]


async def test_a_credential_that_cannot_be_read_now_costs_no_message(
    peer: Peer, slept: list[float], kept: Kept
) -> None:
    """The store comes back after a while; the server is not blamed, and nothing is given up."""
    plan = {"authenticationPlan": {"type": "bearer", "token": "t0ken"}}
    answers: list[dict[str, Any] | StoreError] = [StoreError("away")] * 7 + [plan]

    async def lookup(org_id: str, credential_id: str) -> dict[str, Any]:
        answer = answers.pop(0)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    to = Wire(fenced_http.client(HERE), lookup)
    messages = Messages(CallView("org", "http://gateway.test"))
    hooks = Webhooks(messages, to, Targets(), kept, sleep)
    hooks.status_changed(a_call(), peer.papers(credentialId="c"))
    await sent(hooks)
    assert slept == [STORE_S] * 7
    assert [headers["authorization"] for headers, _ in peer.requests] == ["Bearer t0ken"]
    assert not kept.letters
    await hooks.close()
    await to.close()


async def test_the_assistant_says_how_often_and_when_not(
    hooks: Webhooks, peer: Peer, slept: list[float]
) -> None:
    plan = {"type": "fixed", "maxRetries": 2, "baseDelaySeconds": 0.5}
    peer.answers = [(500, b"")] * 3
    hooks.status_changed(a_call(), peer.papers(backoffPlan=plan))
    await sent(hooks)
    assert len(peer.requests) == 3
    assert slept == [0.5, 0.5]
    peer.answers = [(501, b"")]
    hooks.status_changed(a_call(), peer.papers(backoffPlan={**plan, "excludedStatusCodes": [501]}))
    await sent(hooks)
    assert len(peer.requests) == 4


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "nonsense", "http://[::bad", "ftp://x/y", "http://\x00/"]
)
async def test_a_server_that_is_not_there_costs_nothing_but_a_log_line(
    hooks: Webhooks, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.ended(a_call(Status.ENDED), {"assistant": {"server": {"url": url}}})
    await sent(hooks)
    assert caplog.text.count("a server message was not taken") == 2


async def test_one_slow_server_does_not_hold_up_another_call(hooks: Webhooks, peer: Peer) -> None:
    release = asyncio.Event()

    async def later() -> tuple[int, bytes]:
        await release.wait()
        return 200, b""

    peer.answers = [later]
    hooks.status_changed(slow := a_call(), peer.papers())
    while not peer.requests:
        await asyncio.sleep(0)
    hooks.status_changed(quick := a_call(), peer.papers())
    await asyncio.gather(*(b.sender for b in hooks._boxes.values() if b.call_id == quick.id))
    assert [m["call"]["id"] for m in peer.messages] == [slow.id, quick.id]
    assert slow.id in hooks._boxes
    release.set()
    await sent(hooks)
    assert hooks._waiting == 0


async def test_the_queue_is_bounded(
    hooks: Webhooks,
    peer: Peer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(webhooks_module, "MOST_WAITING", 3)
    record = a_call()
    for _ in range(5):
        hooks.status_changed(record, peer.papers())
    await sent(hooks)
    assert len(peer.requests) == 3
    assert caplog.text.count("a server message is dropped") == 2


async def test_the_end_waits_for_messages_but_not_for_ever(peer: Peer, kept: Kept) -> None:
    messages = Messages(CallView("org", ""))
    to = wire()
    patient = Webhooks(messages, to, Targets(), kept)
    patient.status_changed(a_call(), peer.papers())
    await patient.close()
    assert len(peer.requests) == 1

    async def never() -> tuple[int, bytes]:
        await asyncio.Event().wait()
        return 200, b""

    peer.answers = [never]
    hasty = Webhooks(messages, to, Targets(), kept, goodbye_s=0.0)
    hasty.status_changed(a_call(), peer.papers())
    await hasty.close()
    await to.close()
    assert [(type_, why) for _, _, type_, _, why in kept.letters] == [
        ("status-update", "the gateway left before its server had taken it")
    ]


async def test_what_cannot_be_written_does_not_reach_the_call(
    hooks: Webhooks, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    papers = peer.papers()
    papers["assistant"]["artifactPlan"] = "nonsense"
    hooks.status_changed(a_call(), papers)
    assert "could not be written" in caplog.text


async def test_the_organisation_s_own_server_is_the_last_resort(peer: Peer, kept: Kept) -> None:
    to = wire()
    house = Targets(Target(peer.url + "?house"))
    hooks = Webhooks(Messages(CallView("org", "")), to, house, kept)
    hooks.status_changed(a_call(), {})
    hooks.status_changed(a_call(), peer.papers())
    await sent(hooks)
    assert sorted(peer.paths) == ["/hook", "/hook?house"]
    await hooks.close()
    await to.close()
