"""Function tools against a server that answers as a test tells it to."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.agent.brief import ToolBrief
from gateway.api.call_view import CallView
from gateway.api.server_messages import Messages
from gateway.api.targets import Targets
from gateway.api.tool_server import ToolServer
from gateway.calls.errand import Errand
from gateway.calls.record import Line
from gateway.fence import Fence
from tests.api.hooks import Peer, a_call, wire

TOOL = ToolBrief(kind="function", name="book", timeout_s=20.0)
HMAC = {"authenticationPlan": {"type": "hmac", "secretKey": "k", "algorithm": "sha256"}}


@pytest.fixture
async def tools() -> AsyncIterator[ToolServer]:
    to = wire({"signed": HMAC})
    yield ToolServer(Messages(CallView("org", "http://gateway.test")), to, Targets())
    await to.close()


async def ask(tools: ToolServer, papers: dict[str, Any], tool: ToolBrief = TOOL) -> Any:
    return await tools.call(Errand(a_call(), papers, tool, {"day": "Monday"}, "t1"))


async def test_a_tool_call_is_sent_nested_and_flat_with_its_tool(
    tools: ToolServer, peer: Peer
) -> None:
    written = {
        "type": "function",
        "function": {"name": "book"},
        "parameters": [{"key": "shop", "value": 7}],
    }
    papers = peer.papers()
    peer.answers = [(200, b'{"results": [{"toolCallId": "t1", "result": "Booked."}]}')]
    tool = TOOL.model_copy(update={"written": written})
    reply = await ask(tools, papers, tool)
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


async def test_no_server_learns_another_s_secrets(tools: ToolServer, peer: Peer) -> None:
    secret = {"url": "http://127.0.0.1:1/", "secret": "HIDDEN", "headers": {"A": "HIDDEN"}}
    parameters = {"type": "object", "properties": {"secret": {"type": "string"}}}
    written = [
        {"type": "function", "function": {"name": "book", "parameters": parameters}},
        {"type": "function", "function": {"name": "other"}, "server": secret},
    ]
    assistant = {
        "server": secret,
        "credentials": [{"provider": "openai", "apiKey": "HIDDEN"}],
        "model": {"provider": "custom-llm", "headers": {"A": "HIDDEN"}, "tools": written},
    }
    papers = {"assistant": assistant, "assistantOverrides": {"server": secret}}
    record = a_call(assistant=assistant)
    own = TOOL.model_copy(update={"server": {"url": peer.url}, "written": written[0]})
    await tools.call(Errand(record, papers, own, {}, "t1"))
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
    tools: ToolServer, peer: Peer, answer: Any, ok: bool, content: str
) -> None:
    peer.answers = [(200, json.dumps(answer).encode())]
    reply = await ask(tools, peer.papers())
    assert reply.ok is ok
    assert content in reply.content


async def test_an_answer_may_say_what_the_caller_hears_and_end_the_call(
    tools: ToolServer, peer: Peer
) -> None:
    message = {
        "type": "request-complete",
        "content": "Done, goodbye.",
        "endCallAfterSpokenEnabled": True,
    }
    result = {"toolCallId": "t1", "result": "ok", "message": message}
    peer.answers = [(200, json.dumps({"results": [result]}).encode())]
    reply = await ask(tools, peer.papers())
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
    tools: ToolServer, peer: Peer, answer: tuple[int, bytes], said: str
) -> None:
    peer.answers = [answer]
    reply = await ask(tools, peer.papers())
    assert not reply.ok
    assert reply.content.startswith("The tool book failed: ")
    assert said in reply.content


async def test_a_tool_server_that_is_silent_is_given_up(tools: ToolServer, peer: Peer) -> None:
    async def never() -> tuple[int, bytes]:
        await asyncio.Event().wait()
        return 200, b""

    peer.answers = [never]
    reply = await ask(tools, peer.papers(), TOOL.model_copy(update={"timeout_s": 0.02}))
    assert reply.content == "The tool book failed: its server did not answer within 0.02 s."


async def test_a_tool_s_own_server_goes_first_and_none_is_a_sentence_too(
    tools: ToolServer, peer: Peer
) -> None:
    peer.answers = [(200, b'{"result": "mine"}')]
    own = TOOL.model_copy(update={"server": {"url": peer.url, "secret": "t"}})
    reply = await ask(tools, {"assistant": {"server": {"url": "http://127.0.0.1:1/"}}}, own)
    assert reply.content == "mine"
    assert peer.requests[0][0]["x-vapi-secret"] == "t"
    assert "has no server" in (await ask(tools, {})).content
    gone = {"assistant": {"server": {"url": "http://127.0.0.1:1/"}}}
    assert "cannot be reached" in (await ask(tools, gone)).content


async def test_a_request_is_authenticated_by_the_stored_credential(
    tools: ToolServer, peer: Peer
) -> None:
    peer.answers = [(200, b'{"result": "ok"}')]
    assert (await ask(tools, peer.papers(credentialId="signed"))).ok
    headers, _ = peer.requests[0]
    assert {"x-signature", "x-timestamp"} <= set(headers)
    reply = await ask(tools, peer.papers(credentialId="gone"))
    assert reply.content == "The tool book failed: there is no credential gone."
    assert len(peer.requests) == 1


async def test_a_private_address_is_not_asked(peer: Peer) -> None:
    to = wire(fence=Fence())
    tools = ToolServer(Messages(CallView("org", "")), to, Targets())
    reply = await ask(tools, peer.papers())
    assert "127.0.0.1 is not a public address" in reply.content
    assert peer.requests == []
    await to.close()


SAID = (
    {"role": "system", "content": "Be kind."},
    {"role": "assistant", "content": "Your name?"},
    {"role": "user", "content": "Anna"},
)


async def test_a_server_is_asked_when_a_turn_ends(tools: ToolServer, peer: Peer) -> None:
    peer.answers = [(200, b'{"timeoutSeconds": 0.7}')]
    assert await tools.advise(a_call(), peer.papers(), None, SAID) == 0.7
    (message,) = peer.messages
    assert message["type"] == "call.endpointing.request"
    assert message["messagesOpenAIFormatted"] == list(SAID)
    assert message["messages"][1] == {"role": "bot", "message": "Your name?"}


@pytest.mark.parametrize(
    ("status", "body", "wait_s"),
    [
        (200, b'{"timeoutSeconds": 99}', 15.0),
        (200, b'{"timeoutSeconds": -1}', None),
        (200, b'{"timeoutSeconds": "soon"}', None),
        (200, b"[]", None),
        (200, b"no", None),
        (500, b'{"timeoutSeconds": 1}', None),
    ],
)
async def test_advice_that_is_odd_or_none(
    tools: ToolServer, peer: Peer, status: int, body: bytes, wait_s: float | None
) -> None:
    peer.answers = [(status, body)]
    assert await tools.advise(a_call(), peer.papers(), None, SAID) == wait_s


async def test_nobody_to_be_asked(tools: ToolServer) -> None:
    assert await tools.advise(a_call(), {}, None, SAID) is None
    gone = {"url": "http://127.0.0.1:9/"}
    assert await tools.advise(a_call(), {}, gone, SAID) is None


async def test_a_deed_on_the_phone_may_be_rejected_too(tools: ToolServer) -> None:
    record = a_call()
    at = record.created_at
    record.transcript = [Line(role="user", text="No, stay.", at=at, began_s=0, ended_s=0)]
    for pattern, refused in (("stay", True), ("go", False), ("(", False)):
        plan = {"conditions": [{"type": "regex", "regex": pattern}]}
        tool = ToolBrief(kind="transferCall", name="move", written={"rejectionPlan": plan})
        assert bool(tools.rejected(Errand(record, {}, tool, {}, "t1"))) is refused
