"""How the gateway shows somebody's server who it is: by a stored webhook credential.

A plan is bearer, HMAC or OAuth 2.0 client credentials (RFC 6749 section 4.4). Tokens of the last
are kept until shortly before they end, for all who use the same credential.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.errors import GatewayError
from gateway.signatures import signed
from gateway.store import StoreError

Json = dict[str, Any]
# The body of an organisation's stored credential, by its id.
Lookup = Callable[[str, str], Awaitable[Json | None]]

EARLY_S = 30.0  # a token is renewed so long before it ends
USUAL_S = 300.0  # the life of one whose server does not say (RFC 6749 section 5.1: it should)
ANSWER_S = 10.0


class NotAuthenticated(GatewayError):
    """The credential cannot be used; ``str()`` says which and why."""


class Unread(NotAuthenticated):
    """Our store does not tell it now; later it may."""


@dataclass(frozen=True)
class _Token:
    header: str
    until: float  # epoch seconds
    plan: Json


class Authentication:
    """``http`` is behind the fence."""

    def __init__(
        self, lookup: Lookup, http: httpx.AsyncClient, clock: Callable[[], float] = time.time
    ) -> None:
        self._lookup, self._http, self._clock = lookup, http, clock
        self._tokens: dict[str, _Token] = {}

    async def headers(
        self, credential_id: str, body: bytes, *, url: str, method: str = "POST", org_id: str = ""
    ) -> dict[str, str]:
        """What to add to a request. Raises NotAuthenticated."""
        plan = await self._plan(credential_id, org_id)
        try:
            match _kind(plan):
                case "bearer":
                    return _bearer(plan)
                case "hmac":
                    return signed(plan, body, method=method, url=url, now=self._clock())
                case "oauth2":
                    return {"Authorization": await self._token(credential_id, plan)}
        except ValueError as error:
            raise NotAuthenticated(f"credential {credential_id}: {error}") from None
        raise NotAuthenticated(f"credential {credential_id}: its plan is not known here")

    async def signing(self, credential_id: str, org_id: str) -> Json:
        """The plan, if it is one that signs each request. Raises NotAuthenticated."""
        plan = await self._plan(credential_id, org_id)
        return plan if _kind(plan) == "hmac" else {}

    async def _plan(self, credential_id: str, org_id: str) -> Json:
        try:
            credential = await self._lookup(org_id, credential_id)
        except StoreError as error:
            raise Unread(f"credential {credential_id}: {error}") from error
        if credential is None:
            raise NotAuthenticated(f"there is no credential {credential_id}")
        plan = credential.get("authenticationPlan")
        if not isinstance(plan, dict):
            raise NotAuthenticated(f"credential {credential_id} has no authenticationPlan")
        return plan

    def refused(self, credential_id: str) -> bool:
        """The server answered 401: a token that it was shown is worth nothing any more. Whether
        there was one, so that it is worth trying again."""
        return self._tokens.pop(credential_id, None) is not None

    def until(self, credential_id: str) -> float:
        """When what it was last shown by ends, in epoch seconds; 0: never."""
        token = self._tokens.get(credential_id)
        return token.until if token else 0.0

    async def _token(self, credential_id: str, plan: Json) -> str:
        known = self._tokens.get(credential_id)
        if known and known.plan == plan and self._clock() < known.until - EARLY_S:
            return known.header
        form = {"grant_type": "client_credentials"}
        if plan.get("scope"):
            form["scope"] = plan["scope"]
        login = httpx.BasicAuth(plan["clientId"], plan["clientSecret"])
        try:
            answer = await self._http.post(plan["url"], data=form, auth=login, timeout=ANSWER_S)
            if answer.status_code in (400, 401):  # RFC 6749 section 2.3.1: some want it in the form
                form |= {"client_id": plan["clientId"], "client_secret": plan["clientSecret"]}
                answer = await self._http.post(plan["url"], data=form, timeout=ANSWER_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = str(error) or type(error).__name__
            raise NotAuthenticated(f"credential {credential_id}: no token: {why}") from None
        if answer.status_code != 200:
            raise NotAuthenticated(
                f"credential {credential_id}: no token: HTTP status {answer.status_code}"
            )
        given = answer.json()
        if not isinstance(given, dict) or not isinstance(given.get("access_token"), str):
            raise ValueError("the answer of its token server has no access_token")
        life_s = float(given.get("expires_in") or USUAL_S)
        token = _Token(f"Bearer {given['access_token']}", self._clock() + life_s, plan)
        self._tokens[credential_id] = token
        return token.header


def _kind(plan: Json) -> str:
    """The plans carry their kind since some version; older ones are known by their fields."""
    if plan.get("type"):
        return str(plan["type"])
    if "secretKey" in plan:
        return "hmac"
    return "oauth2" if "clientId" in plan else "bearer" if "token" in plan else ""


def _bearer(plan: Json) -> dict[str, str]:
    prefix = "" if plan.get("bearerPrefixEnabled") is False else "Bearer "
    return {plan.get("headerName") or "Authorization": f"{prefix}{plan['token']}"}
