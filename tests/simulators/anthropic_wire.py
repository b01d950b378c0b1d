"""Anthropic's wire protocol: Messages, streamed, and as strict about turns as the real one."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.openai_wire import Rule, answer_to, tokens
from tests.simulators.wire import Reply, Request, Server

ERRORS = {400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
          403: "permission_error", 404: "not_found_error", 429: "rate_limit_error",
          529: "overloaded_error"}  # fmt: skip


@dataclass
class AnthropicSimulator(Server):
    rules: list[Rule] = field(default_factory=lambda: [Rule("", "You said: {heard}")])
    token_s: float = 0.0
    thoughts: str = ""
    no_temperature: bool = False

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: Request, reply: Reply) -> None:
        status = self.trouble.status if self.trouble else 500
        if await reply.refused(_error(ERRORS.get(status, "api_error"), "refused")):
            return
        if not self.is_asked(request):
            await reply.whole(200, b'{"data": []}')
            return
        asked = request.json()
        if complaint := self._complaint(asked):
            await reply.whole(400, json.dumps(_error("invalid_request_error", complaint)).encode())
            return
        await reply.start(self.kind)
        last = asked["messages"][-1]["content"][-1]
        heard = str(last.get("text") or last.get("content") or "")
        rule = answer_to(self.rules, heard)
        for number, event in enumerate(self._events(rule, heard)):
            if number and self.token_s:
                await asyncio.sleep(self.token_s)
            if not await reply.piece(self.framed(event)):
                break
        await reply.end()

    kind = "text/event-stream"

    def is_asked(self, request: Request) -> bool:
        return request.path == "/v1/messages"

    def framed(self, event: dict[str, Any]) -> bytes:
        return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()

    def _complaint(self, asked: dict[str, Any]) -> str:
        """What the real one would refuse."""
        if self.no_temperature and "temperature" in asked:
            return "`temperature` is deprecated for this model."
        wanted = "user"
        open_calls: set[str] = set()
        for message in asked["messages"]:
            if message["role"] != wanted:
                return f"messages: roles must alternate, wanted {wanted}"
            wanted = "assistant" if wanted == "user" else "user"
            kinds = [block["type"] for block in message["content"]]
            if any(block.get("text") == "" for block in message["content"]):
                return "messages: text content blocks must be non-empty"
            ids = {b["tool_use_id"] for b in message["content"] if b["type"] == "tool_result"}
            if open_calls - ids:
                return "`tool_use` ids were found without `tool_result` blocks immediately after"
            open_calls = {b["id"] for b in message["content"] if b["type"] == "tool_use"}
            thinks = "thinking" in asked and open_calls
            if thinks and kinds[0] != "thinking":
                return "Expected `thinking` or `redacted_thinking`, but found `tool_use`"
        if asked.get("thinking", {}).get("budget_tokens", 0) >= asked["max_tokens"]:
            return "`max_tokens` must be greater than `thinking.budget_tokens`"
        return ""

    def _events(self, rule: Rule, heard: str) -> list[dict[str, Any]]:
        usage = {"input_tokens": 8, "cache_read_input_tokens": 3, "output_tokens": 1}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": {"id": "m", "content": [], "usage": usage}}
        ]
        index = 0

        def block(start: dict[str, Any], *deltas: dict[str, Any]) -> None:
            nonlocal index
            events.append({"type": "content_block_start", "index": index, "content_block": start})
            for delta in deltas:
                events.append({"type": "content_block_delta", "index": index, "delta": delta})
            events.append({"type": "content_block_stop", "index": index})
            index += 1

        if self.thoughts:
            block(
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "thinking_delta", "thinking": self.thoughts},
                {"type": "signature_delta", "signature": "sig"},
            )
        if rule.text:
            block(
                {"type": "text", "text": ""},
                *({"type": "text_delta", "text": token} for token in tokens(rule, heard)),
            )
        events.insert(-1, {"type": "ping"})
        for number, (name, arguments) in enumerate(rule.calls):
            whole = json.dumps(arguments) if arguments else ""
            parts = [whole[start : start + 8] for start in range(0, len(whole), 8)]
            block(
                {"type": "tool_use", "id": f"call_{name}_{number}", "name": name, "input": {}},
                {"type": "input_json_delta", "partial_json": ""},
                *({"type": "input_json_delta", "partial_json": part} for part in parts),
            )
        reason = "tool_use" if rule.calls else "end_turn"
        events.append(
            {
                "type": "message_delta",
                "delta": {"stop_reason": reason},
                "usage": {"output_tokens": 7},
            }
        )
        return [*events, {"type": "message_stop"}]


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}
