"""ElevenLabs Scribe, in real time.

https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime
"""

import base64
import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault
from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Dial, Dialect, Frame, Pieces, text_of
from gateway.speech.settings import VendorSettings

PIECE_MS = 100
FAULTS = {
    "auth_error": Fault.AUTH,
    "unaccepted_terms": Fault.AUTH,
    "quota_exceeded": Fault.QUOTA,
    "rate_limited": Fault.OVERLOAD,
    "queue_overflow": Fault.OVERLOAD,
    "resource_exhausted": Fault.OVERLOAD,
    "input_error": Fault.OURS,
    "chunk_size_exceeded": Fault.OURS,
    "error": Fault.THEIRS,
    "transcriber_error": Fault.THEIRS,
    "session_time_limit_exceeded": Fault.THEIRS,
}
NO_MATTER = ("commit_throttled", "insufficient_audio_activity")


class Options(BaseModel):
    """``options``: with any of the four, ElevenLabs' own detector ends an utterance, else ours."""

    model_config = ConfigDict(extra="forbid")

    language: str | None = None
    vad_silence_threshold_secs: float | None = Field(None, ge=0.3, le=3)
    vad_threshold: float | None = Field(None, ge=0.1, le=0.9)
    min_speech_duration_ms: int | None = Field(None, ge=50, le=2000)
    min_silence_duration_ms: int | None = Field(None, ge=50, le=2000)


class Scribe(Dialect):
    vendor = "11labs"
    cloud = "wss://api.elevenlabs.io"
    gathers = False

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self.ready = False
        # scribe_v1 and scribe_v2 are for files; the API allows them here, so they mean the like.
        self._model = model if "realtime" in model else "scribe_v2_realtime"
        self._language = options.language
        self._detector = options.model_dump(exclude={"language"}, exclude_none=True)
        self._pieces = Pieces(PIECE_MS)

    def dial(self, answer: Any) -> Dial:
        query = [
            ("model_id", self._model),
            ("audio_format", f"pcm_{RATE}"),
            ("commit_strategy", "vad" if self._detector else "manual"),
            ("language_code", self._language),
            *self._detector.items(),
        ]
        return Dial(self.url("/v1/speech-to-text/realtime", query), {"xi-api-key": self.key})

    def sound(self, pcm: bytes) -> Iterable[Frame]:
        return [self._chunk(piece) for piece in self._pieces.cut(pcm)]

    def offset(self) -> Iterable[Frame]:
        return () if self._detector else (self._chunk(self._pieces.rest(), commit=True),)

    def read(self, frame: Any) -> Iterable[Heard]:
        message = json.loads(frame)
        kind, text = message["message_type"], str(message.get("text") or "").strip()
        if kind == "session_started":
            self.ready = True
        elif kind == "partial_transcript" and text:
            yield Heard(text)
        elif kind == "committed_transcript":
            yield Heard(text, True, False, 1.0 if text else 0.0)
        elif kind in NO_MATTER:
            yield Heard("", final=True, confidence=0.0)
        elif kind in FAULTS:
            raise self.failure(FAULTS[kind], f"{kind}: {message.get('error') or ''}")

    def _chunk(self, pcm: bytes, commit: bool = False) -> str:
        return text_of(
            message_type="input_audio_chunk",
            audio_base_64=base64.b64encode(pcm).decode(),
            commit=commit,
            sample_rate=RATE,
        )
