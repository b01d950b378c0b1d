"""The one way in which a voice is asked over HTTP: each text a request, on pooled connections."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator

import httpx

from gateway import fenced_http
from gateway.errors import Fault, VendorError
from gateway.fence import Fence
from gateway.speech.contract import Mark
from gateway.speech.sound import Sound
from gateway.speech.vendors import sse
from gateway.speech.vendors.faults import broken, patiently
from gateway.speech.vendors.shared import shared
from gateway.speech.voice_dialect import Json, PostedVoice


class PostedSpeaking:
    """One call's voice by a dialect: a ``gateway.speech.contract.Speaking``."""

    def __init__(self, dialect: PostedVoice) -> None:
        self.vendor = dialect.vendor
        self.tags = dialect.tags
        self._dialect = dialect
        self._timeout_s = dialect.settings.timeout_s

    async def open(self) -> None:
        with contextlib.suppress(VendorError):  # a missing key: speak will say it
            if self._dialect.fence is None:
                await sse.warm(self._dialect.post("").url, self._timeout_s)

    async def speak(self, text: str) -> AsyncIterator[bytes | Mark]:
        dialect, sound = self._dialect, Sound(self._dialect.rate)
        async with contextlib.aclosing(self._pieces(text)) as pieces:
            async for piece in pieces:
                try:
                    pcm = sound.feed(piece)
                except ValueError as error:
                    raise broken(dialect.vendor, error) from error
                if pcm:
                    yield pcm
        if pcm := sound.finish():
            yield pcm

    async def close(self) -> None: ...

    async def _pieces(self, text: str) -> AsyncGenerator[bytes, None]:
        """The sound of the answer, as it comes."""
        dialect = self._dialect
        response = await self._answered(text)
        try:
            raw = patiently(aiter(response.aiter_bytes()), self._timeout_s, self._blame)
            if dialect.framing == "raw":
                async for piece in raw:
                    yield piece
                return
            parse = objects if dialect.framing == "lines" else sse.parsed
            async for item in parse(self.vendor, raw):
                try:
                    pieces = list(dialect.read(item))
                except Exception as error:
                    raise self._blame(error) from error
                for piece in pieces:
                    yield piece
        finally:
            await response.aclose()

    async def _answered(self, text: str) -> httpx.Response:
        """An answer that has the sound, after as many attempts as the voice's owner wants."""
        tried = 0
        while True:
            tried, status = tried + 1, None
            try:
                response = await self._ask(text)
                if response.is_success:
                    return response
                status = response.status_code
                try:
                    said = await sse.said(response)
                finally:
                    await response.aclose()
                failure = self._dialect.refusal(status, said, response.headers)
            except VendorError as error:
                failure = error
            after_s = self._dialect.again_s(tried, status)
            if after_s is None:
                raise failure
            await asyncio.sleep(after_s)

    async def _ask(self, text: str) -> httpx.Response:
        post = self._dialect.proven(self._dialect.post(text), time.time())
        client = _client(self._dialect.fence)
        content, body = (post.body, None) if isinstance(post.body, str) else (None, post.body)
        try:
            request = client.build_request(
                "POST", post.url, headers=post.headers, content=content, json=body,
                timeout=self._timeout_s,
            )  # fmt: skip
            return await client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._blame(error) from error

    def _blame(self, error: Exception) -> VendorError:
        if isinstance(error, httpx.TimeoutException):
            return broken(self.vendor, TimeoutError())
        if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
            return VendorError(self.vendor, Fault.OURS, str(error))
        return broken(self.vendor, error)


class _Fenced:
    """The connections to URLs that assistants name."""

    def __init__(self, fence: Fence) -> None:
        self.http = fenced_http.client(fence)

    async def close(self) -> None:
        await self.http.aclose()


def _client(fence: Fence | None) -> httpx.AsyncClient:
    if fence is None:
        return shared("sse", sse.Pool).http
    return shared(("fenced", fence), lambda: _Fenced(fence)).http


async def objects(vendor: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[Json]:
    """JSON objects, one in each line."""
    async for line in _lines(vendor, pieces):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise VendorError(vendor, Fault.THEIRS, f"a line that is no JSON: {error}") from error
        if not isinstance(item, dict):
            raise VendorError(vendor, Fault.THEIRS, "a line that is no JSON object")
        yield item


async def _lines(vendor: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Not httpx's lines: to it U+2028, which may well stand in a JSON string, ends one, too."""
    begun: list[bytes] = []  # of a line that has not ended
    size = 0
    async for piece in pieces:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            yield b"".join([*begun, end])
            begun, size = [], 0
        begun.append(rest)
        size += len(rest)
        if size > sse.LONGEST:
            raise VendorError(vendor, Fault.THEIRS, "a line without end")
    yield b"".join(begun)
