"""What is told of a call while it runs: to a server that asked for it, and never in the way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.agent.messages import FromAgent, Happened, Live, Spoken
from gateway.api import webhooks as webhooks_module
from gateway.api.briefs import from_assistant
from gateway.api.call_view import CallView
from gateway.api.live_messages import FINAL, written
from gateway.api.server_messages import Messages
from gateway.api.targets import Targets
from gateway.api.webhooks import Webhooks
from gateway.calls.record import Line, Status
from tests.api.hooks import Kept, Peer, a_call, wire

CALL = "c"
HELLO = Spoken(call=CALL, role="user", text="Hello?", began_at=1.0, ended_at=2.0,
               extra={"confidence": 0.9})  # fmt: skip
MODEL = {"provider": "custom-llm", "url": "http://x", "model": "m"}


@pytest.fixture
async def hooks(kept: Kept) -> AsyncIterator[Webhooks]:
    to = wire()
    hooks = Webhooks(Messages(CallView("org", "")), to, Targets(), kept)
    yield hooks
    await hooks.close()
    await to.close()


async def sent(hooks: Webhooks) -> None:
    await asyncio.gather(*(box.sender for box in hooks._boxes.values() if box.sender))


def live(what: Any, **facts: Any) -> Live:
    return Live(call=CALL, what=what, facts=facts)


@pytest.mark.parametrize(
    ("message", "brings"),
    [
        (HELLO, ["transcript", "conversation-update"]),
        (HELLO.model_copy(update={"role": "tool_call"}), ["conversation-update"]),
        (Happened(call=CALL, what="barge_in", at=1.0), ["user-interrupted"]),
        (Happened(call=CALL, what="late", at=1.0), ["hang"]),
        (Happened(call=CALL, what="digit", at=1.0), []),
        (live("partial", text="He"), ["transcript"]),
        (live("speech", role="user", status="started", turn=0), ["speech-update"]),
        (live("model", output="Hi", turn_id="t"), ["model-output"]),
        (live("voice", text="Hi", turn=1), ["voice-input", "assistant.speechStarted"]),
    ],
)
def test_what_each_brings(message: FromAgent, brings: list[str]) -> None:
    assert [m.message["type"] for m in written(a_call(), {}, message)] == brings


def test_fields_are_the_documented_ones() -> None:
    first, update = written(a_call(transcript=[line("Hello?")]), {}, HELLO)
    assert first.message == {
        "type": "transcript", "role": "user", "transcriptType": "final", "transcript": "Hello?",
        "confidence": 0.9, "confidenceSource": "provider",
    }  # fmt: skip
    assert update.message["messagesOpenAIFormatted"] == [{"role": "user", "content": "Hello?"}]
    (partial,) = written(a_call(), {}, live("partial", text="He"))
    assert FINAL not in partial.names
    (speech,) = written(a_call(), {}, live("speech", role="user", status="stopped", turn=3))
    assert speech.message == {
        "type": "speech-update", "role": "user", "status": "stopped", "turn": 3,
    }  # fmt: skip


def line(text: str) -> Line:
    return Line(role="user", text=text, at=datetime.now(UTC), began_s=0, ended_s=1)


async def test_a_server_gets_what_it_has_asked_for(hooks: Webhooks, peer: Peer) -> None:
    papers = peer.papers()
    papers["assistant"]["serverMessages"] = [FINAL, "user-interrupted", "assistant.started"]
    record = a_call()
    hooks.status_changed(record, papers)
    hooks.told(record, papers, live("partial", text="He"))
    hooks.told(record, papers, HELLO)
    hooks.told(record, papers, Happened(call=CALL, what="barge_in", at=1.0))
    await sent(hooks)
    told = [(m["type"], m["call"]["id"] == record.id) for m in peer.messages]
    assert told == [("assistant.started", True), ("transcript", True), ("user-interrupted", True)]


def test_an_agent_is_asked_only_for_what_somebody_wants() -> None:
    assert from_assistant({"model": MODEL}).live == ("speech",)
    assert from_assistant({"model": MODEL, "serverMessages": [FINAL]}).live == ()
    wants = {"model": MODEL, "serverMessages": ["transcript", "model-output"]}
    assert from_assistant(wants).live == ("partial", "model")


async def test_a_dead_server_is_not_asked_about_yesterday(
    hooks: Webhooks, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()

    async def cut() -> tuple[int, bytes]:
        await release.wait()
        raise ConnectionError

    peer.answers = [cut]
    monkeypatch.setattr(webhooks_module, "MOST_LIVE", 3)
    papers, record = peer.papers(), a_call()
    papers["assistant"]["serverMessages"] += ["user-interrupted"]
    for _ in range(9):
        hooks.told(record, papers, Happened(call=CALL, what="barge_in", at=1.0))
    assert hooks._waiting == 3
    record.status = Status.ENDED
    hooks.ended(record, papers)
    release.set()
    await sent(hooks)
    told = [m["type"] for m in peer.messages]
    assert told == ["user-interrupted", "status-update", "end-of-call-report"]
    assert hooks._waiting == 0
