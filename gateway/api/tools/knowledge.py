"""A custom knowledge base: the owner's server is asked what is known, before the model is."""

import json
from dataclasses import dataclass

from gateway.agent.brief import ToolBrief
from gateway.api.server_messages import Messages
from gateway.api.targets import Targets, target
from gateway.api.tools.errand import Json, ToolFailed
from gateway.api.wire import Wire
from gateway.calls.errand import Errand
from gateway.calls.ports import ToolReply

LIMIT_S = 10.0  # documented
KIND = "knowledge"


def knowledge(model: Json) -> ToolBrief | None:
    """Who is asked, in the form of a tool that the model is not offered."""
    base = model.get("knowledgeBase") or {}
    if base.get("provider") != "custom-knowledge-base":
        return None
    server = base.get("server") or {}
    limit_s = min(server.get("timeoutSeconds") or LIMIT_S, LIMIT_S)
    return ToolBrief(kind=KIND, name="knowledge base", server=server, timeout_s=limit_s)


@dataclass(frozen=True)
class Librarian:
    wire: Wire
    messages: Messages
    targets: Targets

    async def __call__(self, errand: Errand) -> ToolReply:
        """``content`` is JSON: ``documents``, a text for the model, and ``say``, what is said in
        its place. Raises ToolFailed and wire.FAILURES."""
        org_id = errand.record.org_id
        where = target(errand.tool.server, org_id) or self.targets.of_call(errand.papers, org_id)
        if where is None:
            raise ToolFailed("it has no server")
        said = errand.arguments.get("messages") or ()
        asked = self.messages.knowledge_base_request(errand.record, errand.papers, said)
        body = json.dumps(asked, default=str).encode()
        status, answer = await self.wire.send(where, body, errand.tool.timeout_s)
        if not 200 <= status < 300:
            raise ToolFailed(f"its server answered with HTTP status {status}")
        return ToolReply(True, json.dumps(_read(answer), ensure_ascii=False))


def _read(answer: bytes) -> Json:
    """Raises ToolFailed."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        raise ToolFailed("its server's answer is not JSON") from None
    if not isinstance(found, dict):
        raise ToolFailed("its server's answer is not a JSON object")
    message = found.get("message")
    say = message.get("content") or message.get("message") if isinstance(message, dict) else message
    documents = [d for d in found.get("documents") or () if isinstance(d, dict)]
    best = sorted(documents, key=lambda d: -float(d.get("similarity") or 0))
    return {"documents": "\n\n".join(str(d.get("content") or "") for d in best), "say": say or ""}
