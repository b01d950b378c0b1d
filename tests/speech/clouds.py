"""The protocols that models speak, each with its simulator."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from gateway.speech import catalog
from gateway.speech.contract import Delta, Message, Said, Thinking, Tool
from gateway.speech.settings import VendorSettings
from tests.simulators.anthropic_wire import AnthropicSimulator
from tests.simulators.bedrock_wire import BedrockSimulator
from tests.simulators.gemini_wire import GeminiSimulator
from tests.simulators.openai_wire import OpenAISimulator
from tests.simulators.wire import Server

SYSTEM = Message("system", "Be brief.")
HELLO = [SYSTEM, Message("user", "hello")]
TOOLS = (Tool("dtmf", "press keys"), Tool("endCall"))


@dataclass
class Cloud:
    """A vendor, the model that makes it speak this protocol, and its simulator."""

    vendor: str
    model: str
    server: Any

    def mind(self, timeout_s: float = 30.0, **options: Any) -> Thinking:
        settings = VendorSettings(
            base_url=self.server.base_url, api_key=SecretStr("k"), timeout_s=timeout_s
        )
        return catalog.thinking(self.vendor, self.model, options, settings, "call-1")

    @property
    def sent(self) -> dict[str, Any]:
        sent: dict[str, Any] = self.server.requests[-1].json()
        return sent


CLOUDS: dict[str, tuple[str, str, type[Server]]] = {
    "chat": ("openai", "gpt-4.1", OpenAISimulator),
    "responses": ("openai", "gpt-5.4", OpenAISimulator),
    "anthropic": ("anthropic", "claude-sonnet-4-5-20250929", AnthropicSimulator),
    "bedrock": ("anthropic-bedrock", "claude-sonnet-4-5-20250929", BedrockSimulator),
    "gemini": ("google", "gemini-2.5-flash", GeminiSimulator),
}


async def a_cloud(name: str) -> AsyncIterator[Cloud]:
    vendor, model, simulator = CLOUDS[name]
    async with simulator() as server:
        yield Cloud(vendor, model, server)


async def replied(
    thinking: Thinking, messages: list[Message] = HELLO, tools: tuple[Tool, ...] = ()
) -> list[Delta]:
    return [delta async for delta in thinking.reply(messages, tools)]


def said(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, Said))
