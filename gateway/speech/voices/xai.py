"""xAI: https://docs.x.ai/docs/guides/voice/text-to-speech"""

from pydantic import BaseModel, ConfigDict, Field

from gateway.speech.contract import RATE
from gateway.speech.dialect import given
from gateway.speech.settings import VendorSettings
from gateway.speech.voice_dialect import Post, PostedVoice


class Options(BaseModel):
    """``options``, by xAI's own names."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "eve"
    language: str = "en"
    speed: float | None = Field(None, ge=0.7, le=1.5)


class Xai(PostedVoice):
    vendor = "xai"
    cloud = "https://api.x.ai"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self._asked = {
            "voice_id": options.voice,
            "language": options.language,
            "output_format": {"codec": "pcm", "sample_rate": RATE},
            **given(speed=options.speed),
        }

    def post(self, text: str) -> Post:
        headers = {"Authorization": f"Bearer {self.key}"}
        return Post(self.url("/v1/tts"), headers, {"text": text, **self._asked})
