"""Deepgram: hearing over a websocket for each call, speaking over pooled HTTP.

https://developers.deepgram.com/reference/speech-to-text/listen-streaming
https://developers.deepgram.com/reference/text-to-speech/speak-request
"""

import asyncio
import contextlib
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault, VendorError
from gateway.speech.contract import RATE, Heard
from gateway.speech.settings import VendorSettings
from gateway.speech.vendors.faults import broken, key_of, patiently, refused
from gateway.speech.vendors.shared import shared

with warnings.catch_warnings():  # the SDK asks websockets for names that are on their way out
    warnings.simplefilter("ignore", DeprecationWarning)
    # The SDK imports these at first use, in the middle of a call.
    import deepgram.listen.client
    import deepgram.listen.v1.client
    import deepgram.speak.client
    import deepgram.speak.v1.audio.client
    import deepgram.speak.v1.client  # noqa: F401
    from deepgram import AsyncDeepgramClient, DeepgramClientEnvironment
    from deepgram.core.api_error import ApiError
    from websockets.exceptions import ConnectionClosed

VENDOR = "deepgram"
KEEPALIVE_S = 4.0  # Deepgram hangs up after 10 s without sound or KeepAlive
WARM_S = 60.0
BACKLOG = 500  # frames that wait to be sent: 10 s; a vendor so far behind has stalled
LETTING_GO_S = 1.0  # for the closing handshake


class ListenOptions(BaseModel):
    """``options`` of hearing, in Deepgram's words."""

    model_config = ConfigDict(extra="forbid")

    language: str = "en"
    endpointing: int = Field(300, description="ms of silence before speech_final")
    utterance_end_ms: int = Field(1000, ge=1000)
    smart_format: bool = False
    numerals: bool = False
    profanity_filter: bool = False
    mip_opt_out: bool = False
    redact: list[str] = Field(default_factory=list)
    keywords: list[str] = Field(default_factory=list)
    keyterm: list[str] = Field(default_factory=list)
    confidence_threshold: float = Field(0.0, ge=0, le=1, description="words below are dropped")


