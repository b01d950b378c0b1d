"""OpenAI, and every vendor that speaks its protocol: chat completions and speech.

https://platform.openai.com/docs/api-reference/chat/streaming and .../audio/createSpeech.
The SDK takes half a second to import and is light afterwards; it never retries here, because
only the pipeline knows whether the caller is still waiting.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2  # the SDK's own
import numpy as np
import openai
import openai.resources.audio.speech  # else imported by the SDK in the middle of a call
import openai.resources.chat.completions
import soxr  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault, VendorError
from gateway.speech.contract import RATE, Called, Delta, Finished, Message, Said, Tool
from gateway.speech.settings import VendorSettings
from gateway.speech.vendors.faults import broken, key_of, patiently, refused
from gateway.speech.vendors.shared import shared

KEEPALIVE_S = 120.0  # a connection stays warm between a caller's turns
WARM_S = 30.0  # one that was used so lately needs no warming
_UNSUPPORTED = ("unsupported_value", "unsupported_parameter")
SPEECH_RATE = 24_000  # of response_format "pcm"


@dataclass(frozen=True)
class Compatible:
    """A vendor of chat completions, as far as it differs from the others."""

    base_url: str | None = None  # None: the SDK's own; "" : the operator or assistant must say
    limit: str = "max_tokens"  # what it calls the limit of tokens in a reply


COMPATIBLE: dict[str, Compatible] = {
    "openai": Compatible(limit="max_completion_tokens"),
    "custom-llm": Compatible(""),
    "anthropic": Compatible("https://api.anthropic.com/v1/"),
    "cerebras": Compatible("https://api.cerebras.ai/v1"),
    "deep-seek": Compatible("https://api.deepseek.com"),
    "deepinfra": Compatible("https://api.deepinfra.com/v1/openai"),
    "google": Compatible("https://generativelanguage.googleapis.com/v1beta/openai/"),
    "groq": Compatible("https://api.groq.com/openai/v1"),
    "minimax": Compatible("https://api.minimax.io/v1"),
    "openrouter": Compatible("https://openrouter.ai/api/v1"),
    "perplexity-ai": Compatible("https://api.perplexity.ai"),
    "together-ai": Compatible("https://api.together.xyz/v1"),
    "xai": Compatible("https://api.x.ai/v1"),
}


class ChatOptions(BaseModel):
    """``options`` of a chat model. What is not set is not sent."""

    model_config = ConfigDict(extra="forbid")

    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    url: str | None = Field(None, description="custom-llm: where its /chat/completions is")
    headers: dict[str, str] = Field(default_factory=dict)


class VoiceOptions(BaseModel):
    """``options`` of a voice."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "alloy"
    speed: float | None = None
    instructions: str | None = None


class _Client:
    """The SDK's client for one base URL and key, with a pool that outlives calls."""

    def __init__(self, base_url: str | None, key: str, timeout_s: float) -> None:
        limits = httpx2.Limits(
            max_connections=1000, max_keepalive_connections=200, keepalive_expiry=KEEPALIVE_S
        )
        self.sdk = openai.AsyncOpenAI(
            api_key=key,
            base_url=base_url,
            max_retries=0,
            timeout=timeout_s,
            http_client=httpx2.AsyncClient(limits=limits, timeout=timeout_s),
        )
        self.used_at = float("-inf")

    async def warm(self) -> None:
        """Have a connection ready. What the answer is does not matter."""
        if time.monotonic() - self.used_at < WARM_S:
            return
        self.used_at = time.monotonic()
        with contextlib.suppress(openai.OpenAIError, httpx2.HTTPError, ValueError):
            await self.sdk.get("/models", cast_to=httpx2.Response)

    async def close(self) -> None:
        await self.sdk.close()


def _client(vendor: str, base_url: str | None, settings: VendorSettings) -> _Client:
    secret = settings.key or "none" if vendor == "custom-llm" else key_of(vendor, settings)
    key = (base_url, secret, settings.timeout_s)
    return shared(("openai", *key), lambda: _Client(*key))


def _blame(vendor: str, error: Exception) -> VendorError:
    match error:
        case openai.APITimeoutError() | httpx2.TimeoutException():
            return broken(vendor, TimeoutError())
        case openai.APIStatusError():
            detail = error.body.get("message") if isinstance(error.body, dict) else None
            return refused(
                vendor,
                error.status_code,
                str(detail or error.message),
                error.response.headers,
                str(error.code or ""),
            )
        case openai.APIConnectionError():
            return broken(vendor, error.__cause__ or error)
        case openai.APIError():  # an error object inside a stream that began well
            status = 429 if error.code in ("insufficient_quota", "rate_limit_exceeded") else 500
            return refused(vendor, status, error.message, code=str(error.code or ""))
    return broken(vendor, error)


