"""Google's hearing: Gemini, an utterance at a time, over HTTP with an API key.

https://ai.google.dev/api/generate-content and https://ai.google.dev/gemini-api/docs/audio. Every
model that the assistant's JSON knows takes sound this way; the Live API takes only its own models,
and Speech-to-Text streams by gRPC alone.
"""

import asyncio
import base64
import contextlib
import struct
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault, VendorError
from gateway.speech.contract import RATE, Heard
from gateway.speech.settings import VendorSettings
from gateway.speech.utterances import BYTES_PER_S, Gate
from gateway.speech.vendors.faults import broken, key_of, refused
from gateway.speech.vendors.shared import shared

VENDOR = "google"
CLOUD = "https://generativelanguage.googleapis.com"
LONGEST_S = 60.0  # of an utterance; what is beyond is not sent
ORDER = (
    "Transcribe the speech of this telephone call word for word{language}. Answer with nothing "
    "but the transcript. If there are no words in it, answer with nothing at all."
)


class Options(BaseModel):
    """``options``: the name of a language, as ``Italian``."""

    model_config = ConfigDict(extra="forbid")

    language: str | None = None


class _Client:
    """Its connections outlive calls."""

    def __init__(self) -> None:
        limits = httpx.Limits(max_connections=1000, keepalive_expiry=120.0)
        self.http = httpx.AsyncClient(limits=limits, timeout=None)  # noqa: S113 (asked in time)

    async def close(self) -> None:
        await self.http.aclose()


class GeminiHearing:
    """One call's speech recognition. Its words are all final: there are no interim ones."""

    vendor = VENDOR

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        self._settings = settings
        base = (settings.base_url or CLOUD).rstrip("/")
        self._url = f"{base}/v1beta/models/{model or 'gemini-2.5-flash'}:generateContent"
        known = options.language and options.language != "Multilingual"
        self._order = ORDER.format(language=f", in {options.language}" if known else "")
        self._gate = Gate()
        self._pcm = bytearray()
        self._said: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def open(self) -> None:
        """Make the connection warm, and see that there is a key and that it is good."""
        key = key_of(VENDOR, self._settings)
        await self._ask("GET", f"{self._url.rpartition(':')[0]}", key, None)

    def hear(self, pcm: bytes) -> None:
        sound, over = self._gate.hear(pcm)
        if len(self._pcm) < LONGEST_S * BYTES_PER_S:
            self._pcm += sound
        if over:
            self._said.put_nowait(bytes(self._pcm))
            self._pcm.clear()

    def onset(self) -> None:
        self._gate.onset()

    def offset(self) -> None:
        self._gate.offset()

    def expect(self, phrases: Sequence[str]) -> None: ...

    async def events(self) -> AsyncIterator[Heard]:
        while (pcm := await self._said.get()) is not None:
            text = await self._transcribe(pcm)
            yield Heard(text, True, False, 1.0 if text else 0.0)

    async def close(self) -> None:
        self._said.put_nowait(None)

    async def _transcribe(self, pcm: bytes) -> str:
        sound = {"mimeType": "audio/wav", "data": base64.b64encode(wav(pcm)).decode()}
        body = {
            "contents": [{"role": "user", "parts": [{"inlineData": sound}, {"text": self._order}]}],
            "generationConfig": {"temperature": 0, "thinkingConfig": {"thinkingBudget": 0}},
        }
        if "2.5-flash" not in self._url:  # the others cannot leave thinking, or do not know how
            del body["generationConfig"]["thinkingConfig"]  # type: ignore[attr-defined]
        answer = await self._ask("POST", self._url, key_of(VENDOR, self._settings), body)
        try:
            candidate = answer["candidates"][0]
            parts = candidate.get("content", {}).get("parts", ())
            return "".join(part["text"] for part in parts if not part.get("thought")).strip()
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise VendorError(VENDOR, Fault.THEIRS, "an answer without a transcript") from error

    async def _ask(self, method: str, url: str, key: str, body: Any) -> Any:
        headers = {"x-goog-api-key": key}
        http = shared("google-hearing", _Client).http
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                answer = await http.request(method, url, headers=headers, json=body)
            if answer.is_error:
                raise _refused(answer)
            return answer.json()
        except Exception as error:
            raise broken(VENDOR, error) from error


def _refused(answer: httpx.Response) -> VendorError:
    error: dict[str, Any] = {}
    with contextlib.suppress(ValueError, AttributeError, KeyError):
        error = answer.json()["error"]
    detail, status = str(error.get("message") or answer.text[:200]), answer.status_code
    if status == 400 and "API key" in detail:
        status = 401  # "API key not valid" comes as a bad request
    code = "insufficient_quota" if "billing" in detail else ""
    return refused(VENDOR, status, detail, dict(answer.headers.items()), code)


def wav(pcm: bytes) -> bytes:
    """The sound with a header that says what it is."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    data = struct.pack("<4sI", b"data", len(pcm)) + pcm
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data
