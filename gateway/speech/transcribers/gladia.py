"""Gladia: a session is asked for by HTTP, and its address is then dialled.

https://docs.gladia.io/api-reference/v2/live/init
"""

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault, VendorError
from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Ask, Dial, Dialect, Frame, given, text_of
from gateway.speech.settings import VendorSettings

FAULTS = {4001: Fault.AUTH, 4002: Fault.QUOTA, 4029: Fault.OVERLOAD, 4400: Fault.OURS}


class Options(BaseModel):
    """``options``, in Gladia's words."""

    model_config = ConfigDict(extra="forbid")

    languages: list[str] = Field(default_factory=list)
    code_switching: bool = False
    endpointing: float | None = Field(None, ge=0.01, le=10, description="s")
    speech_threshold: float | None = Field(None, ge=0, le=1)
    audio_enhancer: bool = False
    custom_vocabulary: dict[str, Any] | None = None
    datacentre: str | None = None
    partials: bool = True
    confidence_threshold: float = Field(0.4, ge=0, le=1)


class Gladia(Dialect):
    vendor = "gladia"
    cloud = "https://api.gladia.io"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings, options.confidence_threshold)
        self._model = model if model.startswith("solaria") else "solaria-1"  # its only live one
        self._options, self._tag = options, tag

    def ask(self) -> Ask:
        options = self._options
        vocabulary = options.custom_vocabulary
        body = given(
            encoding="wav/pcm",
            sample_rate=RATE,
            bit_depth=16,
            channels=1,
            model=self._model,
            endpointing=options.endpointing,
            language_config=given(
                languages=options.languages, code_switching=options.code_switching or None
            ),
            pre_processing=given(
                audio_enhancer=options.audio_enhancer or None,
                speech_threshold=options.speech_threshold,
            ),
            realtime_processing=given(
                custom_vocabulary=True if vocabulary else None, custom_vocabulary_config=vocabulary
            ),
            messages_config={
                "receive_partial_transcripts": options.partials,
                "receive_final_transcripts": True,
                "receive_speech_events": True,
                "receive_acknowledgments": True,  # a silence of its own is then a stall
            },
            custom_metadata=given(call=self._tag),
        )
        base = (self.settings.base_url or self.cloud).rstrip("/")
        region = f"?region={options.datacentre}" if options.datacentre else ""
        return Ask(f"{base}/v2/live{region}", {"X-Gladia-Key": self.key}, body)

    def dial(self, answer: Any) -> Dial:
        return Dial(answer["url"])

    def finish(self) -> Iterable[Frame]:
        return (text_of(type="stop_recording"),)

    def read(self, frame: Any) -> Iterable[Heard]:
        message = json.loads(frame)
        if message.get("error"):
            status = int(message["error"].get("status_code") or 500)
            raise self.refusal(status, str(message["error"].get("message")))
        if message["type"] == "transcript":
            data = message["data"]
            utterance = data["utterance"]
            text, final = utterance["text"].strip(), bool(data["is_final"])
            if text or final:
                yield Heard(text, final, confidence=utterance.get("confidence", 1.0))

    def closed(self, code: int, reason: str) -> VendorError:
        return self.failure(FAULTS.get(code, Fault.THEIRS), f"closed: {code} {reason}")
