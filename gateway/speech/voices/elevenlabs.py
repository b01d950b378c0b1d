"""ElevenLabs: a websocket with contexts, or HTTP for the models that have no websocket.

https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
and https://elevenlabs.io/docs/api-reference/text-to-speech/stream
"""

import base64
import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault
from gateway.speech.contract import RATE
from gateway.speech.dialect import Dial, Frame, given, text_of, websocket
from gateway.speech.settings import VendorSettings
from gateway.speech.voice_dialect import Done, Post, PostedVoice, SocketVoice, Spelt, Voiced

VENDOR = "11labs"
CLOUD = "https://api.elevenlabs.io"
UNSTREAMED = ("eleven_v3",)  # models without the websocket
TOLD = ("_v2_5", "_v3", "_v4_turbo")  # ends of those that may be told a language
LONGEST_SILENCE_S = 180  # that may be asked for, until it hangs up


class Options(BaseModel):
    """``options``, by ElevenLabs' own names."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "21m00Tcm4TlvDq8ikWAM"  # Rachel
    language: str | None = None
    stability: float | None = Field(None, ge=0, le=1)
    similarity_boost: float | None = Field(None, ge=0, le=1)
    style: float | None = Field(None, ge=0, le=1)
    use_speaker_boost: bool | None = None
    speed: float | None = Field(None, ge=0.7, le=1.2)
    optimize_streaming_latency: int | None = Field(None, ge=0, le=4)
    enable_ssml_parsing: bool = False
    auto_mode: bool = False
    pronunciation_dictionary_locators: list[dict[str, str]] = []

    @property
    def settings(self) -> dict[str, Any]:
        return given(
            stability=self.stability,
            similarity_boost=self.similarity_boost,
            style=self.style,
            use_speaker_boost=self.use_speaker_boost,
            speed=self.speed,
        )

    def told(self, model: str) -> str | None:
        """The language, as far as the model wants to know."""
        return self.language if model.endswith(TOLD) else None


def dialect(
    model: str, options: Options, settings: VendorSettings, tag: str
) -> "Streamed | Posted":
    model = model or "eleven_turbo_v2"
    return (Posted if model in UNSTREAMED else Streamed)(model, options, settings)


class Streamed(SocketVoice):
    vendor = VENDOR
    cloud = CLOUD
    calls = 5  # contexts of a connection
    idle_s = LONGEST_SILENCE_S

    def __init__(self, model: str, options: Options, settings: VendorSettings) -> None:
        super().__init__(settings)
        self._model, self._options = model, options
        if options.enable_ssml_parsing:
            self.tags = ("break", "phoneme")

    def dial(self) -> Dial:
        options = self._options
        query = [
            ("model_id", self._model),
            ("output_format", f"pcm_{RATE}"),
            ("language_code", options.told(self._model)),
            ("enable_ssml_parsing", options.enable_ssml_parsing or None),
            ("auto_mode", options.auto_mode or None),
            ("optimize_streaming_latency", options.optimize_streaming_latency),
            ("sync_alignment", True),
            ("inactivity_timeout", LONGEST_SILENCE_S),
        ]
        path = f"/v1/text-to-speech/{options.voice}/multi-stream-input"
        return Dial(websocket(self.url(path, query)), {"xi-api-key": self.key})

    def say(self, context: str, text: str) -> Iterable[Frame]:
        options = self._options
        yield text_of(
            text=" ",
            context_id=context,
            **given(
                voice_settings=options.settings,
                pronunciation_dictionary_locators=options.pronunciation_dictionary_locators,
            ),
        )
        yield text_of(text=f"{text} ", context_id=context, flush=True)
        yield from self.cancel(context)  # what was flushed is still said

    def cancel(self, context: str) -> Iterable[Frame]:
        yield text_of(context_id=context, close_context=True)

    def read(self, frame: Any) -> Iterable[tuple[str, Voiced]]:
        said = json.loads(frame)
        context = str(said.get("contextId") or said.get("context_id") or "")
        if said.get("error"):
            fault = _fault(str(said["error"]))
            detail = f"{said['error']}: {said.get('message') or ''}"
            yield context, self.failure(fault, detail)
            return
        if alignment := said.get("alignment"):
            yield from ((context, spelt) for spelt in _words(alignment))
        if said.get("audio"):
            yield context, base64.b64decode(said["audio"], validate=True)
        if said.get("isFinal") or said.get("is_final"):
            yield context, Done()


class Posted(PostedVoice):
    vendor = VENDOR
    cloud = CLOUD

    def __init__(self, model: str, options: Options, settings: VendorSettings) -> None:
        super().__init__(settings)
        self._model, self._options = model, options

    def post(self, text: str) -> Post:
        options = self._options
        query = [
            ("output_format", f"pcm_{RATE}"),
            ("optimize_streaming_latency", options.optimize_streaming_latency),
        ]
        body = given(
            text=text,
            model_id=self._model,
            language_code=options.told(self._model),
            voice_settings=options.settings,
            pronunciation_dictionary_locators=options.pronunciation_dictionary_locators,
        )
        url = self.url(f"/v1/text-to-speech/{options.voice}/stream", query)
        return Post(url, {"xi-api-key": self.key}, body)


def _words(alignment: dict[str, Any]) -> Iterable[Spelt]:
    """Word by word; the times are those of the sound in the same frame."""
    starts, lengths = alignment["charStartTimesMs"], alignment["charDurationsMs"]
    word = ""
    for char, start, length in zip(alignment["chars"], starts, lengths, strict=True):
        word += char
        if char.isspace() and word.strip():
            yield Spelt(word, (start + length) / 1000, since_start=False)
            word = ""
    if word.strip():
        yield Spelt(word, (starts[-1] + lengths[-1]) / 1000, since_start=False)


def _fault(error: str) -> Fault:
    known = {
        "quota_exceeded": Fault.QUOTA,
        "invalid_api_key": Fault.AUTH,
        "needs_authorization": Fault.AUTH,
        "rate_limited": Fault.OVERLOAD,
        "system_busy": Fault.OVERLOAD,
        "too_many_concurrent_requests": Fault.OVERLOAD,
        "voice_not_found": Fault.OURS,
        "invalid_request": Fault.OURS,
    }
    return known.get(error, Fault.THEIRS)
