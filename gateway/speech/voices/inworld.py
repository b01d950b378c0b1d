"""Inworld: https://docs.inworld.ai/api-reference/ttsAPI/texttospeech/synthesize-speech-stream"""

import base64
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from gateway.speech.contract import RATE
from gateway.speech.dialect import given
from gateway.speech.settings import VendorSettings
from gateway.speech.sound import without_header
from gateway.speech.voice_dialect import Json, Post, PostedVoice

GRPC = {3: 400, 5: 404, 7: 403, 8: 429, 14: 503, 16: 401}  # codes in the stream, as statuses


class Options(BaseModel):
    """``options``, by Inworld's own names in snake case."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "Ashley"
    language: str | None = None
    temperature: float | None = Field(None, ge=0.1, le=2)
    speaking_rate: float | None = Field(None, ge=0.5, le=1.5)


class Inworld(PostedVoice):
    vendor = "inworld"
    cloud = "https://api.inworld.ai"
    framing = "lines"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        audio = given(
            audioEncoding="LINEAR16", sampleRateHertz=RATE, speakingRate=options.speaking_rate
        )
        self._asked = given(
            voiceId=options.voice,
            modelId=model or "inworld-tts-1",
            languageCode=options.language,
            temperature=options.temperature,
            audioConfig=audio,
        )

    def post(self, text: str) -> Post:
        headers = {"Authorization": f"Basic {self.key}"}
        return Post(self.url("/tts/v1/voice:stream"), headers, {"text": text, **self._asked})

    def read(self, item: Json) -> Iterable[bytes]:
        if error := item.get("error"):
            raise self.refusal(GRPC.get(int(error.get("code") or 0), 500), item, {})
        sound = base64.b64decode(item["result"]["audioContent"], validate=True)
        yield without_header(sound) or b""  # every piece is a WAV file of its own