class SpeakOptions(BaseModel):
    """``options`` of a voice: ``asteria`` of model ``aura-2``, or a whole name."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "thalia"
    language: str = "en"
    speed: float | None = None
    mip_opt_out: bool | None = None


class _Client:
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


def _client(settings: VendorSettings) -> _Client:
    key = (settings.base_url, key_of(VENDOR, settings), settings.timeout_s)
    return shared((VENDOR, *key), lambda: _Client(*key))


def _blame(error: Exception) -> VendorError:
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
        case ConnectionClosed():
            if (close := error.rcvd) is None:
                return VendorError(VENDOR, Fault.THEIRS, "connection cut")
            fault = Fault.OURS if close.code == 1008 else Fault.THEIRS  # 1008: our sound is bad
            return VendorError(VENDOR, fault, f"closed: {close.code} {close.reason}".rstrip())
    return broken(VENDOR, error)


class Results:
    """Reads what Deepgram sends during one call, without IO."""

    def __init__(self, confidence: float = 0.0) -> None:
        self._confidence = confidence
        self._words = False  # final words that no end of turn has closed
        self._answered = True  # final words have come since the caller began to speak

    def onset(self) -> None:
        self._answered = False

    def read(self, message: Any) -> Heard | None:
        """What a message says; None if it is nothing to the pipeline."""
        match message.type:
            case "Results":
                return self._results(message)
            case "UtteranceEnd" if self._words:
                self._words = False
                return Heard("", final=True, ended=True)
            case "Error":
                raise VendorError(VENDOR, Fault.THEIRS, str(message.description))
        return None

    def _results(self, message: Any) -> Heard | None:
        best = message.channel.alternatives[0]
        text, final = best.transcript.strip(), bool(message.is_final)
        if text and best.confidence < self._confidence:
            text = ""
        if not final:
            return Heard(text, confidence=best.confidence) if text else None
        self._words |= bool(text)
        ended = bool(message.speech_final) and self._words
        unheard = bool(message.from_finalize) and not self._answered
        self._answered |= bool(text) or unheard
        if ended:
            self._words = False
        if not (text or ended or unheard):
            return None
        return Heard(text, True, ended, best.confidence)


class DeepgramHearing:
    """One call's speech recognition."""

    vendor = VENDOR

    def __init__(
        self, model: str, options: ListenOptions, settings: VendorSettings, call_id: str
    ) -> None:
        self._settings = settings
        self._results = Results(options.confidence_threshold)
        self._asked: dict[str, Any] = {
            "model": model or "nova-3",
            "encoding": "linear16",
            "sample_rate": RATE,
            "channels": 1,
            "interim_results": "true",
            "vad_events": "true",
            "tag": call_id,
        }
        for name, value in options.model_dump(exclude={"confidence_threshold"}).items():
            if isinstance(value, bool):
                value = "true" if value else None
            self._asked[name] = value or None
        self._heard: asyncio.Queue[Heard | VendorError | None] = asyncio.Queue()
        self._sound: asyncio.Queue[bytes | None] = asyncio.Queue()  # None: Finalize
        self._socket: Any = None
        self._dialled = contextlib.AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._sent_at = self._listened_at = 0.0
        self._owed = False  # the caller has spoken, and Deepgram has said nothing since

    async def open(self) -> None:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                self._socket = await self._dialled.enter_async_context(
                    _client(self._settings).sdk.listen.v1.connect(**self._asked)
                )
        except Exception as error:
            raise _blame(error) from error
        self._sent_at = time.monotonic()
        self._tasks = [
            asyncio.create_task(self._guard(work))
            for work in (self._send, self._receive, self._watch)
        ]

    def hear(self, pcm: bytes) -> None:
        if self._sound.qsize() < BACKLOG:
            self._sound.put_nowait(pcm)
        else:
            self._heard.put_nowait(VendorError(VENDOR, Fault.OVERLOAD, "takes no more sound"))

    def onset(self) -> None:
        self._results.onset()
        if not self._owed:
            self._owed, self._listened_at = True, time.monotonic()

    def offset(self) -> None:
        self._sound.put_nowait(None)

    def expect(self, phrases: Sequence[str]) -> None: ...

    async def events(self) -> AsyncIterator[Heard]:
        while (heard := await self._heard.get()) is not None:
            if isinstance(heard, VendorError):
                raise heard
            yield heard

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(Exception):  # whatever its end is like, the call has ended
            async with asyncio.timeout(LETTING_GO_S):
                if self._socket:
                    await self._socket.send_close_stream()
                await self._dialled.aclose()
        self._heard.put_nowait(None)

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            self._heard.put_nowait(_blame(error))

    async def _send(self) -> None:
        while True:
            pcm = await self._sound.get()
            if pcm is None:
                await self._socket.send_finalize()
            else:
                await self._socket.send_media(pcm)
            self._sent_at = time.monotonic()

    async def _receive(self) -> None:
        while True:
            message = await self._socket.recv()
            self._owed = False
            if heard := self._results.read(message):
                self._heard.put_nowait(heard)

    async def _watch(self) -> None:
        """Keep the connection alive through a silence, and notice one that is dead."""
        patience_s = self._settings.timeout_s
        while True:
            await asyncio.sleep(min(KEEPALIVE_S, patience_s) / 4)
            now = time.monotonic()
            if self._owed and now - self._listened_at > patience_s:
                raise TimeoutError
            if now - self._sent_at > KEEPALIVE_S * 0.75:
                await self._socket.send_keep_alive()
                self._sent_at = now


class DeepgramSpeaking:
    """One call's voice."""

    vendor = VENDOR

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
            await _client(self._settings).warm()

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        client = _client(self._settings)
        client.used_at = time.monotonic()
        pieces = client.sdk.speak.v1.audio.generate(text=text, **self._asked)
        odd = b""
        async with contextlib.aclosing(pieces):
            async for piece in patiently(pieces, self._settings.timeout_s, _blame):
                whole = odd + piece
                odd = whole[len(whole) & ~1 :]
                if len(whole) > 1:
                    yield whole[: len(whole) & ~1]

    async def close(self) -> None: ...
