"""Responses: OpenAI's newer protocol, which its newest models want.

https://platform.openai.com/docs/api-reference/responses-streaming. Nothing is stored there: the
conversation is ours, and sent whole.
"""

from collections.abc import Iterator, Sequence
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
    failed,
)
from gateway.speech.vendors.sse import Json

_AS_THEY_ARE = ("temperature", "service_tier", "prompt_cache_key", "prompt_cache_retention")


def make(
    vendor: str, row: Row, model: str, options: Options, settings: VendorSettings, name: str
) -> OpenAIThinking:
    chosen = read(ThinkingOptions, options, vendor)
    return OpenAIThinking(vendor, row, model, chosen, settings, name, Responses())


class Responses:
    path = "/responses"

    def asked(self, options: ThinkingOptions, row: Row, name: str) -> dict[str, Any]:
        asked: dict[str, Any] = options.model_dump(include={*_AS_THEY_ARE}, exclude_none=True)
        if options.max_tokens is not None:
            asked["max_output_tokens"] = options.max_tokens
        if options.reasoning_effort is not None:
            asked["reasoning"] = {"effort": options.reasoning_effort}
        return asked | {"store": False, "metadata": {"call": name}}

    def request(self, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
        request: dict[str, Any] = {"input": [item for m in messages for item in _items(m)]}
        if tools:
            request["tools"] = [_as_function(tool) for tool in tools]
        return request

    def reader(self, vendor: str) -> Reader:
        return _Reply(vendor)


@dataclass
class _Reply:
    vendor: str
    calls: list[Called] = field(default_factory=list)
    finished: Finished | None = None

    def take(self, event: Json) -> str:
        match event.get("type"):
            case "response.output_text.delta" | "response.refusal.delta":
                return str(event["delta"])
            case "response.output_item.done" if event["item"]["type"] == "function_call":
                item = event["item"]
                self.calls.append(
                    Called(item["call_id"], item["name"], item.get("arguments") or "{}")
                )
            case "response.completed" | "response.incomplete":
                self._finish(event["response"])
            case "response.failed":
                raise failed(self.vendor, event["response"].get("error"))
            case "error":
                raise failed(self.vendor, event)
        return ""

    def _finish(self, response: Json) -> None:
        reason = "tool_calls" if self.calls else "stop"
        if details := response.get("incomplete_details"):
            why = str(details.get("reason"))
            reason = {"max_output_tokens": "length"}.get(why, why)
        # Compatible servers leave out what OpenAI itself always sends.
        usage = response.get("usage") or {}
        cached = (usage.get("input_tokens_details") or {}).get("cached_tokens") or 0
        self.finished = Finished(
            reason, usage.get("input_tokens") or 0, usage.get("output_tokens") or 0, cached
        )

    def end(self) -> list[Delta]:
        if self.finished is None:
            raise VendorError(self.vendor, Fault.THEIRS, "the reply broke off")
        return [*self.calls, self.finished]


def _items(message: Message) -> Iterator[Any]:
    if message.role == "tool":
        yield {
            "type": "function_call_output",
            "call_id": message.tool_call_id,
            "output": message.content,
        }
        return
    if message.content or not message.tool_calls:
        yield {"role": message.role, "content": message.content}
    for call in message.tool_calls:
        yield {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }


def _as_function(tool: Tool) -> Any:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
