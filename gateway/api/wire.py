"""One request to somebody's server: authenticated, behind the fence, its answer bounded."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.api.authentication import Authentication, Lookup, NotAuthenticated
from gateway.api.targets import Target
from gateway.calls.traceparent import traceparent
from gateway.logs import call_id

LARGEST_ANSWER = 1024 * 1024

# What ``send`` raises, whoever is to blame; ``reason`` puts it in words.
FAILURES = (httpx.HTTPError, httpx.InvalidURL, NotAuthenticated, OSError, ValueError)


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    credential_id: str = ""  # of a stored credential with an authentication plan
    org_id: str = ""  # whose credential it is


class Wire:
    """``http`` is closed with it. ``traced``: who is sent something about a call is told its place
    in the call's trace."""

    def __init__(self, http: httpx.AsyncClient, lookup: Lookup, traced: bool = False) -> None:
        self.http = http
        self._traced = traced
        self._lookup = lookup
        self._authentication = Authentication(lookup, http)

    async def send(self, where: Target, body: bytes, timeout_s: float) -> tuple[int, bytes]:
        """POST it; status and body of the answer. Raises FAILURES, of which TimeoutError is one."""
        headers = {"Content-Type": "application/json", **where.headers}
        if self._traced and (call := call_id.get()):
            headers["traceparent"] = traceparent(call)
        return await self.ask(
            Request("POST", where.url, headers, body, where.credential_id, where.org_id), timeout_s
        )

    async def ask(self, request: Request, timeout_s: float) -> tuple[int, bytes]:
        """Status and body of the answer. Raises FAILURES, of which TimeoutError is one."""
        async with asyncio.timeout(timeout_s):
            status, answer = await self._once(request, timeout_s)
            if status == 401 and self._authentication.refused(request.credential_id):
                status, answer = await self._once(request, timeout_s)
            return status, answer

    async def credential(self, credential_id: str, org_id: str) -> dict[str, Any] | None:
        """The body of a stored one; None: there is none."""
        return await self._lookup(org_id, credential_id) if credential_id else None

    async def credentials(self, credential_id: str, url: str, org_id: str) -> dict[str, str]:
        """The headers of a request that others make. Raises NotAuthenticated."""
        return await self._authentication.headers(credential_id, b"", url=url, org_id=org_id)

    async def key(self, plan: str, org_id: str, refused: bool = False) -> tuple[str, float]:
        """What others show as their key by this credential, other than one that was refused, and
        when it ends in epoch seconds (0: never). Raises NotAuthenticated."""
        if refused:
            self._authentication.refused(plan)
        headers = await self.credentials(plan, "", org_id)
        key = headers.get("Authorization", "").removeprefix("Bearer ")
        return key, self._authentication.until(plan)

    def refused(self, credential_id: str) -> bool:
        """The server of such a request answered 401; whether other headers may help."""
        return self._authentication.refused(credential_id)

    async def signing(self, credential_id: str, org_id: str) -> dict[str, Any]:
        """The plan by which others sign each request; empty if it is not of that kind. Raises
        NotAuthenticated."""
        return await self._authentication.signing(credential_id, org_id)

    async def _once(self, request: Request, timeout_s: float) -> tuple[int, bytes]:
        headers = dict(request.headers)
        if request.credential_id:
            headers |= await self._authentication.headers(
                request.credential_id,
                request.content,
                url=request.url,
                method=request.method,
                org_id=request.org_id,
            )
        async with self.http.stream(
            request.method,
            request.url,
            content=request.content or None,
            headers=headers,
            timeout=timeout_s,
        ) as response:
            answer = bytearray()
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > LARGEST_ANSWER:
                    raise ValueError(f"the answer is larger than {LARGEST_ANSWER} bytes")
            return response.status_code, bytes(answer)

    async def close(self) -> None:
        await self.http.aclose()


def reason(error: Exception, timeout_s: float) -> str:
    """Why there is no answer, as the end of a sentence that begins with the server's name."""
    match error:
        case TimeoutError() | httpx.TimeoutException():
            return f"its server did not answer within {timeout_s:g} s"
        case httpx.ConnectError():
            return f"its server cannot be reached: {error}"
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return "its server's URL is not valid"
    return f"{error or type(error).__name__}"
