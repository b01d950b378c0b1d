"""The keys that open the API. The operator's is given, or made once and kept in a file that only
its owner reads; all others are in the store (``/token``)."""

import hmac
import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
from fastapi import Request

from gateway.api.callers import Caller
from gateway.api.errors import ApiError
from gateway.api.settings import ApiSettings
from gateway.errors import ConfigError
from gateway.store import Store
from gateway.store.database import digest
from gateway.store.tables import THE_ORG

FILE = "api.key"
MOST = 1000  # keys of an organisation that a token may have been signed with
SIGNS = 32  # characters: a shorter key is too weak to sign with (RFC 7518 section 3.2)


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
    """Lets a request pass if it carries a key (``Authorization: Bearer <key>``), or a JWT that was
    signed with one; and says whose it is.

    ``key`` is the operator's. A JWT (HS256) has ``orgId`` and ``token`` in its payload.
    """

    def __init__(self, key: str, store: Store) -> None:
        self._key = key
        self._store = store

    async def __call__(self, request: Request) -> None:
        caller = await self.caller(request.headers.get("authorization", ""))
        path = request.scope.get("path", "")
        caller.check(request.method, path, request.headers.get("origin", ""))
        request.state.caller = caller

    async def caller(self, authorization: str) -> Caller:
        """Whose this header is, whatever its key may do. Raises ApiError."""
        scheme, _, given = authorization.partition(" ")
        given = given.strip()
        if scheme.lower() != "bearer" or not given:
            raise ApiError(401, "Missing key: send the header Authorization: Bearer <key>")
        if hmac.compare_digest(given.encode(), self._key.encode()):
            return Caller(self._store.of(THE_ORG), operator=True)
        if given.count(".") == 2:
            return await self._signed(given)
        found = await self._store.keys.of(None).list(limit=1, digest=digest(given))
        if not found:
            raise ApiError(401, "Invalid key")
        (key,) = found
        if _expired(key.body.get("expiresAt")):
            raise ApiError(401, "This key has expired")
        return self._of_token(key.org_id, key.body)

    async def _signed(self, given: str) -> Caller:
        """Who a JWT says it is; it is believed if a private key of that organisation signed it."""
        try:
            claims = jwt.decode(given, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            raise ApiError(401, "Invalid key") from None
        org_id = claims.get("orgId")
        if not isinstance(org_id, str):
            raise ApiError(401, "Invalid token: its payload has no orgId")
        for key in await self._private_keys(org_id):
            try:
                jwt.decode(given, key, algorithms=["HS256"], options={"verify_aud": False})
            except jwt.InvalidSignatureError:
                continue
            except jwt.ExpiredSignatureError:
                raise ApiError(401, "This token has expired") from None
            except jwt.InvalidTokenError as error:
                raise ApiError(401, f"Invalid token: {error}") from None
            token = claims.get("token")
            if not isinstance(token, dict) or token.get("tag") not in ("private", "public"):
                raise ApiError(401, "Invalid token: token.tag must be private or public")
            return self._of_token(org_id, token)
        raise ApiError(
            401, "Invalid token: no unrestricted private key of its organisation has signed it"
        )

    async def _private_keys(self, org_id: str) -> list[str]:
        """Those that may sign: what a restricted key signed would be without its restrictions."""
        kept = await self._store.keys.of(org_id).list(limit=MOST)
        keys = [
            str(key.body["token"])
            for key in kept
            if key.body["tag"] == "private"
            and not self._of_token(org_id, key.body).restricted
            and not _expired(key.body.get("expiresAt"))
        ]
        if org_id == THE_ORG:
            keys.append(self._key)
        return [key for key in keys if len(key) >= SIGNS]

    def _of_token(self, org_id: str, token: Mapping[str, Any]) -> Caller:
        restrictions = token.get("restrictions")
        return Caller(
            self._store.of(org_id),
            public=token["tag"] == "public",
            restrictions=restrictions if isinstance(restrictions, dict) else {},
        )


def _expired(at: str | None) -> bool:
    if at is None:
        return False
    instant = datetime.fromisoformat(at)
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)) <= datetime.now(UTC)
