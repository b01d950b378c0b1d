"""Anthropic's Messages, streamed, with tools and extended thinking.

https://docs.anthropic.com/en/api/messages-streaming. Its SDK would bring nothing that the shared
driver has not.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault, VendorError
from gateway.speech.choosing import Options, read
from gateway.speech.contract import Called, Delta, Finished, Message, Said, Tool
from gateway.speech.settings import VendorSettings
from gateway.speech.thinking import Row
from gateway.speech.vendors.faults import key_of, refused
from gateway.speech.vendors.sse import Json, Refusal, events, refusal, warm
from gateway.speech.vendors.turns import Turn, arguments_of, split

VERSION = "2023-06-01"
MAX_TOKENS = 250  # it wants to be told

_REASONS = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}
# Errors inside a stream that began well, as the statuses they would have been.
_STATUS = {"invalid_request_error": 400, "authentication_error": 401, "billing_error": 402,
           "permission_error": 403, "not_found_error": 404, "rate_limit_error": 429,
           "overloaded_error": 529}  # fmt: skip


class AnthropicOptions(BaseModel):
    """``options`` of a model. ``thinking_tokens`` is the budget of extended thinking."""

    model_config = ConfigDict(extra="forbid")

    temperature: float | None = None
    max_tokens: int = MAX_TOKENS
    thinking_tokens: int | None = Field(None, ge=1024)


def make(
    vendor: str, row: Row, model: str, options: Options, settings: VendorSettings, name: str
) -> "AnthropicThinking":
    chosen = read(AnthropicOptions, options, vendor)
    return AnthropicThinking(vendor, row, model, chosen, settings, name)


class AnthropicThinking:
    """One call's language model. ``name`` is the call's."""

    def __init__(
        self,
        vendor: str,
        row: Row,
        model: str,
        options: AnthropicOptions,
        settings: VendorSettings,
        name: str,
    ) -> None:
        self.vendor = vendor
        self._url = (settings.base_url or row.url or "").removesuffix("/").removesuffix("/v1")
        self._settings = settings
        self._options = options
        self._asked: Json = {"model": model, "stream": True, "metadata": {"user_id": name}}
        if options.temperature is not None:
            self._asked["temperature"] = min(options.temperature, 1.0)  # its scale ends there
        # By a call's id, what was thought before it: it must be shown again with the result.
        self._thoughts: dict[str, list[Json]] = {}

    async def open(self) -> None:
        if self._settings.key or self._settings.base_url:  # else reply will say it
            await warm(f"{self._url}/v1/models", self._settings.timeout_s)

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Delta]:
        reply = _Reply(self.vendor)
        while True:
            request = self._request(messages, tools)
            try:
                async for event in self._events(request):
                    if text := reply.take(event):
                        yield Said(text)
                break
            except Refusal as said:
                # The newest models take no temperature; it is left out for the rest of the call.
                about = json.dumps(said.body)
                if said.status != 400 or "temperature" not in about or reply.begun:
                    raise refusal(self.vendor, said) from said
                if self._asked.pop("temperature", None) is None:
                    raise refusal(self.vendor, said) from said
        for delta in reply.end():
            if isinstance(delta, Called):
                self._thoughts[delta.id] = reply.thoughts
            yield delta

    def _events(self, request: Json) -> AsyncIterator[Json]:
        headers = {
            "x-api-key": key_of(self.vendor, self._settings),
            "anthropic-version": VERSION,
        }
        url = f"{self._url}/v1/messages"
        return events(self.vendor, url, headers, request, self._settings.timeout_s)

    def _request(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Json:
        instructions, turns = split(messages)
        budget = self._options.thinking_tokens
        request: Json = {
            **self._asked,
            "max_tokens": self._options.max_tokens,
            "messages": [
                {"role": turn.role, "content": list(self._content(turn))} for turn in turns
            ],
        }
        if instructions:
            # What stands before this mark is cached there, and read again at every turn.
            mark = {"cache_control": {"type": "ephemeral"}}
            request["system"] = [{"type": "text", "text": instructions, **mark}]
        if tools:
            request["tools"] = [_as_tool(tool) for tool in tools]
        if budget and self._may_think(turns):
            request["thinking"] = {"type": "enabled", "budget_tokens": budget}
            request["max_tokens"] += budget
            request.pop("temperature", None)
        return request

    def _may_think(self, turns: Sequence[Turn]) -> bool:
        """Not in the middle of a tool's use that another model or process began."""
        last = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
        calls = [call for message in last.messages for call in message.tool_calls] if last else []
        return all(call.id in self._thoughts for call in calls)

    def _content(self, turn: Turn) -> Iterator[Json]:
        shown: list[Json] = []
        # A call's results stand first in the turn that answers it.
        for message in sorted(turn.messages, key=lambda m: m.role != "tool"):
            if message.role == "tool":
                yield {
                    "type": "tool_result",
                    "tool_use_id": _id(message.tool_call_id),
                    "content": message.content,
                }
                continue
            for call in message.tool_calls[:1]:
                if (thoughts := self._thoughts.get(call.id, [])) is not shown:
                    shown = thoughts
                    yield from thoughts
            if message.content.strip():
                yield {"type": "text", "text": message.content.strip()}
            for call in message.tool_calls:
                yield {
                    "type": "tool_use",
                    "id": _id(call.id),
                    "name": call.name,
                    "input": arguments_of(call.arguments),
                }

    def expected(self, messages: Sequence[Message]) -> Sequence[str]:
        return ()

    async def close(self) -> None: ...


