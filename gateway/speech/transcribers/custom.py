"""``custom-transcriber``: a server of the assistant's owner, with the API's own protocol.

It is sent a start message and then stereo sound, the customer's in channel 0, and answers with
``transcriber-response`` messages. Channel 1 is the assistant's; it is silent here, since the
gateway has those words already.
"""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault, VendorError
from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Dial, Dialect, Frame, text_of
from gateway.speech.settings import VendorSettings


class Options(BaseModel):
    """``options``: where the server is, and what is said to it."""

    model_config = ConfigDict(extra="forbid")

    url: str = ""
    secret: str = ""
    headers: dict[str, str] = {}
    credential_id: str = ""  # whoever knows credentials has put what it opens into the headers


class Custom(Dialect):
    vendor = "custom-transcriber"
    cloud = ""
    named = True
    chatty = False

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings.model_copy(update={"base_url": options.url or settings.base_url}))
        if not self.settings.base_url:
            raise VendorError(self.vendor, Fault.OURS, "server.url says where it is; it is empty")
        self._headers = {"X-Call-Id": tag} | options.headers
        if options.secret:
            self._headers["X-Vapi-Secret"] = options.secret

    def dial(self, answer: Any) -> Dial:
        start = text_of(
            type="start", encoding="linear16", container="raw", sampleRate=RATE, channels=2
        )
        return Dial(self.url(), self._headers, (start,))

    def sound(self, pcm: bytes) -> Iterable[Frame]:
        both = np.zeros((len(pcm) // 2, 2), "<i2")
        both[:, 0] = np.frombuffer(pcm, "<i2")
        return (both.tobytes(),)

    def read(self, frame: Any) -> Iterable[Heard]:
        message = json.loads(frame)
        if message["type"] == "transcriber-response" and message["channel"] == "customer":
            final = message.get("transcriptType", "final") == "final"
            text = str(message["transcription"]).strip()
            if text or final:
                yield Heard(text, final, confidence=1.0 if text else 0.0)
