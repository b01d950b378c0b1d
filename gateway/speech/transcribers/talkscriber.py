"""Talkscriber's live transcription, as its own client (tsclient) speaks it."""

import json
import uuid
from collections.abc import Iterable
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault
from gateway.speech.contract import Heard
from gateway.speech.dialect import Dial, Dialect, Frame, Pieces, text_of
from gateway.speech.settings import VendorSettings

PIECE_MS = 100


class Options(BaseModel):
    """``options``; without a language it finds out."""

    model_config = ConfigDict(extra="forbid")

    language: str | None = None
    turn_detection_timeout: float = 0.6


class Talkscriber(Dialect):
    """Its answers hold the latest segments, old ones among them, each marked once it has ended."""

    vendor = "talkscriber"
    cloud = "wss://api.talkscriber.com:9090"
    chatty = False
    gathers = False

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self.ready = False
        self._options = options
        self._tag = tag
        self._pieces = Pieces(PIECE_MS)
        self._told: list[str] = []  # ended segments of the last answer

    def dial(self, answer: Any) -> Dial:
        options = self._options
        start = text_of(
            uid=self._tag or str(uuid.uuid4()),
            multilingual=options.language is None,
            language=options.language,
            task="transcribe",
            auth=self.key,
            enable_turn_detection=True,
            turn_detection_timeout=options.turn_detection_timeout,
        )
        return Dial(self.url(), {}, (start,))

    def sound(self, pcm: bytes) -> Iterable[Frame]:
        for piece in self._pieces.cut(pcm):
            samples = np.frombuffer(piece, "<i2").astype("<f4") / 32768
            yield samples.tobytes()

    def finish(self) -> Iterable[Frame]:
        return (b"END_OF_AUDIO",)

    def read(self, frame: Any) -> Iterable[Heard]:
        message = json.loads(frame)
        if message.get("message") == "UNAUTHORIZED":
            raise self.failure(Fault.AUTH, "unauthorized")
        if message.get("status") == "WAIT":
            raise self.failure(Fault.OVERLOAD, f"busy for {message.get('message')} minutes")
        if message.get("status") == "ERROR" or message.get("message") == "DISCONNECT":
            raise self.failure(Fault.THEIRS, str(message.get("message")))
        if message.get("message") == "SERVER_READY":
            self.ready = True
        segments = message.get("segments") or []
        ended = [s["text"].strip() for s in segments if s.get("EOS")]
        for text in ended[_overlap(self._told, ended) :]:
            if text:
                yield Heard(text, True, True)
        if segments:
            self._told = ended
        going_on = " ".join(s["text"].strip() for s in segments if not s.get("EOS")).strip()
        if going_on:
            yield Heard(going_on)


def _overlap(before: list[str], now: list[str]) -> int:
    """How many of the first of ``now`` are the last of ``before``."""
    longest = min(len(before), len(now))
    return next(n for n in range(longest, -1, -1) if before[len(before) - n :] == now[:n])
