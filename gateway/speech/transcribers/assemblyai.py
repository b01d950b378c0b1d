"""AssemblyAI Universal-Streaming, version 3.

https://www.assemblyai.com/docs/api-reference/streaming-api/streaming-api
"""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway.errors import Fault, VendorError
from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Dial, Dialect, Frame, Pieces, text_of
from gateway.speech.settings import VendorSettings

PIECE_MS = 50  # it takes messages of 50 to 1000 ms of sound
# The codes of error frames and of closing.
FAULTS = {
    1008: Fault.AUTH, 4001: Fault.AUTH, 4002: Fault.QUOTA, 4003: Fault.QUOTA,
    1013: Fault.OVERLOAD, 3009: Fault.OVERLOAD, 4029: Fault.OVERLOAD, 4102: Fault.OVERLOAD,
    3006: Fault.OURS, 3007: Fault.OURS, 4000: Fault.OURS, 4100: Fault.OURS, 4101: Fault.OURS,
}  # fmt: skip


class Options(BaseModel):
    """``options``, in AssemblyAI's words; what is not set is not sent."""

    model_config = ConfigDict(extra="forbid")

    format_turns: bool = True
    end_of_turn_confidence_threshold: float | None = Field(None, ge=0, le=1)
    min_turn_silence: int | None = Field(None, ge=0, description="ms")
    max_turn_silence: int | None = Field(None, ge=0, description="ms")
    keyterms_prompt: list[str] = Field(default_factory=list)
    speech_model: str | None = None
    language: str | None = None
    language_codes: list[str] = Field(default_factory=list)
    mode: str | None = None
    prompt: str | None = None
    agent_context: str | None = None
    url: str | None = Field(None, description="another place than its cloud")
    force_endpoint: bool = Field(True, description="the turn is ended when our detector says so")
    partials: bool = True
    confidence_threshold: float = Field(0.4, ge=0, le=1)

    @field_validator("url")
    @classmethod
    def _theirs(cls, url: str | None) -> str | None:
        """The gateway's key goes there, so it must be AssemblyAI's own."""
        if url:
            asked = urlsplit(url)
            host = asked.hostname or ""
            if asked.scheme != "wss" or not f".{host}".endswith(".assemblyai.com"):
                raise ValueError("must be wss:// and a host of assemblyai.com")
        return url


class AssemblyAI(Dialect):
    """Its words of a turn are cumulative; the last, formatted ones are final."""

    vendor = "assembly-ai"
    cloud = "wss://streaming.assemblyai.com"
    chatty = False
    gathers = False
    idle_s = 20.0

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        if options.url:
            settings = settings.model_copy(update={"base_url": options.url})
        super().__init__(settings, options.confidence_threshold)
        self.ready = False
        self._model, self._options = options.speech_model or model, options
        self._pieces = Pieces(PIECE_MS)
        self._forced = False

    def dial(self, answer: Any) -> Dial:
        options = self._options
        multi = options.language == "multi"
        model = self._model or f"universal-streaming-{'multilingual' if multi else 'english'}"
        asked = options.model_dump(
            exclude={"speech_model", "language", "url", "force_endpoint", "partials"}
            | {"confidence_threshold"}
        )
        # Terms and codes are JSON lists here, not repeated names.
        asked |= {n: v and json.dumps(v) for n, v in asked.items() if isinstance(v, list)}
        query = [("sample_rate", RATE), ("encoding", "pcm_s16le"), ("speech_model", model)]
        path = "" if options.url else "/v3/ws"
        return Dial(self.url(path, [*query, *asked.items()]), {"Authorization": self.key})

    def sound(self, pcm: bytes) -> Iterable[Frame]:
        return self._pieces.cut(pcm)

    def onset(self) -> Iterable[Frame]:
        self._forced = False
        return ()

    def offset(self) -> Iterable[Frame]:
        if not self._options.force_endpoint:
            return ()
        self._forced = True
        rest = self._pieces.rest()
        return (*([rest] if rest else []), text_of(type="ForceEndpoint"))

    def idle(self) -> Iterable[Frame]:
        return (text_of(type="KeepAlive"),)

    def finish(self) -> Iterable[Frame]:
        return (text_of(type="Terminate"),)

    def read(self, frame: Any) -> Iterable[Heard]:
        message = json.loads(frame)
        match message["type"]:
            case "Begin":
                self.ready = True
            case "Error":
                raise self.closed(message.get("error_code") or 0, message["error"])
            case "Turn":
                yield from self._turn(message)

    def _turn(self, turn: dict[str, Any]) -> Iterable[Heard]:
        words = [word for word in turn["words"] if word["text"].strip()]
        sure = sum(w["confidence"] for w in words) / len(words) if words else 1.0
        text = turn["transcript"].strip() or " ".join(word["text"] for word in words)
        whole = turn["end_of_turn"]
        if whole and self._options.format_turns and not turn["turn_is_formatted"]:
            whole = False  # the same follows, formatted
        if whole:
            yield Heard(text, True, bool(text) and not self._forced, sure)
        elif text and self._options.partials:
            yield Heard(text, confidence=sure)

    def closed(self, code: int, reason: str) -> VendorError:
        return self.failure(FAULTS.get(code, Fault.THEIRS), f"{code} {reason}")
