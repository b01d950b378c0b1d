"""PlayHT: https://docs.play.ht/reference/api-generate-tts-audio-stream"""

from pydantic import BaseModel, ConfigDict, Field

from gateway.speech.contract import RATE
from gateway.speech.dialect import given
from gateway.speech.settings import VendorSettings
from gateway.speech.voice_dialect import Post, PostedVoice


class Options(BaseModel):
    """``options``, by PlayHT's own names."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "jennifer"
    language: str | None = None
    speed: float | None = Field(None, ge=0.1, le=5)
    temperature: float | None = Field(None, ge=0.1, le=2)
    emotion: str | None = None
    voice_guidance: float | None = Field(None, ge=1, le=6)
    style_guidance: float | None = Field(None, ge=1, le=30)
    text_guidance: float | None = Field(None, ge=1, le=2)


class PlayHT(PostedVoice):
    """Its WAV says its rate itself: some engines do not keep to the one they are asked for."""

    vendor = "playht"
    cloud = "https://api.play.ht"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self._asked = {
            "voice_engine": model or "PlayHT2.0-turbo",
            "output_format": "wav",
            "sample_rate": RATE,
            **given(**options.model_dump()),
        }

    def post(self, text: str) -> Post:
        headers = {
            "Authorization": f"Bearer {self.key}",
            "X-User-Id": self.settings.user or "",
            "Accept": "audio/wav",
        }
        return Post(self.url("/api/v2/tts/stream"), headers, {"text": text, **self._asked})
