"""xAI's streaming transcription.

https://docs.x.ai/developers/model-capabilities/audio/speech-to-text
"""

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault
from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Dial, Dialect, Frame, mean, text_of
from gateway.speech.settings import VendorSettings


class Options(BaseModel):
    """``options``."""

    model_config = ConfigDict(extra="forbid")

    language: str = "en"
    endpointing: int = Field(300, ge=0, le=5000, description="ms of silence before speech_final")


class Xai(Dialect):
    """Pieces of an utterance become final one by one; ``speech_final`` repeats them all."""

    vendor = "xai"
    cloud = "wss://api.x.ai/v1"
    chatty = False

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self.ready = False
        self._options = options
        self._said: list[str] = []

    def dial(self, answer: Any) -> Dial:
        query = [
            ("encoding", "pcm"),
            ("sample_rate", RATE),
            ("interim_results", True),
            ("language", self._options.language),
            ("endpointing", self._options.endpointing),
        ]
        return Dial(self.url("/stt", query), {"Authorization": f"Bearer {self.key}"})

    def finish(self) -> Iterable[Frame]:
        return (text_of(type="audio.done"),)

    def read(self, frame: Any) -> Iterable[Heard]:
        message = json.loads(frame)
        match message["type"]:
            case "transcript.created":
                self.ready = True
            case "transcript.partial":
                text = message["text"].strip()
                sure = mean(word.get("confidence", 1.0) for word in message.get("words") or ())
                if message.get("speech_final"):
                    text = text or " ".join(self._said)
                    self._said.clear()
                    yield Heard(text, True, bool(text), sure)
                elif text:
                    yield Heard(" ".join([*self._said, text]), confidence=sure)
                    if message.get("is_final"):
                        self._said.append(text)
            case "error":
                raise self.failure(Fault.THEIRS, str(message.get("message")))
