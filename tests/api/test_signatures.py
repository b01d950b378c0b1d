"""Signatures that the servers of others can check: each documented setting of the HMAC plan."""

import base64
import hashlib
import hmac

import pytest

from gateway.signatures import signed

BODY = b'{"message": {"type": "x {timestamp}"}}'


def sign(**plan: object) -> dict[str, str]:
    given = {"secretKey": "s3cret", "algorithm": "sha256"} | plan
    return signed(given, BODY, method="POST", url="https://a/b", now=1700000000.9, message_id="m1")


def mac(payload: bytes, key: bytes = b"s3cret", algorithm: str = "sha256") -> bytes:
    return hmac.new(key, payload, getattr(hashlib, algorithm)).digest()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_the_usual_signature_is_of_time_and_body(algorithm: str) -> None:
    expected = mac(b"1700000000." + BODY, algorithm=algorithm).hex()
    assert sign(algorithm=algorithm) == {"x-signature": expected, "x-timestamp": "1700000000"}


def test_without_a_time_it_is_of_the_body_alone() -> None:
    assert sign(includeTimestamp=False) == {"x-signature": mac(BODY).hex()}


def test_as_github_signs() -> None:
    made = sign(
        includeTimestamp=False, signatureHeader="X-Hub-Signature-256", signaturePrefix="sha256="
    )
    assert made == {"X-Hub-Signature-256": "sha256=" + mac(BODY).hex()}


def test_as_svix_signs() -> None:
    made = sign(
        secretKey="whsec_" + base64.b64encode(b"key").decode(), secretIsBase64=True,
        payloadFormat="{svix-id}.{timestamp}.{body}", signatureEncoding="base64",
        signatureHeader="svix-signature", signaturePrefix="v1,", timestampHeader="svix-timestamp",
        messageIdHeader="svix-id",
    )  # fmt: skip
    expected = base64.b64encode(mac(b"m1.1700000000." + BODY, b"key")).decode()
    assert made == {
        "svix-signature": "v1," + expected,
        "svix-timestamp": "1700000000",
        "svix-id": "m1",
    }


def test_method_and_url_may_be_signed_and_a_body_is_no_template() -> None:
    made = sign(payloadFormat="{method} {url} {body}{nothing}", includeTimestamp=False)
    assert made["x-signature"] == mac(b"POST https://a/b " + BODY + b"{nothing}").hex()


def test_a_key_that_is_not_base64_is_named() -> None:
    with pytest.raises(ValueError, match="secretKey"):
        sign(secretKey="*", secretIsBase64=True)