class OpenAIThinking:
    """One call's language model."""

    def __init__(
        self, vendor: str, model: str, options: ChatOptions, settings: VendorSettings, call_id: str
    ) -> None:
        self.vendor = vendor
        row = COMPATIBLE[vendor]
        url = settings.base_url or options.url or row.base_url
        if url == "":
            raise VendorError(vendor, Fault.OURS, "url: says where the model is, and is missing")
        # The API lets an assistant name either the root or the very resource.
        self._url = url.removesuffix("/").removesuffix("/chat/completions") if url else None
        self._settings = settings
        self._call_id = call_id
        self._requests = 0
        self._headers = options.headers
        asked = options.model_dump(exclude={"url", "headers", "max_tokens"}, exclude_none=True)
        if options.max_tokens is not None:
            asked[row.limit] = options.max_tokens
        self._settable = set(asked)
        self._asked: dict[str, Any] = {"model": model, **asked}
        self._body = {"call": {"id": call_id}} if vendor == "custom-llm" else None

    async def open(self) -> None:
        with contextlib.suppress(VendorError):  # a missing key: reply will say it
            await _client(self.vendor, self._url, self._settings).warm()

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Delta]:
        def blame(error: Exception) -> VendorError:
            return _blame(self.vendor, error)

        client = _client(self.vendor, self._url, self._settings)
        client.used_at = time.monotonic()
        self._requests += 1
        try:
            stream = await self._ask(client.sdk, messages, tools)
        except Exception as error:
            raise blame(error) from error
        try:
            reply = _Reply(self.vendor)
            async for chunk in patiently(aiter(stream), self._settings.timeout_s, blame):
                if text := reply.take(chunk):
                    yield Said(text)
            for delta in reply.end():
                yield delta
        finally:
            await stream.close()

    async def _ask(
        self, sdk: openai.AsyncOpenAI, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> Any:
        """Models differ in what may be set: a reasoning one refuses a temperature. What is refused
        is left out, for the rest of the call."""
        while True:
            try:
                return await sdk.chat.completions.create(**self._request(messages, tools))
            except openai.BadRequestError as error:
                if error.code not in _UNSUPPORTED or error.param not in self._settable:
                    raise
                self._settable.remove(error.param)
                self._asked.pop(error.param)

    def _request(self, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
        request = {
            **self._asked,
            "messages": [_as_chat(message) for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "extra_headers": {
                "X-Client-Request-Id": f"{self._call_id}-{self._requests}",
                **self._headers,
            },
            "extra_body": self._body,
        }
        if tools:  # an empty list is refused
            request["tools"] = [_as_function(tool) for tool in tools]
        return request

    def expected(self, messages: Sequence[Message]) -> Sequence[str]:
        return ()

    async def close(self) -> None: ...


@dataclass
class _Reply:
    """Puts a streamed reply together: text passes through, tool calls are assembled."""

    vendor: str
    calls: list[list[str]] = field(default_factory=list)  # id, name, arguments
    places: dict[int, int] = field(default_factory=dict)
    reason: str = ""
    tokens_in: int = 0
    tokens_out: int = 0

    def take(self, chunk: Any) -> str:
        if chunk.usage:
            self.tokens_in = chunk.usage.prompt_tokens
            self.tokens_out = chunk.usage.completion_tokens
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
        return [*made, Finished(self.reason, self.tokens_in, self.tokens_out)]


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
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    }


class OpenAISpeaking:
    """One call's voice."""

    vendor = "openai"

    def __init__(
        self, model: str, options: VoiceOptions, settings: VendorSettings, call_id: str
    ) -> None:
        self._settings = settings
        self._call_id = call_id
        self._sentences = 0
        self._asked: dict[str, Any] = {
            "model": model or "gpt-4o-mini-tts",
            "response_format": "pcm",
            **options.model_dump(exclude_none=True),
        }

    async def open(self) -> None:
        with contextlib.suppress(VendorError):  # a missing key: speak will say it
            await _client(self.vendor, self._settings.base_url, self._settings).warm()

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        def blame(error: Exception) -> VendorError:
            return _blame(self.vendor, error)

        client = _client(self.vendor, self._settings.base_url, self._settings)
        client.used_at = time.monotonic()
        self._sentences += 1
        resample = soxr.ResampleStream(SPEECH_RATE, RATE, 1, dtype="int16", quality="MQ")
        odd = b""
        async with contextlib.AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(
                    client.sdk.audio.speech.with_streaming_response.create(
                        **self._asked,
                        input=text,
                        extra_headers={
                            "X-Client-Request-Id": f"{self._call_id}-s{self._sentences}"
                        },
                    )
                )
            except Exception as error:
                raise blame(error) from error
            pieces = aiter(response.iter_bytes())
            async for piece in patiently(pieces, self._settings.timeout_s, blame):
                whole = odd + piece
                odd = whole[len(whole) & ~1 :]
                samples = np.frombuffer(whole, np.int16, len(whole) // 2)
                if sound := resample.resample_chunk(samples).tobytes():
                    yield sound
        yield resample.resample_chunk(np.empty(0, np.int16), last=True).tobytes()

    async def close(self) -> None: ...
