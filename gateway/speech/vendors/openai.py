"""OpenAI's SDK: the client that every vendor of its protocol shares, and its speech.

https://platform.openai.com/docs/api-reference/audio/createSpeech.
The SDK takes half a second to import and is light afterwards; it never retries here, because
only the pipeline knows whether the caller is still waiting.
"""

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2  # the SDK's own
import openai
import openai.resources.audio.speech  # else imported by the SDK in the middle of a call
import openai.resources.chat.completions
import openai.resources.responses
from pydantic import BaseModel, ConfigDict

from gateway.errors import VendorError
from gateway.speech.settings import VendorSettings
from gateway.speech.sound import Sound
from gateway.speech.vendors import openai_network
from gateway.speech.vendors.faults import broken, key_of, patiently, refused
from gateway.speech.vendors.shared import shared

KEEPALIVE_S = 120.0  # a connection stays warm between a caller's turns
WARM_S = 30.0  # one that was used so lately needs no warming
SPEECH_RATE = 24_000  # of response_format "pcm"


class VoiceOptions(BaseModel):
    """``options`` of a voice."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "alloy"
    speed: float | None = None
    instructions: str | None = None


class Client:
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
            http_client=openai_network.client(limits, timeout_s),
        )
        self.used_at = float("-inf")
        self.refused: dict[str, set[str]] = {}  # by model: fields that it does not take

    async def warm(self) -> None:
        """Have a connection ready. What the answer is does not matter."""
        if time.monotonic() - self.used_at < WARM_S:
            return
        self.used_at = time.monotonic()
        with contextlib.suppress(openai.OpenAIError, httpx2.HTTPError, ValueError):
            await self.sdk.get("/models", cast_to=httpx2.Response)

    async def close(self) -> None:
        await self.sdk.close()


def client(
    vendor: str, base_url: str | None, settings: VendorSettings, keyless: bool = False
) -> Client:
    secret = settings.key or "none" if keyless else key_of(vendor, settings)
    key = (base_url, secret, settings.timeout_s)
    return shared(("openai", *key), lambda: Client(*key))


def blame(vendor: str, error: Exception) -> VendorError:
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


class OpenAISpeaking:
    """One call's voice."""

    vendor = "openai"
    tags = ()

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
            await client(self.vendor, self._settings.base_url, self._settings).warm()

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        def whose(error: Exception) -> VendorError:
            return blame(self.vendor, error)

        cloud = client(self.vendor, self._settings.base_url, self._settings)
        cloud.used_at = time.monotonic()
        self._sentences += 1
        sound = Sound(SPEECH_RATE)
        async with contextlib.AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(
                    cloud.sdk.audio.speech.with_streaming_response.create(
                        **self._asked,
                        input=text,
                        extra_headers={
                            "X-Client-Request-Id": f"{self._call_id}-s{self._sentences}"
                        },
                    )
                )
            except Exception as error:
                raise whose(error) from error
            pieces = aiter(response.iter_bytes())
            async for piece in patiently(pieces, self._settings.timeout_s, whose):
                if pcm := sound.feed(piece):
                    yield pcm
        yield sound.finish()

    async def close(self) -> None: ...
