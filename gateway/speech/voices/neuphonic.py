"""Neuphonic: https://docs.neuphonic.com/api-reference/tts/sse"""

import base64
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from gateway.speech.contract import RATE
from gateway.speech.dialect import given
from gateway.speech.settings import VendorSettings
from gateway.speech.voice_dialect import Json, Post, PostedVoice


class Options(BaseModel):
    """``options``, by Neuphonic's own names."""

    model_config = ConfigDict(extra="forbid")

    voice: str = ""
    language: str = "en"
    speed: float | None = Field(None, ge=0.25, le=2)


class Neuphonic(PostedVoice):
    vendor = "neuphonic"
    cloud = "https://api.neuphonic.com"
    framing = "events"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self._language = options.language
        self._asked = given(
            voice_id=options.voice,
            model=model or "neu_fast",
            lang_code=options.language,
            speed=options.speed,
            encoding="pcm_linear",
            sampling_rate=RATE,
        )

    def post(self, text: str) -> Post:
        url = self.url(f"/sse/speak/{self._language}")
        return Post(url, {"X-API-KEY": self.key}, {"text": text, **self._asked})

    def read(self, item: Json) -> Iterable[bytes]:
        status = int(item.get("status_code") or 200)
        if item.get("errors") or status >= 400:
            detail = {"message": str(item.get("errors") or "")}
            raise self.refusal(status if status >= 400 else 500, detail, {})
        if (item.get("data") or {}).get("audio"):
            yield base64.b64decode(item["data"]["audio"], validate=True)
