"""Arguments that only their owner's server is to read: the documented ``encryptedPaths``. No IO.

A path is names with dots between them, from an argument on. Its value, if it is there, is encrypted
by RSA-OAEP with SHA-256 (RFC 8017 section 7.1) and becomes base64. What cannot be encrypted is not
sent: nothing that should be secret leaves in the clear because of a mistake.
"""

import base64
import copy
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.api.tools.errand import ToolFailed, text_of

Json = dict[str, Any]

_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def encrypted(arguments: Json, paths: Sequence[str], credential: Json | None) -> Json:
    """A copy with the values at the paths encrypted by the credential's key. Raises ToolFailed."""
    if not paths:
        return arguments
    key = _key(credential)
    copied = copy.deepcopy(arguments)
    for path in paths:
        way, _, last = path.removeprefix("$.").rpartition(".")
        inner = value_at(copied, way)
        if isinstance(inner, dict) and inner.get(last) is not None:
            inner[last] = _sealed(key, text_of(inner[last]), path)
    return copied


def value_at(value: Any, path: str) -> Any:
    """None if there is nothing."""
    for name in filter(None, path.removeprefix("$.").split(".")):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _sealed(key: rsa.RSAPublicKey, text: str, path: str) -> str:
    try:
        return base64.b64encode(key.encrypt(text.encode(), _OAEP)).decode()
    except ValueError:
        most = key.key_size // 8 - 66
        raise ToolFailed(f"{path} is too long for its key, which takes {most} bytes") from None


def _key(credential: Json | None) -> rsa.RSAPublicKey:
    plan = (credential or {}).get("encryptionPlan")
    public = plan.get("publicKey") if isinstance(plan, dict) else None
    if not isinstance(public, dict):
        raise ToolFailed("its encryptedPaths need a credential with an encryptionPlan")
    try:
        key = load_pem_public_key(str(public.get("pem")).encode())
    except ValueError:
        raise ToolFailed("the publicKey of its credential is not valid PEM") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise ToolFailed("the publicKey of its credential is not one of RSA")
    return key
