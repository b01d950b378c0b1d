"""``custom-voice``: a server of the assistant's owner, asked by the API's own ``voice-request``.

It answers with the sound: int16 little-endian mono at the ``sampleRate`` of the request.
"""

import json
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway.backoff import Backoff
from gateway.errors import Fault
from gateway.signatures import signed
from gateway.speech.contract import RATE
from gateway.speech.settings import VendorSettings
from gateway.speech.voice_dialect import Post, PostedVoice


class Options(BaseModel):
    """``options``: where the server is, and what is said to it."""

    model_config = ConfigDict(extra="forbid")

    url: str = ""
    secret: str = ""
    headers: dict[str, str] = {}
    credential_id: str = ""  # whoever knows credentials has put what it opens into the others
    signing: dict[str, Any] = {}  # an HmacAuthenticationPlan
    backoff: Backoff = Backoff(retries=0)
    voice: str = ""


class Custom(PostedVoice):
    vendor = "custom-voice"

    def __init__(self, model: str, options: Options, settings: VendorSettings, tag: str) -> None:
        super().__init__(settings)
        self._url = options.url or settings.base_url or ""
        if not self._url:
            raise self.failure(Fault.OURS, "server.url says where it is; it is empty")
        self.fence = settings.fence
        self._tag, self._voice = tag, options.voice
        self._headers = {"Content-Type": "application/json", "X-Call-Id": tag} | options.headers
        if options.secret:
            self._headers["X-Vapi-Secret"] = options.secret
        self._signing, self._backoff = options.signing, options.backoff

    def post(self, text: str) -> Post:
        message: dict[str, Any] = {
            "type": "voice-request",
            "text": text,
            "sampleRate": RATE,
            "call": {"id": self._tag},
        }
        if self._voice:
            message["voiceId"] = self._voice
        return Post(self._url, self._headers, json.dumps({"message": message}))

    def proven(self, post: Post, now: float) -> Post:
        if not self._signing:
            return post
        body = str(post.body).encode()
        proof = signed(self._signing, body, method="POST", url=post.url, now=now)
        return replace(post, headers=post.headers | proof)

    def again_s(self, tried: int, status: int | None) -> float | None:
        return self._backoff.wait_s(tried) if self._backoff.again(tried, status) else None
