"""Accounts with other services: an organisation's stored credential, and a request made with it.

An OAuth credential holds what its owner got from the service: ``authenticationSession`` with
``accessToken``, and, for a token that ends, ``expiresAt`` (ISO 8601), ``refreshToken``,
``clientId`` and ``clientSecret``. A new token is kept with the credential.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from gateway.api.resources import instant
from gateway.api.tools.errand import Json, ToolFailed, Unauthorised
from gateway.api.wire import Request, Wire
from gateway.calls.errand import Errand
from gateway.speech.settings import VendorSettings
from gateway.store import Store

EARLY = timedelta(seconds=60)
SHOWN = 500  # characters of a service's complaint


@dataclass(frozen=True)
class Service:
    """``name`` is its section ``[vendors.<name>]``, which may move ``url``."""

    name: str
    url: str


@dataclass
class Accounts:
    store: Store
    wire: Wire
    vendors: Mapping[str, VendorSettings]
    _locks: defaultdict[str, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    def url(self, service: Service) -> str:
        settings = self.vendors.get(service.name)
        return ((settings and settings.base_url) or service.url).rstrip("/")

    async def credential(self, errand: Errand, *providers: str) -> tuple[str, Json]:
        """Id and body: of the assistant's own, else of the organisation's; of several, one that
        the assistant names by ``credentialIds``. Raises ToolFailed."""
        assistant = errand.papers.get("assistant") or {}
        for own in assistant.get("credentials") or ():
            if own.get("provider") in providers:
                return "", own
        rows = self.store.of(errand.org_id).credentials
        found = [s for p in providers for s in await rows.list(limit=100, provider=p)]
        if not found:
            raise ToolFailed(f"there is no credential of the provider {' or '.join(providers)}")
        named = set(assistant.get("credentialIds") or ())
        stored = next((s for s in found if s.id in named), found[0])
        return stored.id, stored.body

    async def ask_as(
        self,
        errand: Errand,
        credential: tuple[str, Json],
        refresh_url: str,
        method: str,
        url: str,
        body: Any,
        headers: Mapping[str, str] = MappingProxyType({}),
        ended: Callable[[Any], bool] = lambda answer: False,
    ) -> Any:
        """``ask`` with the credential's access token, which is renewed if it has ended: by its
        time, by a 401, or by the answers that ``ended`` knows. Raises ToolFailed and
        wire.FAILURES."""
        limit_s = errand.tool.timeout_s
        token = await self._token(errand, credential, refresh_url, limit_s)
        refusal = None
        try:
            sent = {"Authorization": f"Bearer {token}", **headers}
            answer = await self.ask(method, url, sent, body, limit_s)
        except Unauthorised as error:
            answer, refusal = None, error
        if refusal is None and not ended(answer):
            return answer
        renewed = await self._token(errand, credential, refresh_url, limit_s, refused=token)
        if renewed == token:  # it cannot be renewed, so that is the answer
            if refusal:
                raise refusal
            return answer
        sent["Authorization"] = f"Bearer {renewed}"
        return await self.ask(method, url, sent, body, limit_s)

    async def _token(
        self,
        errand: Errand,
        credential: tuple[str, Json],
        refresh_url: str,
        limit_s: float,
        refused: str = "",
    ) -> str:
        """An access token that is still good, and another than ``refused`` if there can be one.
        Raises ToolFailed and wire.FAILURES."""
        key, body = credential
        session = body.get("authenticationSession") or {}
        if not isinstance(session, dict) or not ({"accessToken", "refreshToken"} & session.keys()):
            raise ToolFailed(
                f"the credential of {body['provider']} has no authenticationSession with an "
                "accessToken or a refreshToken"
            )
        if _is_good(session, refused):
            return str(session["accessToken"])
        async with self._locks[key]:
            rows = self.store.of(errand.org_id).credentials
            if key and (stored := await rows.get(key)):  # somebody else may have renewed it
                session = stored.body["authenticationSession"]
                if _is_good(session, refused):
                    return str(session["accessToken"])
            if refused and not session.get("refreshToken"):
                return refused
            session = session | await self._renewed(session, refresh_url, limit_s)
            if key:
                await rows.update(key, lambda old: old | {"authenticationSession": session})
            else:
                body["authenticationSession"] = session  # as long as the call lasts
            return str(session["accessToken"])

    async def _renewed(self, session: Json, url: str, limit_s: float) -> Json:
        """RFC 6749 section 6."""
        if not session.get("refreshToken"):
            raise ToolFailed("its access token has ended, and there is no refreshToken")
        form = {"grant_type": "refresh_token", "refresh_token": session["refreshToken"]}
        form |= {"client_id": session.get("clientId") or ""}
        form |= {"client_secret": session.get("clientSecret") or ""}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        given = await self.ask("POST", url, headers, urlencode(form).encode(), limit_s)
        if not isinstance(given, dict) or not given.get("access_token"):
            raise ToolFailed("the answer of its token server has no access_token")
        ends = datetime.now(UTC) + timedelta(seconds=float(given.get("expires_in") or 3600))
        new: Json = {"accessToken": given["access_token"], "expiresAt": instant(ends)}
        return new | ({"refreshToken": t} if (t := given.get("refresh_token")) else {})

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any,
        limit_s: float,
        *,
        words: bool = False,
    ) -> Any:
        """JSON for JSON, or for the bytes of a form; ``words``: a plain text is an answer, too.
        Raises ToolFailed and wire.FAILURES."""
        content = body if isinstance(body, bytes) else b""
        if body is not None and not content:
            content = json.dumps(body, default=str).encode()
            headers = {"Content-Type": "application/json", **headers}
        status, answer = await self.wire.ask(Request(method, url, headers, content), limit_s)
        text = answer.decode(errors="replace")
        if status == 401:
            raise Unauthorised(f"HTTP status {status}: {text[:SHOWN]}".removesuffix(": "))
        if not 200 <= status < 300:
            raise ToolFailed(f"HTTP status {status}: {text[:SHOWN]}".removesuffix(": "))
        try:
            return json.loads(text) if text else {}
        except ValueError:
            if words:
                return text
            raise ToolFailed("the answer of the service is not JSON") from None


def _is_good(session: Json, refused: str) -> bool:
    token = session.get("accessToken")
    return bool(token) and token != refused and not _ending(session)


def _ending(session: Json) -> bool:
    ends = session.get("expiresAt")
    if not ends:
        return False
    try:
        at = datetime.fromisoformat(str(ends))
    except ValueError:
        return True
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - EARLY < datetime.now(UTC)
