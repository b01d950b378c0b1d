"""The key that opens the API: given, or made once and kept in a file that only its owner reads."""

import hmac
import os
import secrets
from pathlib import Path

from fastapi import Request

from gateway.api.errors import ApiError
from gateway.api.settings import ApiSettings
from gateway.errors import ConfigError

FILE = "api.key"


def load_key(settings: ApiSettings, state_dir: Path) -> str:
    """The configured key, or the one in ``<state_dir>/api.key``, made now if there is none.

    Raises ConfigError.
    """
    if settings.key is not None:
        if not settings.key.get_secret_value():
            raise ConfigError("[api] key (or GATEWAY_API__KEY) is empty; unset it or give a key")
        return settings.key.get_secret_value()
    path = state_dir / FILE
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_text().strip()
        else:
            key = secrets.token_urlsafe(32)
            with os.fdopen(descriptor, "w") as file:
                file.write(key + "\n")
    except OSError as error:
        raise ConfigError(f"the API key file {path}: {error.strerror}") from None
    if not key:
        raise ConfigError(f"the API key file {path} is empty; delete it and a new key is made")
    return key


class Guard:
    """Lets a request pass if it carries the key: ``Authorization: Bearer <key>``."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    async def __call__(self, request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise ApiError(401, "Missing key: send the header Authorization: Bearer <key>")
        if not hmac.compare_digest(given.strip().encode(), self._key):
            raise ApiError(401, "Invalid key")
