"""One request to somebody's server: authenticated, behind the fence, its answer bounded."""

import asyncio

import httpx

from gateway.api.authentication import Authentication, Lookup, NotAuthenticated
from gateway.api.targets import Target

LARGEST_ANSWER = 1024 * 1024

# What ``send`` raises, whoever is to blame; ``reason`` puts it in words.
FAILURES = (httpx.HTTPError, httpx.InvalidURL, NotAuthenticated, OSError, ValueError)


class Wire:
    """``http`` is closed with it."""

    def __init__(self, http: httpx.AsyncClient, lookup: Lookup) -> None:
        self._http = http
        self._authentication = Authentication(lookup, http)

    async def send(self, where: Target, body: bytes, timeout_s: float) -> tuple[int, bytes]:
        """POST it; status and body of the answer. Raises FAILURES, of which TimeoutError is one."""
        async with asyncio.timeout(timeout_s):
            status, answer = await self._once(where, body, timeout_s)
            if status == 401 and self._authentication.refused(where.credential_id):
                status, answer = await self._once(where, body, timeout_s)
            return status, answer

    async def _once(self, where: Target, body: bytes, timeout_s: float) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", **where.headers}
        if where.credential_id:
            headers |= await self._authentication.headers(
                where.credential_id, body, url=where.url, org_id=where.org_id
            )
        async with self._http.stream(
            "POST", where.url, content=body, headers=headers, timeout=timeout_s
        ) as response:
            answer = bytearray()
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > LARGEST_ANSWER:
                    raise ValueError(f"the answer is larger than {LARGEST_ANSWER} bytes")
            return response.status_code, bytes(answer)

    async def close(self) -> None:
        await self._http.aclose()


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
