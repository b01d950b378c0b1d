"""Rime: https://docs.rime.ai/api-reference/endpoint/streaming-pcm"""

from pydantic import BaseModel, ConfigDict, Field

from gateway.speech.contract import RATE
from gateway.speech.dialect import given
from gateway.speech.settings import VendorSettings
from gateway.speech.voice_dialect import Post, PostedVoice

# ISO 639-2, where Rime has its own.
LANGUAGES = {"en": "eng", "es": "spa", "de": "ger", "fr": "fra", "ar": "ara", "hi": "hin",
             "ja": "jpn", "he": "heb", "pt": "por", "ta": "tam", "si": "sin"}  # fmt: skip


class Options(BaseModel):
    """``options``. ``speed`` is a rate; Rime's own ``speedAlpha`` is a length before Mist v3."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "astra"
    language: str | None = None
    speed: float | None = Field(None, ge=0.1)
    pause_between_brackets: bool | None = None
    phonemize_between_brackets: bool | None = None
    reduce_latency: bool | None = None
    inline_speed_alpha: str | None = None


class Rime(PostedVoice):
    vendor = "rime-ai"
    cloud = "https://users.rime.ai"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        model, speed = model or "arcana", options.speed
        if speed is not None and model in ("mist", "mistv2"):
            speed = round(1 / speed, 4)
        language = options.language
        self._asked = given(
            speaker=options.voice,
            modelId=model,
            lang=LANGUAGES.get(language, language) if language else None,
            samplingRate=RATE,
            speedAlpha=speed,
            pauseBetweenBrackets=options.pause_between_brackets,
            phonemizeBetweenBrackets=options.phonemize_between_brackets,
            reduceLatency=options.reduce_latency,
            inlineSpeedAlpha=options.inline_speed_alpha,
        )

    def post(self, text: str) -> Post:
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "audio/pcm"}
        return Post(self.url("/v1/rime-tts"), headers, {"text": text, **self._asked})
