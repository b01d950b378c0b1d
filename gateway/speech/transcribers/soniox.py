"""Soniox, in real time.

https://soniox.com/docs/stt/api-reference/websocket-api
"""

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import VendorError
from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Dial, Dialect, Frame, given, mean, text_of
from gateway.speech.settings import VendorSettings

END, FINISHED = "<end>", "<fin>"  # tokens: of an utterance by its own opinion, and by our order


class Options(BaseModel):
    """``options``, in Soniox's words."""

    model_config = ConfigDict(extra="forbid")

    language_hints: list[str] = Field(default_factory=list)
    language_hints_strict: bool | None = None
    max_endpoint_delay_ms: int | None = Field(None, ge=500, le=3000)
    endpoint_sensitivity: float | None = None
    endpoint_latency_adjustment_level: int | None = None
    terms: list[str] = Field(default_factory=list)
    general: list[dict[str, str]] = Field(default_factory=list)
    confidence_threshold: float = Field(0.0, ge=0, le=1)


class Soniox(Dialect):
    """Words come as tokens, some final, some not yet."""

    vendor = "soniox"
    cloud = "wss://stt-rt.soniox.com"
    idle_s = 20.0

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings, options.confidence_threshold)
        self._model, self._options, self._tag = model or "stt-rt-v4", options, tag
        self._final: list[dict[str, Any]] = []

    def dial(self, answer: Any) -> Dial:
        options = self._options
        start = given(
            api_key=self.key,
            model=self._model,
            audio_format="pcm_s16le",
            sample_rate=RATE,
            num_channels=1,
            enable_endpoint_detection=True,
            context=given(general=options.general, terms=options.terms),
            client_reference_id=self._tag,
            **options.model_dump(exclude={"terms", "general", "confidence_threshold"}),
        )
        return Dial(self.url("/transcribe-websocket"), {}, (json.dumps(start),))

    def offset(self) -> Iterable[Frame]:
        return (text_of(type="finalize"),)

    def idle(self) -> Iterable[Frame]:
        return (text_of(type="keepalive"),)

    def finish(self) -> Iterable[Frame]:
        return ("",)

    def read(self, frame: Any) -> Iterable[Heard]:
        message = json.loads(frame)
        if message.get("error_code"):
            raise self._error(message)
        later: list[dict[str, Any]] = []
        for token in message["tokens"]:
            if token["text"] in (END, FINISHED):
                yield self._words(self._final, True, token["text"] == END)
                self._final = []
            else:
                (self._final if token["is_final"] else later).append(token)
        if later or (self._final and message["tokens"]):
            yield self._words([*self._final, *later])

    def _words(
        self, tokens: list[dict[str, Any]], final: bool = False, ended: bool = False
    ) -> Heard:
        text = "".join(token["text"] for token in tokens).strip()
        sure = mean(token.get("confidence", 1.0) for token in tokens)
        return Heard(text, final, ended and bool(text), sure if text else 0.0)

    def _error(self, message: dict[str, Any]) -> VendorError:
        return self.refusal(int(message["error_code"]), str(message.get("error_message") or ""))
