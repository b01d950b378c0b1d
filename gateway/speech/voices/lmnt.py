"""LMNT: https://docs.lmnt.com/api/reference/speech/generate"""

from pydantic import BaseModel, ConfigDict, Field

from gateway.speech.contract import RATE
from gateway.speech.dialect import given
from gateway.speech.settings import VendorSettings
from gateway.speech.voice_dialect import Post, PostedVoice


class Options(BaseModel):
    """``options``, by LMNT's own names."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "lily"
    language: str | None = None
    speed: float | None = Field(None, ge=0.25, le=2)


class LMNT(PostedVoice):
    vendor = "lmnt"
    cloud = "https://api.lmnt.com"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        asked = given(model=model, **options.model_dump())
        self._asked = {"format": "pcm_s16le", "sample_rate": RATE, **asked}

    def post(self, text: str) -> Post:
        headers = {"X-API-Key": self.key, "lmnt-version": "1.0"}
        return Post(self.url("/v1/ai/speech/bytes"), headers, {"text": text, **self._asked})
