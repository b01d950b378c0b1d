"""Azure AI Speech: its SDKs' websocket protocol, as the open JavaScript SDK speaks it.

https://learn.microsoft.com/azure/ai-services/speech-service/ and
https://github.com/microsoft/cognitive-services-speech-sdk-js (src/common.speech)
"""

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault, VendorError
from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Dial, Dialect, Frame, Pieces, given, mean
from gateway.speech.settings import VendorSettings

PATH = "/speech/recognition/conversation/cognitiveservices/v1"
PIECE_MS = 100
# A WAV header whose sizes nobody reads (a stream has no end).
HEADER = (
    b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0"
    + RATE.to_bytes(4, "little")
    + (RATE * 2).to_bytes(4, "little")
    + b"\x02\0\x10\0data\0\0\0\0"
)
FAULTS = {1007: Fault.OURS, 4429: Fault.OVERLOAD, 1013: Fault.OVERLOAD}


class Options(BaseModel):
    """``options``: language and how phrases are cut."""

    model_config = ConfigDict(extra="forbid")

    language: str = "en-US"
    segmentation_strategy: str | None = None
    segmentation_silence_timeout_ms: int | None = Field(None, ge=100, le=5000)
    segmentation_maximum_time_ms: int | None = Field(None, ge=20000, le=70000)


class Azure(Dialect):
    """Phrases come by themselves; it is given no hint of the end of speech."""

    vendor = "azure"
    cloud = ""
    chatty = False
    gathers = False

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self._options, self._tag = options, tag
        self._request = uuid.uuid4().hex
        self._pieces = Pieces(PIECE_MS)
        self._header = HEADER

    def dial(self, answer: Any) -> Dial:
        key, region = self.key, self.settings.region
        if not (region or self.settings.base_url):
            raise self.failure(Fault.OURS, "set region (or base_url) in [vendors.azure]")
        query = [("language", self._options.language), ("format", "detailed")]
        url = self.url(PATH, query)
        if not self.settings.base_url:
            url = f"wss://{region}.stt.speech.microsoft.com{url}"
        headers = {"Ocp-Apim-Subscription-Key": key, "X-ConnectionId": uuid.uuid4().hex}
        return Dial(url, headers, tuple(self._first()))

    def _first(self) -> Iterable[Frame]:
        system = {"name": "Trunkline", "version": "1", "build": "Python", "lang": "Python"}
        # The one place where a session can be given a name: it is shown in the resource's logs.
        device = {"manufacturer": "Trunkline", "model": "gateway", "version": self._tag}
        yield self._text("speech.config", {"context": {"system": system, "device": device}})
        yield self._text("speech.context", self._context())

    def _context(self) -> dict[str, Any]:
        options = self._options
        custom = options.segmentation_silence_timeout_ms or options.segmentation_maximum_time_ms
        mode = {"Semantic": "Semantic", "Time": "Custom"}.get(options.segmentation_strategy or "")
        segmentation = given(
            mode="Custom" if custom else mode,
            segmentationSilenceTimeoutMs=options.segmentation_silence_timeout_ms,
            segmentationForcedTimeoutMs=options.segmentation_maximum_time_ms,
        )
        if not segmentation:
            return {}
        conversation = {"segmentation": segmentation}
        return {"phraseDetection": {"mode": "Conversation", "conversation": conversation}}

    def sound(self, pcm: bytes) -> Iterable[Frame]:
        for piece in self._pieces.cut(pcm):
            yield self._binary(self._header + piece)
            self._header = b""

    def finish(self) -> Iterable[Frame]:
        return (self._binary(b""),)

    def read(self, frame: Any) -> Iterable[Heard]:
        head, _, body = frame.partition("\r\n\r\n")
        fields = dict(line.partition(":")[::2] for line in head.split("\r\n"))
        message = json.loads(body) if body else {}
        match fields["Path"].strip():
            case "speech.hypothesis":
                yield Heard(message["Text"])
            case "speech.phrase":
                yield from self._phrase(message)
            case "turn.end":  # it was silent for long, or went on for hours: begin another
                self._request, self._header = uuid.uuid4().hex, HEADER

    def _phrase(self, phrase: dict[str, Any]) -> Iterable[Heard]:
        match phrase["RecognitionStatus"]:
            case "Success":
                best = phrase["NBest"][0]
                text = best["Display"].strip()
                yield Heard(text, True, False, mean([best["Confidence"]]) if text else 0.0)
            case "NoMatch" | "InitialSilenceTimeout" | "BabbleTimeout":
                yield Heard("", final=True, confidence=0.0)
            case "Error":
                raise self.failure(Fault.THEIRS, "recognition failed")
            case "TooManyRequests":
                raise self.failure(Fault.OVERLOAD, "too many requests")

    def closed(self, code: int, reason: str) -> VendorError:
        return self.failure(FAULTS.get(code, Fault.THEIRS), f"closed: {code} {reason}")

    def _fields(self, path: str, kind: str) -> str:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        lines = (f"Path: {path}", f"X-RequestId: {self._request}", f"X-Timestamp: {at}")
        return "\r\n".join([*lines, f"Content-Type: {kind}", ""])

    def _text(self, path: str, body: dict[str, Any]) -> str:
        return f"{self._fields(path, 'application/json')}\r\n{json.dumps(body)}"

    def _binary(self, data: bytes) -> bytes:
        head = self._fields("audio", "audio/x-wav").encode()
        return len(head).to_bytes(2, "big") + head + data
