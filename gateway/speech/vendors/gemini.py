"""Google's Gemini: generateContent, streamed, with tools.

https://ai.google.dev/api/generate-content and .../docs/function-calling.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault, VendorError
from gateway.speech.choosing import Options, read
from gateway.speech.contract import Called, Delta, Finished, Message, Said, Tool
from gateway.speech.settings import VendorSettings
from gateway.speech.thinking import Row
from gateway.speech.vendors.faults import key_of
from gateway.speech.vendors.sse import Json, Refusal, events, refusal, warm
from gateway.speech.vendors.turns import Turn, arguments_of, split

# The caller waits while it thinks: as little as each can, and its thoughts are no part of the
# documented limit. (model, thinkingConfig, tokens for thoughts)
_THOUGHTS: tuple[tuple[str, Json, int], ...] = (
    (r"gemini-2\.5-flash", {"thinkingBudget": 0}, 0),
    (r"gemini-2\.5-pro", {"thinkingBudget": 128}, 128),
    (r"gemini-[3-9]", {"thinkingLevel": "low"}, 1024),
)
# What a call of another model's making has instead of a signature; documented for that case.
_UNSIGNED = "skip_thought_signature_validator"
_REASONS = {"STOP": "stop", "MAX_TOKENS": "length"}


class GeminiOptions(BaseModel):
    """``options`` of a model."""

    model_config = ConfigDict(extra="forbid")

    temperature: float | None = None
    max_tokens: int | None = None


def make(
    vendor: str, row: Row, model: str, options: Options, settings: VendorSettings, name: str
) -> "GeminiThinking":
    return GeminiThinking(vendor, row, model, read(GeminiOptions, options, vendor), settings)


class GeminiThinking:
    """One call's language model. Its protocol has no place for the call's name."""

    def __init__(
        self, vendor: str, row: Row, model: str, options: GeminiOptions, settings: VendorSettings
    ) -> None:
        self.vendor = vendor
        self._url = (settings.base_url or row.url or "").removesuffix("/")
        self._model = model.removeprefix("models/")
        self._settings = settings
        self._generation: Json = {}
        thinking, room = next(
            ((c, room) for pattern, c, room in _THOUGHTS if re.match(pattern, self._model)),
            ({}, 0),
        )
        if thinking:
            self._generation["thinkingConfig"] = thinking
        if options.temperature is not None:
            self._generation["temperature"] = options.temperature
        if options.max_tokens is not None:
            self._generation["maxOutputTokens"] = options.max_tokens + room
        self._signatures: dict[str, str] = {}  # by a call's id; to be shown again with its result
        self._calls = 0

    async def open(self) -> None:
        if self._settings.key or self._settings.base_url:  # else reply will say it
            await warm(f"{self._url}/models", self._settings.timeout_s)

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Delta]:
        headers = {"x-goog-api-key": key_of(self.vendor, self._settings)}
        url = f"{self._url}/models/{quote(self._model)}:streamGenerateContent?alt=sse"
        request = self._request(messages, tools)
        reply = _Reply(self.vendor)
        try:
            async for event in events(self.vendor, url, headers, request, self._settings.timeout_s):
                if text := reply.take(event):
                    yield Said(text)
        except Refusal as said:
            raise _refused(self.vendor, said) from said
        finished = reply.end()
        for name, arguments, signature in reply.calls:
            self._calls += 1
            called = Called(f"call_{self._calls}_{name}", name, arguments)
            if signature:
                self._signatures[called.id] = signature
            yield called
        yield finished

    def _request(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Json:
        instructions, turns = split(messages)
        names = {call.id: call.name for m in messages for call in m.tool_calls}
        request: Json = {
            "contents": [
                {
                    "role": "model" if turn.role == "assistant" else "user",
                    "parts": list(self._parts(turn, names)),
                }
                for turn in turns
            ]
        }
        if instructions:
            request["systemInstruction"] = {"parts": [{"text": instructions}]}
        if tools:
            request["tools"] = [{"functionDeclarations": [_as_function(tool) for tool in tools]}]
        if self._generation:
            request["generationConfig"] = self._generation
        return request

    def _parts(self, turn: Turn, names: dict[str, str]) -> Iterator[Json]:
        for message in sorted(turn.messages, key=lambda m: m.role != "tool"):
            if message.role == "tool":
                name = names.get(message.tool_call_id, "unknown")
                response = {"name": name, "response": {"result": message.content}}
                yield {"functionResponse": response}
                continue
            if message.content.strip():
                yield {"text": message.content}
            for place, call in enumerate(message.tool_calls):
                part: Json = {
                    "functionCall": {"name": call.name, "args": arguments_of(call.arguments)}
                }
                signature = self._signatures.get(call.id)
                if signature is None and not place and re.match(r"gemini-[3-9]", self._model):
                    signature = _UNSIGNED
                yield part | ({"thoughtSignature": signature} if signature else {})

    def expected(self, messages: Sequence[Message]) -> Sequence[str]:
        return ()

    async def close(self) -> None: ...


@dataclass
class _Reply:
    vendor: str
    calls: list[tuple[str, str, str]] = field(default_factory=list)  # name, arguments, signature
    reason: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0

    def take(self, event: Json) -> str:
        if "error" in event:
            status = event["error"].get("code", 500) if isinstance(event["error"], dict) else 500
            raise _refused(self.vendor, Refusal(int(status), event, {}))
        if usage := event.get("usageMetadata"):
            self.tokens_in = usage.get("promptTokenCount") or 0
            self.tokens_cached = usage.get("cachedContentTokenCount") or 0
            self.tokens_out = (usage.get("candidatesTokenCount") or 0) + (
                usage.get("thoughtsTokenCount") or 0
            )
        if blocked := (event.get("promptFeedback") or {}).get("blockReason"):
            raise VendorError(self.vendor, Fault.OURS, f"the prompt was blocked: {blocked}")
        said = ""
        for candidate in (event.get("candidates") or ())[:1]:
            self.reason = candidate.get("finishReason") or self.reason
            for part in (candidate.get("content") or {}).get("parts") or ():
                if call := part.get("functionCall"):
                    arguments = json.dumps(call.get("args") or {})
                    signature = str(part.get("thoughtSignature") or "")
                    self.calls.append((str(call["name"]), arguments, signature))
                elif not part.get("thought"):
                    said += str(part.get("text") or "")
        return said

    def end(self) -> Finished:
        if not self.reason:
            raise VendorError(self.vendor, Fault.THEIRS, "the reply broke off")
        if self.reason == "MALFORMED_FUNCTION_CALL":
            raise VendorError(self.vendor, Fault.THEIRS, "the model called a tool in no known form")
        reason = "tool_calls" if self.calls else _REASONS.get(self.reason, self.reason.lower())
        return Finished(reason, self.tokens_in, self.tokens_out, self.tokens_cached)


def _refused(vendor: str, said: Refusal) -> VendorError:
    """A wrong key is a 400 there, and only the details tell."""
    text = json.dumps(said.body)
    if "API_KEY_INVALID" in text:
        return refusal(vendor, said, status=401)
    if said.status == 429 and re.search(r"billing|PerDay", text):
        return refusal(vendor, said, code="insufficient_quota")
    error = refusal(vendor, said)
    if delay := re.search(r'"retryDelay": "([0-9.]+)s"', text):
        error.retry_after_s = error.retry_after_s or float(delay[1])
    return error


def _as_function(tool: Tool) -> dict[str, Any]:
    declared: Json = {"name": tool.name, "description": tool.description}
    if tool.parameters.get("properties"):
        declared["parametersJsonSchema"] = tool.parameters
    return declared
