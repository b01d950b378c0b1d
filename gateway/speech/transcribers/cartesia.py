"""Cartesia: Ink-Whisper, and Ink-2 with turns of its own.

https://docs.cartesia.ai/api-reference/stt/stt and https://docs.cartesia.ai/use-the-api/stt/turns
"""

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Dial, Dialect, Frame, text_of
from gateway.speech.settings import VendorSettings

WHISPER_VERSION, TURNS_VERSION = "2025-04-16", "2026-03-01"


class Options(BaseModel):
    """``options``."""

    model_config = ConfigDict(extra="forbid")

    language: str = "en"


class _Cartesia(Dialect):
    vendor = "cartesia"
    cloud = "wss://api.cartesia.ai"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self._query = [("model", model), ("encoding", "pcm_s16le"), ("sample_rate", RATE)]
        self._language = options.language

    def _dial(self, path: str, query: list[tuple[str, Any]], version: str) -> Dial:
        headers = {"X-API-Key": self.key, "Cartesia-Version": version}
        return Dial(self.url(path, query), headers)


class Whisper(_Cartesia):
    """Words in pieces to be strung together; told to finish, it does, and says so."""

    _said = ""

    def dial(self, answer: Any) -> Dial:
        query = [*self._query, ("language", self._language)]
        return self._dial("/stt/websocket", query, WHISPER_VERSION)

    def offset(self) -> Iterable[Frame]:
        return ("finalize",)

    def finish(self) -> Iterable[Frame]:
        return ("done",)

    def read(self, frame: Any) -> Iterable[Heard]:
        message = json.loads(frame)
        match message["type"]:
            case "transcript":
                text = self._said + message["text"]
                if message["is_final"]:
                    self._said = text
                if text.strip():
                    yield Heard(text.strip())
            case "flush_done":
                text, self._said = self._said.strip(), ""
                yield Heard(text, True, False, 1.0 if text else 0.0)
            case "error":
                status = int(message.get("status_code") or 500)
                raise self.refusal(status, str(message.get("error") or message.get("message")))


class Turns(_Cartesia):
    """A turn's words are cumulative, and its end is the vendor's to say."""

    def dial(self, answer: Any) -> Dial:
        return self._dial("/stt/turns/websocket", self._query, TURNS_VERSION)

    def finish(self) -> Iterable[Frame]:
        return (text_of(type="close"),)

    def read(self, frame: Any) -> Iterable[Heard]:
        message = json.loads(frame)
        text = str(message.get("transcript") or "").strip()
        match message["type"]:
            case "turn.update" | "turn.start" if text:
                yield Heard(text)
            case "turn.eager_end" if text:
                yield Heard(text, eager=True)
            case "turn.end":
                yield Heard(text, True, bool(text))
            case "error":
                status = int(message.get("status_code") or 500)
                raise self.refusal(status, str(message.get("error") or message.get("message")))


def dialect(model: str, options: Options, settings: VendorSettings, tag: str) -> Dialect:
    """``ink-2`` has turns, ``ink-whisper`` (the default) has not."""
    kind = Turns if model == "ink-2" else Whisper
    return kind(model or "ink-whisper", options, settings, tag)
