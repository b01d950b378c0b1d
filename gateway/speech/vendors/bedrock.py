"""Anthropic's models at Amazon: their Messages within Bedrock's InvokeModelWithResponseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html
A request is signed (Signature Version 4) and an answer framed (``vnd.amazon.eventstream``) by
botocore, the extra ``bedrock``; on the wire it is the shared driver's like everybody's.
"""

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from gateway.errors import ConfigError, Fault, VendorError
from gateway.speech.choosing import Options, read
from gateway.speech.settings import VendorSettings
from gateway.speech.thinking import Row
from gateway.speech.vendors.anthropic import AnthropicOptions, AnthropicThinking
from gateway.speech.vendors.faults import key_of, refused
from gateway.speech.vendors.sse import Json, Refusal, pieces, warm

try:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from botocore.eventstream import EventStreamBuffer, ParserError
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True

VERSION = "bedrock-2023-05-31"
KIND = "application/vnd.amazon.eventstream"

# Most models are only had through a profile that spreads requests over a continent's regions.
_PROFILES = (("us-gov-", "us-gov."), ("us-", "us."), ("eu-", "eu."), ("ap-", "apac."))
_BARE = re.compile(r"claude-(opus|sonnet)-4-6")  # whose ids have no version
_SECOND = "claude-3-5-sonnet-20241022"
_CACHES = re.compile(r"claude-(3-7|3-5-haiku|(opus|sonnet|haiku)-\d)")
# Errors inside a stream that began well, as the statuses they would have been.
_STATUS = {"validationException": 400, "throttlingException": 429, "modelTimeoutException": 408,
           "serviceUnavailableException": 503}  # fmt: skip


def make(
    vendor: str, row: Row, model: str, options: Options, settings: VendorSettings, name: str
) -> "BedrockThinking":
    if not INSTALLED:
        raise ConfigError(f"{vendor}: install the extra bedrock (botocore)")
    chosen = read(AnthropicOptions, options, vendor)
    return BedrockThinking(vendor, row, model, chosen, settings, name)


class BedrockThinking(AnthropicThinking):
    """One call's language model. With ``user``, the key is that access key's secret; without, it
    is one of Bedrock's own API keys."""

    def __init__(
        self,
        vendor: str,
        row: Row,
        model: str,
        options: AnthropicOptions,
        settings: VendorSettings,
        name: str,
    ) -> None:
        super().__init__(vendor, row, model, options, settings, name)
        self._caches = bool(_CACHES.search(model))
        # Bedrock knows the model from the path, and has no place for the call's name.
        for field in ("model", "stream", "metadata"):
            del self._asked[field]
        self._asked["anthropic_version"] = VERSION
        region = settings.region or ""
        place = settings.base_url or f"https://bedrock-runtime.{region}.amazonaws.com"
        self._url = place.removesuffix("/")
        self._path = f"/model/{quote(_id(model, region), safe='')}/invoke-with-response-stream"

    async def open(self) -> None:
        if self._settings.base_url or (self._settings.key and self._settings.region):
            await warm(f"{self._url}/ping", self._settings.timeout_s)

    async def _events(self, request: Json) -> AsyncIterator[Json]:
        if not self._caches and "system" in request:
            request["system"] = request["system"][0]["text"]
        body = json.dumps(request).encode()
        headers = self._shown(body)
        buffer = EventStreamBuffer()
        answer = pieces(
            self.vendor, self._url + self._path, headers, body, self._settings.timeout_s
        )
        try:
            async with aclosing(answer) as raw:
                async for piece in raw:
                    buffer.add_data(piece)
                    for message in buffer:
                        yield self._event(message.headers, json.loads(message.payload))
        except Refusal as said:
            said.body = {"error": {"message": said.body.get("message")}}  # where others have it
            raise
        except (ParserError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise VendorError(self.vendor, Fault.THEIRS, f"no such stream: {error!r}") from error

    def _event(self, headers: Json, payload: Json) -> Json:
        if headers[":message-type"] != "event":
            kind = str(headers.get(":exception-type") or headers.get(":error-code"))
            raise refused(self.vendor, _STATUS.get(kind, 500), f"{kind}: {payload.get('message')}")
        event: Json = json.loads(base64.b64decode(payload["bytes"]))
        return event

    def _shown(self, body: bytes) -> dict[str, str]:
        """The headers that show who asks."""
        key, settings = key_of(self.vendor, self._settings), self._settings
        if not (settings.region or settings.base_url):
            detail = "region: say where the model is, in [vendors.anthropic-bedrock]"
            raise VendorError(self.vendor, Fault.OURS, detail)
        headers = {"Content-Type": "application/json", "Accept": KIND}
        if not settings.user:
            return headers | {"Authorization": f"Bearer {key}"}
        request: Any = AWSRequest("POST", self._url + self._path, headers, data=body)
        region = settings.region or "us-east-1"
        SigV4Auth(Credentials(settings.user, key), "bedrock", region).add_auth(request)
        return dict(request.headers.items())


def _id(model: str, region: str) -> str:
    """Amazon's name of a model; one that is Amazon's already, or a resource's, stays."""
    if "." in model or model.startswith("arn:"):
        return model
    profile = next((name for place, name in _PROFILES if region.startswith(place)), "")
    version = "" if _BARE.match(model) else "-v2:0" if model == _SECOND else "-v1:0"
    return f"{profile}anthropic.{model}{version}"
