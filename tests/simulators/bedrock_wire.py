"""Amazon Bedrock's wire protocol around Anthropic's: signed requests, answers in frames."""

import base64
import hashlib
import hmac
import json
import struct
import zlib
from dataclasses import dataclass
from functools import reduce
from typing import Any
from urllib.parse import quote

from tests.simulators.anthropic_wire import AnthropicSimulator
from tests.simulators.wire import Request

BODY = {"anthropic_version", "max_tokens", "messages", "system", "temperature", "thinking", "tools"}


@dataclass
class BedrockSimulator(AnthropicSimulator):
    secret: str = "k"  # of the access key that requests are signed with, or an API key
    kind = "application/vnd.amazon.eventstream"

    def is_asked(self, request: Request) -> bool:
        if not request.path.endswith("/invoke-with-response-stream"):
            return False
        assert set(request.json()) <= BODY
        assert request.json()["anthropic_version"] == "bedrock-2023-05-31"
        proof = request.headers["authorization"]
        assert proof == f"Bearer {self.secret}" or proof.endswith(signature(request, self.secret))
        return True

    def framed(self, event: dict[str, Any]) -> bytes:
        data = base64.b64encode(json.dumps(event).encode()).decode()
        return frame({":message-type": "event", ":event-type": "chunk"}, {"bytes": data, "p": "ab"})


def frame(headers: dict[str, str], payload: dict[str, Any]) -> bytes:
    """https://smithy.io/2.0/aws/amazon-eventstream.html"""
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(text))
        + text.encode() for name, text in headers.items()
    )  # fmt: skip
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(head) + len(body), len(head))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + body
    return message + struct.pack("!I", zlib.crc32(message))


def signature(request: Request, secret: str) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    how, _, rest = request.headers["authorization"].partition(" ")
    facts = dict(part.split("=", 1) for part in rest.split(", "))
    _, *scope = facts["Credential"].split("/")
    named = facts["SignedHeaders"].split(";")
    assert {"host", "x-amz-date"} <= set(named)
    lines = [
        request.method, quote(request.path, safe="/~"), "",
        *(f"{name}:{request.headers[name]}" for name in named),
        "", ";".join(named), hashlib.sha256(request.body).hexdigest(),
    ]  # fmt: skip
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = "\n".join([how, request.headers["x-amz-date"], "/".join(scope), digest])
    key = reduce(_hmac, scope, f"AWS4{secret}".encode())
    return _hmac(key, text).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
