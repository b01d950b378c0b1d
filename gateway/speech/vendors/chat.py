"""Chat completions: OpenAI's older protocol, and the one that everybody else speaks too.

https://platform.openai.com/docs/api-reference/chat/streaming.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import Fault, VendorError
from gateway.speech.choosing import Options, read
from gateway.speech.contract import Called, Delta, Finished, Message, Tool
from gateway.speech.settings import VendorSettings
from gateway.speech.thinking import Row
from gateway.speech.vendors.openai_thinking import (
    OpenAIThinking,
    Reader,
    ThinkingOptions,
)
from gateway.speech.vendors.sse import Json

_OURS = {"max_tokens", "api", "url", "headers", "body", "strip"}  # options that are not fields


def make(
    vendor: str, row: Row, model: str, options: Options, settings: VendorSettings, name: str
) -> OpenAIThinking:
    chosen = read(ThinkingOptions, options, vendor)
    return OpenAIThinking(vendor, row, model, chosen, settings, name, Chat())


class Chat:
    path = "/chat/completions"

    def asked(self, options: ThinkingOptions, row: Row, name: str) -> dict[str, Any]:
        asked: dict[str, Any] = options.model_dump(exclude=_OURS, exclude_none=True)
        if options.max_tokens is not None:
            asked[row.limit] = options.max_tokens
        if row.usage:
            asked["stream_options"] = {"include_usage": True}
        if row.name == "user":
            asked["user"] = name
        if options.body:
            asked |= options.body
        elif row.name == "metadata.call":
            asked["metadata"] = {"call": name}
        return asked

    def request(self, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
        request: dict[str, Any] = {"messages": [_as_chat(message) for message in messages]}
        if tools:  # an empty list is refused
            request["tools"] = [_as_function(tool) for tool in tools]
        return request

    def reader(self, vendor: str) -> Reader:
        return _Reply(vendor)


@dataclass
class _Reply:
    """Text passes through, tool calls are assembled."""

    vendor: str
    calls: list[list[str]] = field(default_factory=list)  # id, name, arguments
    places: dict[int, int] = field(default_factory=dict)
    reason: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0

    def take(self, event: Json) -> str:
        if usage := event.get("usage"):
            self.tokens_in = usage.get("prompt_tokens") or 0
            self.tokens_out = usage.get("completion_tokens") or 0
            details = usage.get("prompt_tokens_details") or {}
            self.tokens_cached = details.get("cached_tokens") or 0
        choices = event.get("choices")
        if not choices:
            return ""
        choice = choices[0]
        self.reason = choice.get("finish_reason") or self.reason
        delta = choice.get("delta") or {}
        for part in delta.get("tool_calls") or ():
            self._called(part)
        return delta.get("content") or ""

    def _called(self, part: Json) -> None:
        index, id_ = part.get("index") or 0, part.get("id")
        place = self.places.get(index)
        # Some compatible vendors send every call with index 0; a new id tells them apart.
        if place is None or (id_ and self.calls[place][0] not in ("", id_)):
            place = self.places[index] = len(self.calls)
            self.calls.append(["", "", ""])
        call, function = self.calls[place], part.get("function") or {}
        call[0] = id_ or call[0]
        call[1] = function.get("name") or call[1]
        call[2] += function.get("arguments") or ""

    def end(self) -> list[Delta]:
        if not self.reason:
            raise VendorError(self.vendor, Fault.THEIRS, "the reply broke off")
        made = [
            Called(id_ or f"call_{n}", name, arguments or "{}")
            for n, (id_, name, arguments) in enumerate(self.calls)
        ]
        return [*made, Finished(self.reason, self.tokens_in, self.tokens_out, self.tokens_cached)]


def _as_chat(message: Message) -> Any:
    entry: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        entry["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        entry["tool_call_id"] = message.tool_call_id
    return entry


def _as_function(tool: Tool) -> Any:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function | ({"strict": True} if tool.strict else {})}
