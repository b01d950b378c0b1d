"""Speechmatics, in real time.

https://docs.speechmatics.com/api-ref/realtime-transcription-websocket
"""

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault
from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Dial, Dialect, Frame, given, mean, text_of
from gateway.speech.settings import VendorSettings

REGIONS = {"eu": "wss://eu2.rt.speechmatics.com", "us": "wss://us2.rt.speechmatics.com"}
FAULTS = {
    "not_authorised": Fault.AUTH,
    "not_allowed": Fault.AUTH,
    "insufficient_funds": Fault.QUOTA,
    "quota_exceeded": Fault.OVERLOAD,  # of connections at a time
    "timelimit_exceeded": Fault.QUOTA,
    "invalid_message": Fault.OURS,
    "invalid_model": Fault.OURS,
    "invalid_language": Fault.OURS,
    "invalid_config": Fault.OURS,
    "invalid_audio_type": Fault.OURS,
    "protocol_error": Fault.OURS,
    "data_error": Fault.OURS,
}


class Options(BaseModel):
    """``options``, in Speechmatics' words."""

    model_config = ConfigDict(extra="forbid")

    language: str = "en"
    operating_point: str = "enhanced"
    max_delay: float | None = Field(None, ge=0.5, le=10, description="s")
    additional_vocab: list[dict[str, Any]] = Field(default_factory=list)
    diarization: bool = False
    numerals: str | None = None
    end_of_turn_sensitivity: float = Field(0.5, ge=0, le=1)
    remove_disfluencies: bool = False
    datacentre: str = "eu"


class Speechmatics(Dialect):
    """Words come in pieces down to a comma; the end of the utterance puts them together."""

    vendor = "speechmatics"
    cloud = ""

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self.ready = False
        self._options, self._tag = options, tag
        self._said: list[dict[str, Any]] = []  # of the utterance, as AddTranscript has it
        self._sent = 0
        self._forced = False

    def dial(self, answer: Any) -> Dial:
        options = self._options
        config = given(
            language=options.language,
            operating_point=options.operating_point,
            enable_partials=True,
            max_delay=options.max_delay,
            additional_vocab=options.additional_vocab,
            diarization="speaker" if options.diarization else None,
            conversation_config={
                # 0.2 s when it is sure to 1 s when it is not; its own range is 0 to 2.
                "end_of_utterance_silence_trigger": 1 - 0.8 * options.end_of_turn_sensitivity
            },
            transcript_filtering_config=given(
                remove_disfluencies=options.remove_disfluencies or None
            ),
        )
        if options.numerals == "spoken":
            config["enable_entities"] = True  # then each number comes as it was spoken, too
        start = text_of(
            message="StartRecognition",
            audio_format={"type": "raw", "encoding": "pcm_s16le", "sample_rate": RATE},
            transcription_config=config,
        )
        base = "" if self.settings.base_url else REGIONS[options.datacentre]
        headers = {"Authorization": f"Bearer {self.key}", "X-Request-Id": self._tag}
        return Dial(base + self.url("/v2"), headers, (start,))

    def sound(self, pcm: bytes) -> Iterable[Frame]:
        self._sent += 1
        return (pcm,)

    def onset(self) -> Iterable[Frame]:
        self._forced = False
        return ()

    def offset(self) -> Iterable[Frame]:
        self._forced = True
        return (text_of(message="ForceEndOfUtterance"),)

    def finish(self) -> Iterable[Frame]:
        return (text_of(message="EndOfStream", last_seq_no=self._sent),)

    def read(self, frame: Any) -> Iterable[Heard]:
        message = json.loads(frame)
        match message["message"]:
            case "RecognitionStarted":
                self.ready = True
            case "AddPartialTranscript":
                if heard := self._heard(message["results"]):
                    yield heard
            case "AddTranscript":
                self._said += message["results"]
            case "EndOfUtterance":
                said = self._heard([])
                self._said = []
                if said:
                    yield Heard(said.text, True, not self._forced, said.confidence)
                elif self._forced:
                    yield Heard("", final=True, confidence=0.0)
            case "Error":
                fault = FAULTS.get(message["type"], Fault.THEIRS)
                raise self.failure(fault, f"{message['type']}: {message.get('reason') or ''}")

    def _heard(self, more: list[dict[str, Any]]) -> Heard | None:
        text, sure = "", []
        for result in [*self._said, *more]:
            best = _best(result, self._options.numerals)
            attached = result["type"] == "punctuation" or not text
            text += ("" if attached else " ") + best["content"]
            sure.append(best["confidence"])
        return Heard(text, confidence=mean(sure)) if text else None


def _best(result: dict[str, Any], numerals: str | None) -> dict[str, Any]:
    """A result's word; of a number in words, those of its spoken form."""
    spoken = result.get("spoken_form") if numerals == "spoken" else None
    if spoken:
        words = [form["alternatives"][0] for form in spoken]
        return {
            "content": " ".join(word["content"] for word in words),
            "confidence": mean(word["confidence"] for word in words),
        }
    best: dict[str, Any] = result["alternatives"][0]
    return best
