"""Chat completions: OpenAI's older protocol, and the one that everybody else speaks too.

https://platform.openai.com/docs/api-reference/chat/streaming.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import openai

from gateway.errors import Fault, VendorError
from gateway.speech.choosing import Options, read
from gateway.speech.contract import Called, Delta, Finished, Message, Tool
from gateway.speech.settings import VendorSettings
from gateway.speech.thinking import Row
from gateway.speech.vendors.openai_thinking import OpenAIThinking, Reader, ThinkingOptions

_OURS = {"max_tokens", "api", "url", "headers", "body", "strip"}  # options that are not fields


def make(
    vendor: str, row: Row, model: str, options: Options, settings: VendorSettings, name: str
) -> OpenAIThinking:
    chosen = read(ThinkingOptions, options, vendor)
    return OpenAIThinking(vendor, row, model, chosen, settings, name, Chat())


class Chat:
    def asked(self, options: ThinkingOptions, row: Row, name: str) -> dict[str, Any]:
        asked: dict[str, Any] = options.model_dump(exclude=_OURS, exclude_none=True)
        if options.max_tokens is not None:
            asked[row.limit] = options.max_tokens
        if row.usage:
            asked["stream_options"] = {"include_usage": True}
        if row.name == "user":
            asked["user"] = name
        if options.body:
            asked["extra_body"] = options.body
        elif row.name == "metadata.call":
            asked["metadata"] = {"call": name}
        return asked

    def request(self, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
        request: dict[str, Any] = {"messages": [_as_chat(message) for message in messages]}
        if tools:  # an empty list is refused
            request["tools"] = [_as_function(tool) for tool in tools]
        return request

    async def send(self, sdk: openai.AsyncOpenAI, request: dict[str, Any]) -> Any:
        return await sdk.chat.completions.create(stream=True, **request)

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

    def take(self, chunk: Any) -> str:
        if chunk.usage:
            self.tokens_in = chunk.usage.prompt_tokens or 0
            self.tokens_out = chunk.usage.completion_tokens or 0
            details = chunk.usage.prompt_tokens_details
            self.tokens_cached = getattr(details, "cached_tokens", 0) or 0
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self.reason = choice.finish_reason or self.reason
        for part in choice.delta.tool_calls or ():
            index = part.index or 0
            place = self.places.get(index)
            # Some compatible vendors send every call with index 0; a new id tells them apart.
            if place is None or (part.id and self.calls[place][0] not in ("", part.id)):
                place = self.places[index] = len(self.calls)
                self.calls.append(["", "", ""])
            call = self.calls[place]
            call[0] = part.id or call[0]
            if part.function:
                call[1] = part.function.name or call[1]
                call[2] += part.function.arguments or ""
        return choice.delta.content or ""

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
