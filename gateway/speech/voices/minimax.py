"""MiniMax T2A v2: https://platform.minimax.io/docs/api-reference/speech-t2a-http"""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from gateway.speech.contract import RATE
from gateway.speech.dialect import given
from gateway.speech.settings import VendorSettings
from gateway.speech.voice_dialect import Json, Post, PostedVoice

CHINA = "https://api.minimaxi.com"
# Codes of base_resp, which come with HTTP 200.
STATUSES = {1001: 408, 1002: 429, 1004: 401, 1008: 402, 1039: 429, 2013: 400, 2049: 401}


class Options(BaseModel):
    """``options``, by MiniMax' own names."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "English_expressive_narrator"
    emotion: str | None = None
    pitch: int | None = Field(None, ge=-12, le=12)
    speed: float | None = Field(None, ge=0.5, le=2)
    volume: float | None = Field(None, ge=0.1, le=10)
    datacentre: str = "worldwide"
    language_boost: str | None = None
    text_normalization: bool | None = None


class MiniMax(PostedVoice):
    vendor = "minimax"
    cloud = "https://api.minimax.io"
    framing = "events"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        if options.datacentre == "china" and not settings.base_url:
            settings = settings.model_copy(update={"base_url": CHINA if settings.key else None})
        super().__init__(settings)
        voice = given(
            voice_id=options.voice,
            speed=options.speed,
            vol=options.volume,
            pitch=options.pitch,
            emotion=options.emotion,
            text_normalization=options.text_normalization,
        )
        self._asked = {
            "model": model or "speech-02-turbo",
            "stream": True,
            "stream_options": {"exclude_aggregated_audio": True},
            "voice_setting": voice,
            "audio_setting": {"sample_rate": RATE, "format": "pcm", "channel": 1},
            **given(language_boost=options.language_boost),
        }

    def post(self, text: str) -> Post:
        url = self.url("/v1/t2a_v2", [("GroupId", self.settings.user)])
        headers = {"Authorization": f"Bearer {self.key}"}
        return Post(url, headers, {"text": text, **self._asked})

    def read(self, item: Json) -> Iterable[bytes]:
        outcome = item.get("base_resp") or {}
        if code := int(outcome.get("status_code") or 0):
            detail = {"message": f"{code} {outcome.get('status_msg') or ''}"}
            raise self.refusal(STATUSES.get(code, 500), detail, {})
        data = item.get("data") or {}
        if data.get("status") == 1:  # 2 is the end, which may repeat all of it
            yield bytes.fromhex(data["audio"])
