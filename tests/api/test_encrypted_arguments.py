"""``encryptedPaths``: what only the owner's server is to read leaves encrypted, or not at all."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.api.tools.api_request import ApiRequests
from gateway.api.tools.encryption import encrypted
from gateway.api.tools.errand import ToolFailed
from gateway.calls.ports import ToolReply
from tests.api.errands import run
from tests.api.hooks import Peer, wire
from tests.api.site import Site, a_site

OURS = rsa.generate_private_key(65537, 2048)
TOKEN = {"type": "bearer", "token": "t"}


def credential(key: Any = OURS) -> dict[str, Any]:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    public = {"format": "spki-pem", "pem": pem}
    plan = {"type": "public-key", "algorithm": "RSA-OAEP-256", "publicKey": public}
    return {"authenticationPlan": TOKEN, "encryptionPlan": plan}


def opened(text: str) -> str:
    """As the documented example of a server does it."""
    sha256 = hashes.SHA256()
    oaep = padding.OAEP(mgf=padding.MGF1(algorithm=sha256), algorithm=sha256, label=None)
    return OURS.decrypt(base64.b64decode(text), oaep).decode()


def test_the_named_values_are_encrypted_and_nothing_else() -> None:
    given = {"name": "Al", "ssn": "12", "card": {"number": 7, "of": {"a": "é"}}, "none": None}
    paths = ["ssn", "$.card.number", "card.of", "none", "no.such", "name.no"]
    made = encrypted(given, paths, credential())
    assert (made["name"], made["none"]) == ("Al", None)
    assert opened(made["ssn"]) == "12"
    assert opened(made["card"]["number"]) == "7"
    assert json.loads(opened(made["card"]["of"])) == {"a": "é"}
    assert given["ssn"] == "12"
    assert encrypted(given, [], None) is given


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (None, "need a credential with an encryptionPlan"),
        ({"encryptionPlan": {}}, "need a credential with an encryptionPlan"),
        ({"encryptionPlan": {"publicKey": {"pem": "x"}}}, "not valid PEM"),
        (credential(ec.generate_private_key(ec.SECP256R1())), "not one of RSA"),
    ],
)
def test_without_a_key_nothing_is_sent(kept: Any, why: str) -> None:
    with pytest.raises(ToolFailed, match=why):
        encrypted({"ssn": "1"}, ["ssn"], kept)


def test_what_is_too_long_for_the_key_is_not_sent() -> None:
    assert opened(encrypted({"a": "x" * 190}, ["a"], credential())["a"]) == "x" * 190
    with pytest.raises(ToolFailed, match="a is too long for its key, which takes 190 bytes"):
        encrypted({"a": "x" * 191}, ["a"], credential())


async def test_a_function_s_server_gets_them_so(peer: Peer) -> None:
    server = {"url": peer.url, "credentialId": "one", "encryptedPaths": ["ssn"]}
    tool = {"type": "function", "function": {"name": "pay"}, "server": server}
    to = wire({"one": credential()})
    reply = await run(tool, {"ssn": "123-45", "sum": 7}, to, {})
    assert not reply.ok  # the peer answers with nothing; what counts is what it was sent
    (message,) = peer.messages
    arguments = message["toolCallList"][0]["arguments"]
    assert (opened(arguments["ssn"]), arguments["sum"]) == ("123-45", 7)
    assert "123-45" not in json.dumps(message)
    tool["server"] = server | {"credentialId": "no-such"}
    assert "encryptionPlan" in (await run(tool, {"ssn": "123-45"}, to, {})).content
    assert len(peer.messages) == 1
    await to.close()


async def asked_of(site: Site, tool: dict[str, Any], **arguments: Any) -> ToolReply:
    to = wire({"one": credential()})
    whole = {"type": "apiRequest", "method": "POST", "credentialId": "one", **tool}
    try:
        return await run(whole, arguments, to, {"apiRequest": ApiRequests(to)})
    finally:
        await to.close()


async def test_an_api_request_sends_them_so_wherever_a_template_puts_them() -> None:
    body = {
        "type": "object",
        "properties": {"ssn": {"type": "string"}, "again": {"value": "{{ssn}}"},
                       "fixed": {"value": "4711"}},
    }  # fmt: skip
    async with a_site() as site:
        tool = {"url": f"{site.url}/x?q={{{{ssn}}}}", "body": body,
                "encryptedPaths": ["ssn", "fixed"]}  # fmt: skip
        assert (await asked_of(site, tool, ssn="123-45")).ok
        (asked,) = site.asked
        assert {n: opened(v) for n, v in asked.json.items()} == {
            "ssn": "123-45", "again": "123-45", "fixed": "4711"
        }  # fmt: skip
        assert opened(asked.query["q"]) == "123-45"
        assert asked.headers["authorization"] == "Bearer t"
