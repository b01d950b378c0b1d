"""An answer that is a stream of server-sent events, each of them a JSON object
(https://html.spec.whatwg.org/multipage/server-sent-events.html); and the driver of the vendors of
such without an SDK here.
"""

import contextlib
import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any

import httpx

from gateway.errors import Fault, VendorError
from gateway.speech.vendors.faults import broken, patiently, refused
from gateway.speech.vendors.shared import shared

KEEPALIVE_S = 120.0  # a connection stays warm between a caller's turns
WARM_S = 30.0  # one that was used so lately needs no warming
LONGEST = 4 * 1024 * 1024  # bytes of one event; more is nonsense
MOST = 64 * 1024  # bytes of a refusal that are read
# Not str.splitlines: a model may well say U+2028, which is no end of a line here.
_LINE_END = re.compile(rb"\r\n?|\n")

Json = dict[str, Any]


class Stream:
    """Bytes in, as they come, and the events out. Raises VendorError for what is no such event."""

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor
        self._rest = b""  # of a line that has not ended
        self._after_cr = False  # which a LF may still belong to
        self._data: list[bytes] = []
        self._size = 0
        self.done = False  # the vendor has said so, as OpenAI's do: ``[DONE]``

    def feed(self, piece: bytes) -> Iterator[Json]:
        if self._after_cr:
            piece = piece.removeprefix(b"\n")
        self._after_cr = piece.endswith(b"\r")
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        if self._size + len(self._rest) > LONGEST:
            raise self._nonsense("an event without end")
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
                self._size += len(line)
            elif not line and self._data:
                text, self._data, self._size = b"\n".join(self._data), [], 0
                if text.startswith(b"[DONE]"):
                    self.done = True
                else:
                    yield self._event(text)

    def _event(self, text: bytes) -> Json:
        try:
            event = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._nonsense(f"an event that is no JSON: {error}") from error
        if not isinstance(event, dict):
            raise self._nonsense("an event that is no JSON object")
        return event

    def _nonsense(self, detail: str) -> VendorError:
        return VendorError(self._vendor, Fault.THEIRS, detail)


class Pool:
    """One client for all vendors; connections are kept per host."""

    def __init__(self) -> None:
        limits = httpx.Limits(
            max_connections=1000, max_keepalive_connections=200, keepalive_expiry=KEEPALIVE_S
        )
        self.http = httpx.AsyncClient(limits=limits)
        self.used_at: dict[bytes, float] = {}  # by host

    async def close(self) -> None:
        await self.http.aclose()


class Refusal(Exception):
    """An answer that is not 2xx: the vendor's own JSON, as far as it is such."""

    def __init__(self, status: int, body: Json, headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers


async def warm(url: str, timeout_s: float) -> None:
    """Have a connection ready. What the answer is does not matter."""
    pool, now = shared("sse", Pool), time.monotonic()
    with contextlib.suppress(httpx.HTTPError, httpx.InvalidURL):
        host = httpx.URL(url).netloc
        if now - pool.used_at.get(host, -WARM_S) >= WARM_S:
            pool.used_at[host] = now
            await pool.http.get(url, timeout=timeout_s)


async def events(
    vendor: str, url: str, headers: Mapping[str, str], body: Json, timeout_s: float
) -> AsyncIterator[Json]:
    """The events of the answer, each waited for no longer than ``timeout_s``.

    Raises Refusal, which the vendor's dialect knows how to read, and VendorError.
    """
    async with contextlib.aclosing(pieces(vendor, url, headers, body, timeout_s)) as raw:
        async for event in parsed(vendor, raw):
            yield event


async def pieces(
    vendor: str, url: str, headers: Mapping[str, str], body: Json | bytes, timeout_s: float
) -> AsyncGenerator[bytes, None]:
    """The answer as it comes, of whatever form; the rest as of ``events``."""

    def blame(error: Exception) -> VendorError:
        if isinstance(error, httpx.TimeoutException):
            return broken(vendor, TimeoutError())
        return broken(vendor, error)

    pool = shared("sse", Pool)
    try:
        written = {"content": body} if isinstance(body, bytes) else {"json": body}
        request = pool.http.build_request(
            "POST", url, headers=headers, timeout=timeout_s, **written
        )
        pool.used_at[request.url.netloc] = time.monotonic()
        response = await pool.http.send(request, stream=True)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise blame(error) from error
    try:
        if not response.is_success:
            raise Refusal(response.status_code, await said(response), response.headers)
        async for piece in patiently(aiter(response.aiter_bytes()), timeout_s, blame):
            yield piece
    finally:
        await response.aclose()


async def said(response: httpx.Response) -> Json:
    """The body of a refusal; empty if it is no JSON object, or does not come."""
    text = b""
    try:
        async for piece in response.aiter_bytes():
            text += piece
            if len(text) > MOST:
                break
        body = json.loads(text)
    except (httpx.HTTPError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


async def parsed(vendor: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[Json]:
    stream = Stream(vendor)
    async for piece in pieces:
        for event in stream.feed(piece):
            yield event


def refusal(vendor: str, said: Refusal, status: int | None = None, code: str = "") -> VendorError:
    """As VendorError, with the message where most vendors have it: ``error.message``."""
    error = said.body.get("error")
    detail = error.get("message") if isinstance(error, dict) else error
    return refused(vendor, status or said.status, str(detail or ""), said.headers, code)
