"""Server messages against a server that answers as a test tells it to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from gateway.agent.brief import ToolBrief
from gateway.api import webhooks as webhooks_module
from gateway.api.call_view import CallView
from gateway.api.server_messages import Messages
from gateway.api.webhooks import Webhooks
from gateway.calls.record import CallRecord, Status

TOOL = ToolBrief(kind="function", name="book", timeout_s=0.2)
Answer = Callable[[], Awaitable[tuple[int, bytes]]]


@dataclass
class Peer:
    """A server on the loopback that notes what it is sent and answers in turn."""

    port: int = 0
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    answers: list[tuple[int, bytes] | Answer] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [body["message"] for _, body in self.requests]

    def papers(self, **server: Any) -> dict[str, Any]:
        return {"assistant": {"server": {"url": self.url, **server}}}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                assert line.startswith(b"POST /hook ")
                headers = {}
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append((headers, json.loads(body)))
                answer = self.answers.pop(0) if self.answers else (200, b"")
                status, content = answer if isinstance(answer, tuple) else await answer()
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    yield peer
    server.close()
    await server.wait_closed()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
async def hooks(slept: list[float]) -> AsyncIterator[Webhooks]:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    hooks = Webhooks(Messages(CallView("org", "http://gateway.test")), sleep=sleep)
    yield hooks
    await hooks.close()


def a_call(status: Status = Status.IN_PROGRESS, **more: Any) -> CallRecord:
    return CallRecord(id=str(uuid4()), direction="inbound", status=status, **more)


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
    hooks.status_changed(a_call(), {"assistant": {}, "phoneNumber": number})
    older = {"assistant": {"serverUrl": peer.url, "serverUrlSecret": "old"}, "phoneNumber": number}
    hooks.status_changed(a_call(), older)
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


async def test_a_refusal_is_final(hooks: Webhooks, peer: Peer, slept: list[float]) -> None:
    peer.answers = [(400, b"")]
    hooks.status_changed(a_call(), peer.papers())
    await sent(hooks)
    assert len(peer.requests) == 1
    assert slept == []


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


async def test_the_end_waits_for_messages_but_not_for_ever(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    messages = Messages(CallView("org", ""))
    patient = Webhooks(messages)
    patient.status_changed(a_call(), peer.papers())
    await patient.close()
    assert len(peer.requests) == 1

    async def never() -> tuple[int, bytes]:
        await asyncio.Event().wait()
        return 200, b""

    peer.answers = [never]
    hasty = Webhooks(messages, goodbye_s=0.0)
    hasty.status_changed(a_call(), peer.papers())
    await hasty.close()
    assert "server messages are lost" in caplog.text


async def test_what_cannot_be_written_does_not_reach_the_call(
    hooks: Webhooks, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    papers = peer.papers()
    papers["assistant"]["artifactPlan"] = "nonsense"
    hooks.status_changed(a_call(), papers)
    assert "could not be written" in caplog.text


# tools


async def ask(hooks: Webhooks, papers: dict[str, Any], tool: ToolBrief = TOOL) -> Any:
    return await hooks.call(a_call(), papers, tool, {"day": "Monday"}, "t1")


async def test_a_tool_call_is_sent_nested_and_flat_with_its_tool(
    hooks: Webhooks, peer: Peer
) -> None:
    written = {
        "type": "function",
        "function": {"name": "book"},
        "parameters": [{"key": "shop", "value": 7}],
    }
    papers = peer.papers()
    papers["assistant"]["model"] = {"provider": "openai", "model": "x", "tools": [written]}
    peer.answers = [(200, b'{"results": [{"toolCallId": "t1", "result": "Booked."}]}')]
    reply = await ask(hooks, papers)
    assert (reply.ok, reply.content, reply.say, reply.end_call) == (True, "Booked.", None, False)
    (message,) = peer.messages
    assert message["type"] == "tool-calls"
    (call,) = message["toolCallList"]
    arguments = {"day": "Monday", "shop": 7}
    assert call == {
        "id": "t1",
        "type": "function",
        "function": {"name": "book", "arguments": arguments},
        "name": "book",
        "arguments": arguments,
    }
    (with_tool,) = message["toolWithToolCallList"]
    assert with_tool["type"] == "function"
    assert with_tool["toolCall"] == call


async def test_no_server_learns_another_s_secrets(hooks: Webhooks, peer: Peer) -> None:
    secret = {"url": "http://127.0.0.1:1/", "secret": "HIDDEN", "headers": {"A": "HIDDEN"}}
    parameters = {"type": "object", "properties": {"secret": {"type": "string"}}}
    tools = [
        {"type": "function", "function": {"name": "book", "parameters": parameters}},
        {"type": "function", "function": {"name": "other"}, "server": secret},
    ]
    assistant = {
        "server": secret,
        "credentials": [{"provider": "openai", "apiKey": "HIDDEN"}],
        "model": {"provider": "custom-llm", "headers": {"A": "HIDDEN"}, "tools": tools},
    }
    papers = {"assistant": assistant, "assistantOverrides": {"server": secret}}
    record = a_call(assistant=assistant)
    own = TOOL.model_copy(update={"server": {"url": peer.url}})
    await hooks.call(record, papers, own, {}, "t1")
    (body,) = [body for _, body in peer.requests]
    assert "HIDDEN" not in json.dumps(body)
    (tool,) = body["message"]["toolWithToolCallList"]
    assert tool["function"]["parameters"] == parameters
    assert assistant["server"] == secret


@pytest.mark.parametrize(
    ("answer", "ok", "content"),
    [
        ({"results": [{"toolCallId": "t1", "result": "yes"}]}, True, "yes"),
        (
            {"results": [{"toolCallId": "x", "result": "n"}, {"toolCallId": "t1", "result": "y"}]},
            True,
            "y",
        ),
        ({"results": [{"toolCallId": "t1", "error": "no such day"}]}, False, "Error: no such day"),
        ({"results": [{"result": "yes"}]}, True, "yes"),
        ({"result": "yes"}, True, "yes"),
        ({"result": {"free": [1, 2]}}, True, '{"free": [1, 2]}'),
        ({"result": None}, True, "null"),
        ({"error": "closed"}, False, "Error: closed"),
        ({"results": [{"toolCallId": "other", "result": "n"}]}, False, "no result with toolCallId"),
        ({"results": []}, False, "no result with toolCallId t1"),
        ({"results": [{"toolCallId": "t1"}]}, False, "neither result nor error"),
        ({"ok": True}, False, "neither results nor error"),
        ([], False, "not a JSON object"),
        ("plain", False, "not a JSON object"),
    ],
)
async def test_every_documented_form_of_answer_is_read(
    hooks: Webhooks, peer: Peer, answer: Any, ok: bool, content: str
) -> None:
    peer.answers = [(200, json.dumps(answer).encode())]
    reply = await ask(hooks, peer.papers())
    assert reply.ok is ok
    assert content in reply.content


async def test_an_answer_may_say_what_the_caller_hears_and_end_the_call(
    hooks: Webhooks, peer: Peer
) -> None:
    message = {
        "type": "request-complete",
        "content": "Done, goodbye.",
        "endCallAfterSpokenEnabled": True,
    }
    result = {"toolCallId": "t1", "result": "ok", "message": message}
    peer.answers = [(200, json.dumps({"results": [result]}).encode())]
    reply = await ask(hooks, peer.papers())
    assert (reply.say, reply.end_call) == ("Done, goodbye.", True)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, b"oops"), "HTTP status 500"),
        ((302, b""), "HTTP status 302"),
        ((200, b"<html>"), "not JSON"),
        ((200, b"[" * 100_000), "not JSON"),
        ((200, b"x" * (1024 * 1024 + 1)), "larger than"),
    ],
)
async def test_a_tool_server_that_fails_gives_the_model_a_sentence(
    hooks: Webhooks, peer: Peer, answer: tuple[int, bytes], said: str
) -> None:
    peer.answers = [answer]
    reply = await ask(hooks, peer.papers())
    assert not reply.ok
    assert reply.content.startswith("The tool book failed: ")
    assert said in reply.content


async def test_a_tool_server_that_is_silent_is_given_up(hooks: Webhooks, peer: Peer) -> None:
    async def never() -> tuple[int, bytes]:
        await asyncio.Event().wait()
        return 200, b""

    peer.answers = [never]
    reply = await ask(hooks, peer.papers(), TOOL.model_copy(update={"timeout_s": 0.02}))
    assert reply.content == "The tool book failed: its server did not answer within 0.02 s."


async def test_a_tool_s_own_server_goes_first_and_none_is_a_sentence_too(
    hooks: Webhooks, peer: Peer
) -> None:
    peer.answers = [(200, b'{"result": "mine"}')]
    own = TOOL.model_copy(update={"server": {"url": peer.url, "secret": "t"}})
    reply = await ask(hooks, {"assistant": {"server": {"url": "http://127.0.0.1:1/"}}}, own)
    assert reply.content == "mine"
    assert peer.requests[0][0]["x-vapi-secret"] == "t"
    assert "has no server" in (await ask(hooks, {})).content
    gone = {"assistant": {"server": {"url": "http://127.0.0.1:1/"}}}
    assert "cannot be reached" in (await ask(hooks, gone)).content
