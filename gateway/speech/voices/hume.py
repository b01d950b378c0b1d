"""Hume Octave: https://dev.hume.ai/reference/text-to-speech-tts/synthesize-json-streaming"""

import base64
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from gateway.speech.dialect import given
from gateway.speech.settings import VendorSettings
from gateway.speech.voice_dialect import Json, Post, PostedVoice


class Options(BaseModel):
    """``options``: a voice of Hume's library, or of one's own; ``description`` says how to act."""

    model_config = ConfigDict(extra="forbid")

    voice: str = ""
    custom: bool = False
    description: str | None = None


class Hume(PostedVoice):
    vendor = "hume"
    cloud = "https://api.hume.ai"
    rate = 48_000
    framing = "lines"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        owner = "CUSTOM_VOICE" if options.custom else "HUME_AI"
        self._voice = {"id": options.voice, "provider": owner} if options.voice else {}
        self._description = options.description
        self._version = {"octave": "1", "octave2": "2"}.get(model)

    def post(self, text: str) -> Post:
        utterance = given(text=text, voice=self._voice, description=self._description)
        body = {
            "utterances": [utterance],
            "format": {"type": "pcm"},
            "instant_mode": bool(self._voice),  # it needs a voice to be instant with
            "strip_headers": True,
            **given(version=self._version),
        }
        return Post(self.url("/v0/tts/stream/json"), {"X-Hume-Api-Key": self.key}, body)

    def read(self, item: Json) -> Iterable[bytes]:
        if item.get("type") == "error":
            raise self.refusal(int(item.get("code") or 500), item, {})
        if item.get("audio"):
            yield base64.b64decode(item["audio"], validate=True)
