"""Secrets at rest: what an owner gave in confidence is sealed before the database sees it.

A secret is recognised by the name of its field, wherever it lies, so that it is the same rule for a
credential, for an assistant with credentials inside, and for the papers of a call. Fernet (AES-128
in CBC mode with HMAC-SHA256) is cryptography's own recipe for this.
"""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from gateway.errors import ConfigError
from gateway.store.errors import StoreError

FILE = "secrets.key"

_SECRET = re.compile(
    r"(?i)password|secret|api_?key|access_?key|private_?key|openaikey|subscriptionkey|token|"
    r"authorization|connectionstring|webhookurl"
)
_WHOLLY = "headers"  # every value below this name: who knows which header opens a door
MARK = "sealed:"


class Marked(dict[str, Any]):
    """A JSON object in which something is sealed, perhaps; any other need not be looked through."""


class Vault:
    """Seals and opens JSON. Raises ValueError if ``key`` is no Fernet key."""

    def __init__(self, key: str | bytes) -> None:
        self._fernet = Fernet(key)

    def seal(self, value: Any, secret: bool = False) -> Any:
        """The same JSON, each string in it that is a secret made unreadable."""
        match value:
            case dict():
                return {n: self.seal(v, secret or _is_secret(n, v)) for n, v in value.items()}
            case list():
                return [self.seal(part, secret) for part in value]
            case str() if secret and value:
                return MARK + self._fernet.encrypt(value.encode()).decode()
        return value

    def open(self, value: Any, secret: bool = False) -> Any:
        """What was sealed. A secret that never was is let through. Raises StoreError.

        What has no mark is not looked at again.
        """
        kind = type(value)
        if kind is dict or kind is Marked:
            return {
                n: v if type(v) is str and not v.startswith(MARK)
                else self.open(v, secret or _is_secret(n, v))
                for n, v in value.items()
            }  # fmt: skip
        if kind is list:
            return [self.open(part, secret) for part in value]
        if secret and kind is str and value.startswith(MARK):
            try:
                return self._fernet.decrypt(value.removeprefix(MARK)).decode()
            except InvalidToken:
                raise StoreError(
                    "a secret in the store was sealed with another key; "
                    f"bring back the {FILE} that belongs to this database"
                ) from None
        return value


def _is_secret(name: str, value: Any) -> bool:
    return name == _WHOLLY or (isinstance(value, str) and _is_secretive(name))


@lru_cache(4096)
def _is_secretive(name: str) -> bool:
    return _SECRET.search(name) is not None


def vault_in(state_dir: Path) -> Vault:
    """The vault whose key is in ``<state_dir>/secrets.key``, made now if there is none.

    Raises ConfigError.
    """
    path = state_dir / FILE
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes().strip()
        else:
            key = Fernet.generate_key()
            with os.fdopen(descriptor, "wb") as file:
                file.write(key + b"\n")
        return Vault(key)
    except OSError as error:
        raise ConfigError(f"the key file of the store {path}: {error.strerror}") from None
    except ValueError:
        raise ConfigError(
            f"the key file of the store {path} holds no key; bring back the right one: "
            "what was sealed with it cannot be read without"
        ) from None
