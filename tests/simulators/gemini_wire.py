"""Gemini's wire protocol: streamGenerateContent, and as strict about turns as the real one."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.openai_wire import Rule, answer_to, tokens
from tests.simulators.wire import Reply, Request, Server


@dataclass
class GeminiSimulator(Server):
    rules: list[Rule] = field(default_factory=lambda: [Rule("", "You said: {heard}")])
    token_s: float = 0.0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1beta"

    async def answer(self, request: Request, reply: Reply) -> None:
        trouble = self.trouble
        status = trouble.status if trouble else 500
        error = {"code": status, "message": "refused", "status": "X", "details": []}
        if trouble and trouble.code:
            error["details"] = [{"reason": trouble.code}]
        if await reply.refused({"error": error}):
            return
        if not request.path.endswith(":streamGenerateContent"):
            await reply.whole(200, b'{"models": []}')
            return
        asked = request.json()
        if complaint := _complaint(asked):
            body = {"error": {"code": 400, "message": complaint, "status": "INVALID_ARGUMENT"}}
            await reply.whole(400, json.dumps(body).encode())
            return
        await reply.start("text/event-stream")
        last = asked["contents"][-1]["parts"][-1]
        heard = last.get("text") or last["functionResponse"]["response"]["result"]
        for number, event in enumerate(self._events(answer_to(self.rules, heard), heard)):
            if number and self.token_s:
                await asyncio.sleep(self.token_s)
            if not await reply.piece(b"data: %b\r\n\r\n" % json.dumps(event).encode()):
                break
        await reply.end()

    def _events(self, rule: Rule, heard: str) -> list[dict[str, Any]]:
        events = [_candidate({"text": token}) for token in tokens(rule, heard)]
        for name, arguments in rule.calls:
            call = {"functionCall": {"name": name, "args": arguments}}
            events.append(_candidate({**call, "thoughtSignature": f"sig-{name}"}))
        last = _candidate({"text": ""})
        last["candidates"][0]["finishReason"] = "STOP"
        last["usageMetadata"] = {
            "promptTokenCount": 11,
            "candidatesTokenCount": 5,
            "cachedContentTokenCount": 3,
        }
        last["usageMetadata"]["thoughtsTokenCount"] = 2
        return [*events, last]


def _candidate(part: dict[str, Any]) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}]}


def _complaint(asked: dict[str, Any]) -> str:
    """What the real one would refuse."""
    calls = 0
    for content in asked["contents"]:
        answers = sum("functionResponse" in part for part in content["parts"])
        if answers != calls:
            return "the number of function response parts must equal that of function call parts"
        calls = sum("functionCall" in part for part in content["parts"])
        if any(part.get("text") == "" for part in content["parts"]):
            return "contents: parts must not be empty"
    return "" if asked["contents"][0]["role"] == "user" else "contents must begin with a user"
