"""Deepgram: the client that its hearing and speaking share, and speaking over pooled HTTP.

https://developers.deepgram.com/reference/text-to-speech/speak-request
"""

import contextlib
import time
import warnings
from collections.abc import AsyncIterator
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

from gateway.errors import VendorError
from gateway.speech.contract import RATE
from gateway.speech.settings import VendorSettings
from gateway.speech.sound import Sound
from gateway.speech.vendors.faults import broken, key_of, patiently, refused
from gateway.speech.vendors.shared import shared

with warnings.catch_warnings():  # the SDK asks websockets for names that are on their way out
    warnings.simplefilter("ignore", DeprecationWarning)
    # The SDK imports these at first use, in the middle of a call.
    import deepgram.speak.client
    import deepgram.speak.v1.audio.client
    import deepgram.speak.v1.client  # noqa: F401
    from deepgram import AsyncDeepgramClient, DeepgramClientEnvironment
    from deepgram.core.api_error import ApiError

VENDOR = "deepgram"
WARM_S = 60.0


class SpeakOptions(BaseModel):
    """``options`` of a voice: ``asteria`` of model ``aura-2``, or a whole name."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "thalia"
    language: str = "en"
    speed: float | None = None
    mip_opt_out: bool | None = None


class Client:
    """The SDK's client for one place and key; its HTTP connections outlive calls."""

    def __init__(self, base_url: str | None, key: str, timeout_s: float) -> None:
        self._http = httpx.AsyncClient(
            limits=httpx.Limits(
                max_connections=1000, max_keepalive_connections=200, keepalive_expiry=WARM_S * 2
            ),
            timeout=timeout_s,
        )
        place = DeepgramClientEnvironment.PRODUCTION
        if base_url:
            rest = base_url.rstrip("/")
            wire = rest.replace("http", "ws", 1)
            place = DeepgramClientEnvironment(
                base=rest, production=wire, agent=wire, agent_rest=rest
            )
        self._base = place.base
        self.sdk = AsyncDeepgramClient(
            api_key=key, environment=place, httpx_client=self._http, max_retries=0
        )
        self.used_at = float("-inf")

    async def warm(self) -> None:
        """Have a connection ready. What the answer is does not matter."""
        if time.monotonic() - self.used_at < WARM_S:
            return
        self.used_at = time.monotonic()
        with contextlib.suppress(httpx.HTTPError):
            await self._http.head(self._base)

    async def close(self) -> None:
        await self._http.aclose()


def client(settings: VendorSettings) -> Client:
    key = (settings.base_url, key_of(VENDOR, settings), settings.timeout_s)
    return shared((VENDOR, *key), lambda: Client(*key))


def blame(error: Exception) -> VendorError:
    match error:
        case ApiError():
            # Of a refused websocket the SDK keeps our own headers; the answer's are on the cause.
            headers = getattr(error.__context__, "headers", None) or error.headers or {}
            body = error.body if isinstance(error.body, dict) else {}
            code = str(body.get("err_code", ""))
            detail = body.get("err_msg") or headers.get("dg-error") or error.body
            lowered = {name.lower(): value for name, value in headers.items()}
            return refused(VENDOR, error.status_code or 500, str(detail), lowered, code)
        case httpx.TimeoutException():
            return broken(VENDOR, TimeoutError())
    return broken(VENDOR, error)


class DeepgramSpeaking:
    """One call's voice."""

    vendor = VENDOR
    tags = ()

    def __init__(
        self, model: str, options: SpeakOptions, settings: VendorSettings, call_id: str
    ) -> None:
        voice = options.voice
        if not voice.startswith(("aura", "flux")):
            voice = f"{model or 'aura-2'}-{voice}-{options.language}"
        self._settings = settings
        self._asked: dict[str, Any] = {
            "model": voice,
            "encoding": "linear16",
            "container": "none",
            "sample_rate": RATE,
            "tag": call_id,
            "speed": options.speed,
            "mip_opt_out": options.mip_opt_out,
        }

    async def open(self) -> None:
        with contextlib.suppress(VendorError):  # a missing key: speak will say it
            await client(self._settings).warm()

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        known = client(self._settings)
        known.used_at = time.monotonic()
        pieces = known.sdk.speak.v1.audio.generate(text=text, **self._asked)
        sound = Sound(RATE)
        async with contextlib.aclosing(pieces):
            async for piece in patiently(pieces, self._settings.timeout_s, blame):
                if pcm := sound.feed(piece):
                    yield pcm

    async def close(self) -> None: ...
