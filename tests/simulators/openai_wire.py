"""OpenAI's wire protocol: streamed chat completions and speech, with latencies that can be set."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.sound import hum, spoken_s
from tests.simulators.wire import Reply, Request, Server, Trouble

PIECE = 4800  # bytes of one piece of speech: 100 ms


@dataclass(frozen=True)
class Rule:
    """When the last message of the conversation matches, this is the answer."""

    pattern: str
    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()


def answer_to(rules: list[Rule], heard: str) -> Rule:
    return next((r for r in rules if re.search(r.pattern, heard, re.I)), Rule("", "Hm."))


def tokens(rule: Rule, heard: str) -> list[str]:
    return re.findall(r"\s*\S+", rule.text.replace("{heard}", heard))


@dataclass
class OpenAISimulator(Server):
    rules: list[Rule] = field(default_factory=lambda: [Rule("", "You said: {heard}")])
    first_token_s: float = 0.0
    token_s: float = 0.0
    first_audio_s: float = 0.0

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    async def answer(self, request: Request, reply: Reply) -> None:
        why = self.trouble or Trouble("refuse")
        error = {"message": "refused", "code": why.code or None, "param": why.param or None}
        if await reply.refused({"error": error}):
            return
        match request.path:
            case "/v1/chat/completions":
                await self._chat(request.json(), reply)
            case "/v1/responses":
                await self._responses(request.json(), reply)
            case "/v1/audio/speech":
                await self._speech(request.json(), reply)
            case _:
                await reply.whole(200, b'{"object": "list", "data": []}')

    async def _chat(self, asked: dict[str, Any], reply: Reply) -> None:
        await asyncio.sleep(self.first_token_s)
        await reply.start("text/event-stream")
        last = asked["messages"][-1].get("content") or ""
        rule = answer_to(self.rules, last)
        for n, delta in enumerate(self._deltas(rule, last)):
            if n and self.token_s:
                await asyncio.sleep(self.token_s)
            if not await reply.piece(_event(asked["model"], delta)):
                return await reply.end()
        reason = "tool_calls" if rule.calls else "stop"
        if await reply.piece(_event(asked["model"], {}, reason)):
            if asked.get("stream_options", {}).get("include_usage"):
                await reply.piece(_usage(asked["model"]))
            await reply.piece(b"data: [DONE]\n\n")
        return await reply.end()

    async def _responses(self, asked: dict[str, Any], reply: Reply) -> None:
        await asyncio.sleep(self.first_token_s)
        await reply.start("text/event-stream")
        last = asked["input"][-1]
        heard = last.get("content") or last.get("output") or ""
        rule = answer_to(self.rules, heard)
        events: list[dict[str, Any]] = [{"type": "response.created", "response": _response()}]
        for token in tokens(rule, heard):
            where = {"item_id": "m", "output_index": 0, "content_index": 0, "logprobs": []}
            events.append({"type": "response.output_text.delta", "delta": token, **where})
        for index, (name, arguments) in enumerate(rule.calls):
            item = {"type": "function_call", "id": f"fc_{index}", "name": name}
            item |= {"call_id": f"call_{name}_{index}", "arguments": json.dumps(arguments)}
            events.append({"type": "response.output_item.done", "output_index": 1, "item": item})
        usage = {
            "input_tokens": 11,
            "output_tokens": 7,
            "total_tokens": 18,
            "input_tokens_details": {"cached_tokens": 3},
            "output_tokens_details": {},
        }
        whole = _response() | {"status": "completed", "usage": usage}
        events.append({"type": "response.completed", "response": whole})
        for number, event in enumerate(events):
            if number and self.token_s:
                await asyncio.sleep(self.token_s)
            if not await reply.piece(_named({**event, "sequence_number": number})):
                break
        await reply.end()

    def _deltas(self, rule: Rule, heard: str) -> list[dict[str, Any]]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": token} for token in tokens(rule, heard)]
        for index, (name, arguments) in enumerate(rule.calls):
            head = {"index": index, "id": f"call_{name}_{index}", "type": "function"}
            deltas.append({"tool_calls": [head | {"function": {"name": name, "arguments": ""}}]})
            whole = json.dumps(arguments)
            for start in range(0, len(whole), 8):
                part = {"index": index, "function": {"arguments": whole[start : start + 8]}}
                deltas.append({"tool_calls": [part]})
        return deltas

    async def _speech(self, asked: dict[str, Any], reply: Reply) -> None:
        await asyncio.sleep(self.first_audio_s)
        await reply.start("audio/pcm")
        sound = hum(24_000, spoken_s(asked["input"]))
        for start in range(0, len(sound), PIECE - 1):  # odd: a sample may lie across two pieces
            if not await reply.piece(sound[start : start + PIECE - 1]):
                break
        await reply.end()


def _event(model: str, delta: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return _data({**_head(model), "choices": [choice]})


def _usage(model: str) -> bytes:
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 3},
    }
    return _data({**_head(model), "choices": [], "usage": usage})


def _head(model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}


def _response() -> dict[str, Any]:
    fixed = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": []}
    return fixed | {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}


def _named(event: dict[str, Any]) -> bytes:
    return b"event: %b\n%b" % (event["type"].encode(), _data(event))


def _data(event: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % json.dumps(event).encode()
