"""Smallest Waves: https://waves-docs.smallest.ai/v4.0.0/content/api-references/lightning"""

from pydantic import BaseModel, ConfigDict, Field

from gateway.speech.contract import RATE
from gateway.speech.dialect import given
from gateway.speech.settings import VendorSettings
from gateway.speech.voice_dialect import Post, PostedVoice


class Options(BaseModel):
    """``options``, by Smallest's own names."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "emily"
    speed: float | None = Field(None, ge=0.5, le=2)


class Smallest(PostedVoice):
    vendor = "smallest-ai"
    cloud = "https://waves-api.smallest.ai"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self._path = f"/api/v1/{model or 'lightning'}/get_speech"
        self._asked = {
            "voice_id": options.voice,
            "sample_rate": RATE,
            "add_wav_header": False,
            **given(speed=options.speed),
        }

    def post(self, text: str) -> Post:
        headers = {"Authorization": f"Bearer {self.key}"}
        return Post(self.url(self._path), headers, {"text": text, **self._asked})
