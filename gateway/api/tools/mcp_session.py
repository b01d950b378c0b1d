"""A session with a Model Context Protocol server, by the official client, behind our fence.

Imported when it is needed: the client takes half a second to load.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import httpx2
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, PaginatedRequestParams, TextContent

from gateway.api.tools.errand import Json, ToolFailed, Unauthorised, text_of

PAGES = 20  # of a list of tools


@dataclass(frozen=True)
class Place:
    """``protocol``: shttp or sse."""

    url: str
    protocol: str
    headers: tuple[tuple[str, str], ...]
    timeout_s: float


class _Fenced(httpx2.AsyncBaseTransport):
    """The client's own HTTP library, with our connections."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.refused = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = httpx.Request(
            request.method,
            str(request.url),
            headers=request.headers.raw,
            content=await request.aread(),
            extensions={"timeout": request.extensions.get("timeout", {})},
        )
        try:
            answer = await self._http.send(asked, stream=True)
        except httpx.TimeoutException as error:
            raise httpx2.ReadTimeout(str(error)) from error
        except httpx.HTTPError as error:
            raise httpx2.ConnectError(str(error)) from error
        self.refused |= answer.status_code == 401
        return httpx2.Response(
            answer.status_code, headers=answer.headers.raw, stream=_Stream(answer), request=request
        )


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.aiter_raw():
                yield chunk
        except httpx.HTTPError as error:
            raise httpx2.ReadError(str(error)) from error

    async def aclose(self) -> None:
        await self._answer.aclose()


async def list_tools(place: Place, http: httpx.AsyncClient) -> list[Json]:
    """Name, description and parameters of each. Raises ToolFailed, of which Unauthorised is one."""
    found: list[Json] = []
    async with _session(place, http) as session:
        cursor: str | None = None
        for _ in range(PAGES):
            params = PaginatedRequestParams(cursor=cursor) if cursor else None
            page = await session.list_tools(params=params)
            found += [
                {"name": t.name, "description": t.description or "", "parameters": t.input_schema}
                for t in page.tools
            ]
            cursor = page.next_cursor
            if not cursor:
                break
    return found


async def call_tool(place: Place, http: httpx.AsyncClient, name: str, given: Json) -> Json:
    """``ok`` and ``content``. Raises ToolFailed, of which Unauthorised is one."""
    async with _session(place, http) as session:
        result = await session.call_tool(name, given)
        return {"ok": not result.is_error, "content": _text(result)}


def _text(result: CallToolResult) -> str:
    parts = [
        part.text if isinstance(part, TextContent) else f"[{part.type}]" for part in result.content
    ]
    return "\n".join(parts) or text_of(result.structured_content or "")


@asynccontextmanager
async def _session(place: Place, http: httpx.AsyncClient) -> AsyncIterator[ClientSession]:
    transport = _Fenced(http)

    def client(
        headers: dict[str, str] | None = None,
        timeout: httpx2.Timeout | None = None,  # the client's own signature
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=transport,
            headers=dict(place.headers),
            timeout=timeout or httpx2.Timeout(place.timeout_s),
        )

    try:
        if place.protocol == "sse":
            async with (
                sse_client(place.url, httpx_client_factory=client) as (read, write),
                ClientSession(read, write, place.timeout_s) as session,
            ):
                await session.initialize()
                yield session
        else:
            async with (
                client() as own,
                streamable_http_client(place.url, http_client=own) as (read, write),
                ClientSession(read, write, place.timeout_s) as session,
            ):
                await session.initialize()
                yield session
    except Exception as error:  # a group of them: the client runs in tasks of its own
        first: BaseException = error
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        failed = Unauthorised if transport.refused else ToolFailed
        raise failed(f"its MCP server: {first or type(first).__name__}") from None
