"""Cartesia Sonic: https://docs.cartesia.ai/api-reference/tts/websocket"""

import base64
import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway.speech.contract import RATE
from gateway.speech.dialect import Dial, Frame, given, text_of, websocket
from gateway.speech.settings import VendorSettings
from gateway.speech.vendors.faults import refused
from gateway.speech.voice_dialect import Done, SocketVoice, Spelt, Voiced

VERSION = "2025-04-16"
EARLIER = "2024-11-13"  # the last that has experimental controls


class Options(BaseModel):
    """``options``. ``controls`` are for models before Sonic 3, ``generation`` is for it."""

    model_config = ConfigDict(extra="forbid")

    voice: str = "694f9389-aac1-45b6-b726-9d9369183238"
    language: str | None = None
    controls: dict[str, Any] = {}
    generation: dict[str, Any] = {}
    pronunciation_dict_id: str | None = None


class Cartesia(SocketVoice):
    vendor = "cartesia"
    cloud = "https://api.cartesia.ai"
    calls = 20  # "dozens of generations" on one connection
    idle_s = 300.0

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self._version = EARLIER if options.controls else VERSION
        self._asked = given(
            model_id=model or "sonic-3",
            voice=given(mode="id", id=options.voice, __experimental_controls=options.controls),
            language=options.language,
            generation_config=options.generation,
            pronunciation_dict_id=options.pronunciation_dict_id,
        ) | {
            "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": RATE},
            "add_timestamps": True,
            "continue": False,
        }
        third = self._asked["model_id"].startswith("sonic-3")
        self.tags = ("break", "spell", *(("speed", "volume", "emotion") if third else ()))

    def dial(self) -> Dial:
        headers = {"X-API-Key": self.key, "Cartesia-Version": self._version}
        return Dial(websocket(self.url("/tts/websocket")), headers)

    def say(self, context: str, text: str) -> Iterable[Frame]:
        yield text_of(context_id=context, transcript=text, **self._asked)

    def cancel(self, context: str) -> Iterable[Frame]:
        yield text_of(context_id=context, cancel=True)

    def read(self, frame: Any) -> Iterable[tuple[str, Voiced]]:
        said = json.loads(frame)
        kind, context = said["type"], str(said.get("context_id") or "")
        if kind == "chunk":
            yield context, base64.b64decode(said["data"], validate=True)
        elif kind == "timestamps":
            times = said["word_timestamps"]
            for word, end_s in zip(times["words"], times["end"], strict=True):
                yield context, Spelt(str(word), float(end_s))
        elif kind == "done":
            yield context, Done()
        elif kind == "error":
            detail = said.get("message") or said.get("error") or ""
            yield context, refused(self.vendor, int(said.get("status_code") or 500), str(detail))
