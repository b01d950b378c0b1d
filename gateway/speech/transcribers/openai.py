"""OpenAI's realtime transcription.

https://platform.openai.com/docs/guides/realtime-transcription
"""

import base64
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import soxr  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault
from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Dial, Dialect, Frame, given, text_of
from gateway.speech.settings import VendorSettings
from gateway.speech.utterances import Gate

VENDOR_RATE = 24_000  # the only one it takes as PCM
# Of the error objects; the rest is ours if it is an invalid_request_error.
FAULTS = {
    "invalid_api_key": Fault.AUTH,
    "insufficient_quota": Fault.QUOTA,
    "rate_limit_exceeded": Fault.OVERLOAD,
    "session_expired": Fault.THEIRS,  # after an hour
}
TOO_SHORT = "input_audio_buffer_commit_empty"  # less than 100 ms


class Options(BaseModel):
    """``options``."""

    model_config = ConfigDict(extra="forbid")

    language: str | None = None
    prompt: str | None = None


class Realtime(Dialect):
    """Our detector cuts the utterances, which are sent as they are spoken: no sound is paid for
    but the caller's, and the words do not wait for a second detector."""

    vendor = "openai"
    cloud = "wss://api.openai.com/v1"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self.ready = False
        self._tag = tag
        self._transcription = given(
            model=model or "gpt-4o-transcribe", language=options.language, prompt=options.prompt
        )
        self._gate = Gate()
        self._resample = soxr.ResampleStream(RATE, VENDOR_RATE, 1, dtype="int16")
        self._so_far: dict[str, str] = {}  # by item

    def dial(self, answer: Any) -> Dial:
        session = {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": VENDOR_RATE},
                    "transcription": self._transcription,
                    "turn_detection": None,
                }
            },
        }
        headers = {"Authorization": f"Bearer {self.key}", "X-Client-Request-Id": self._tag}
        first = text_of(type="session.update", session=session)
        return Dial(self.url("/realtime", [("intent", "transcription")]), headers, (first,))

    def sound(self, pcm: bytes) -> Iterable[Frame]:
        speech, over = self._gate.hear(pcm)
        if speech:
            samples = np.frombuffer(speech, np.int16)
            wide = self._resample.resample_chunk(samples, last=over).tobytes()
            if over:
                self._resample.clear()
            sound = base64.b64encode(wide).decode()
            yield text_of(type="input_audio_buffer.append", audio=sound)
        if over:
            yield text_of(type="input_audio_buffer.commit")

    def onset(self) -> Iterable[Frame]:
        self._gate.onset()
        return ()

    def offset(self) -> Iterable[Frame]:
        self._gate.offset()
        return ()

    def read(self, frame: Any) -> Iterable[Heard]:
        message = json.loads(frame)
        match message["type"]:
            case "session.updated":
                self.ready = True
            case "conversation.item.input_audio_transcription.delta":
                item = message["item_id"]
                self._so_far[item] = self._so_far.get(item, "") + message["delta"]
                yield Heard(self._so_far[item].strip())
            case "conversation.item.input_audio_transcription.completed":
                self._so_far.pop(message["item_id"], None)
                text = message["transcript"].strip()
                yield Heard(text, True, False, 1.0 if text else 0.0)
            case "conversation.item.input_audio_transcription.failed" | "error":
                yield from self._error(message["error"])

    def _error(self, error: dict[str, Any]) -> Iterable[Heard]:
        code = str(error.get("code") or error.get("type") or "")
        if code == TOO_SHORT:
            yield Heard("", final=True, confidence=0.0)
            return
        ours = Fault.OURS if error.get("type") == "invalid_request_error" else Fault.THEIRS
        raise self.failure(FAULTS.get(code, ours), f"{code}: {error.get('message') or ''}")
