"""A custom knowledge base: the owner's server, asked by ``knowledge-base-request``."""

import json
from typing import Any

import pytest

from gateway.api.call_view import CallView
from gateway.api.server_messages import Messages
from gateway.api.targets import Targets
from gateway.api.tool_server import ToolServer
from gateway.api.tools.knowledge import KIND, Librarian, knowledge
from gateway.calls.errand import Errand
from gateway.calls.ports import ToolReply
from tests.api.hooks import Peer, a_call, wire

SAID = [{"role": "user", "content": "What does soup cost?"}]


async def look(peer: Peer, status: int, answer: Any) -> ToolReply:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    peer.answers = [(status, body)]
    to = wire()
    messages = Messages(CallView("org", ""))
    server = ToolServer(messages, to, Targets(), {KIND: Librarian(to, messages, Targets())})
    base = {"provider": "custom-knowledge-base", "server": {"url": peer.url, "timeoutSeconds": 60}}
    brief = knowledge({"knowledgeBase": base})
    assert brief is not None
    assert brief.timeout_s == 10.0
    try:
        return await server.call(Errand(a_call(), {}, brief, {"messages": SAID}, "knowledge-1"))
    finally:
        await to.close()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (
            {"documents": [{"content": "b", "similarity": 0.1}, {"content": "a", "similarity": 1}]},
            {"documents": "a\n\nb", "say": ""},
        ),
        ({"message": {"role": "assistant", "content": "Four."}}, {"documents": "", "say": "Four."}),
        ({"message": "Four."}, {"documents": "", "say": "Four."}),
        ({}, {"documents": "", "say": ""}),
    ],
)
async def test_documents_or_a_message_come_back(peer: Peer, answer: Any, found: Any) -> None:
    reply = await look(peer, 200, answer)
    assert (reply.ok, json.loads(reply.content)) == (True, found)
    (message,) = peer.messages
    assert message["type"] == "knowledge-base-request"
    assert message["messagesOpenAIFormatted"] == SAID


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [(500, {}, "HTTP status 500"), (200, b"no", "not JSON"), (200, [], "not a JSON object")],
)
async def test_a_server_that_fails(peer: Peer, status: int, answer: Any, said: str) -> None:
    reply = await look(peer, status, answer)
    assert not reply.ok
    assert said in reply.content


def test_there_may_be_none() -> None:
    assert knowledge({}) is None
    assert knowledge({"knowledgeBase": {"provider": "other"}}) is None