@dataclass
class _Reply:
    vendor: str
    blocks: dict[int, Json] = field(default_factory=dict)  # by index: tool uses and thoughts
    reason: str = ""
    over: bool = False
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    begun: bool = False

    @property
    def thoughts(self) -> list[Json]:
        return [b for b in self.blocks.values() if b["type"] != "tool_use"]

    def take(self, event: Json) -> str:
        self.begun = True
        match event:
            case {"type": "message_start", "message": {"usage": dict(usage)}}:
                counts = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
                self.tokens_in = sum(usage.get(count) or 0 for count in counts)
                self.tokens_cached = usage.get("cache_read_input_tokens") or 0
            case {"type": "content_block_start", "index": index, "content_block": dict(block)}:
                if block.get("type") == "tool_use":
                    self.blocks[index] = {**block, "input": ""}
                elif block.get("type") in ("thinking", "redacted_thinking"):
                    self.blocks[index] = dict(block)
                else:
                    return str(block.get("text") or "")
            case {"type": "content_block_delta", "index": index, "delta": dict(delta)}:
                return self._more(index, delta)
            case {"type": "message_delta", "delta": dict(delta)}:
                self.reason = delta.get("stop_reason") or self.reason
                usage = event.get("usage") or {}
                self.tokens_out = usage.get("output_tokens") or self.tokens_out
            case {"type": "message_stop"}:
                self.over = True
            case {"type": "error", "error": dict(error)}:
                status = _STATUS.get(error.get("type", ""), 500)
                raise refused(self.vendor, status, str(error.get("message") or ""))
        return ""

    def _more(self, index: int, delta: Json) -> str:
        match delta:
            case {"type": "text_delta", "text": str(text)}:
                return text
            case {"type": "input_json_delta", "partial_json": str(part)}:
                self.blocks[index]["input"] += part
            case {"type": "thinking_delta", "thinking": str(part)}:
                self.blocks[index]["thinking"] = self.blocks[index].get("thinking", "") + part
            case {"type": "signature_delta", "signature": str(part)}:
                self.blocks[index]["signature"] = self.blocks[index].get("signature", "") + part
        return ""

    def end(self) -> list[Delta]:
        if not self.over:
            raise VendorError(self.vendor, Fault.THEIRS, "the reply broke off")
        made = [
            Called(block["id"], block["name"], block["input"] or "{}")
            for block in self.blocks.values()
            if block["type"] == "tool_use"
        ]
        reason = _REASONS.get(self.reason, self.reason or "stop")
        return [*made, Finished(reason, self.tokens_in, self.tokens_out, self.tokens_cached)]


def _id(called: str) -> str:
    """Another model's ids may have characters that this one refuses."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", called)


def _as_tool(tool: Tool) -> Json:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
