"""The one way in which a transcriber's dialect gets onto a websocket.

Sends, receives, keeps alive, notices a vendor that has gone silent, and says whose fault a failure
is. It does not dial again: that is the agent's, which also keeps the sound to be heard again.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.errors import Fault, VendorError
from gateway.fenced_http import addresses
from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Ask, Dialect, Frame, closed
from gateway.speech.settings import VendorSettings
from gateway.speech.vendors.faults import broken, refused
from gateway.speech.vendors.shared import shared

BACKLOG = 200  # messages that wait to be sent: 20 s; a vendor so far behind has stalled
LETTING_GO_S = 1.0  # for the closing handshake
PING_S = 5.0
SETTLE_S = 2.0  # after speech, for words; then there were none
SPEECH_S = 2.0  # so much of it cannot have been without a word
LONG_S = 10.0  # of speech without a pause, for one that may say nothing before its end
# Bytes of sound that are sent at once. Each message costs as much as hearing the beat does; while
# nobody speaks, nothing depends on a few beats.
NEAR, FAR = 100 * RATE * 2 // 1000, 200 * RATE * 2 // 1000
TICK_S = 0.25
LONGEST_FRAME = 1 << 22


class Wire(Protocol):
    """An open connection, as far as it is used."""

    async def send(self, frame: Any, /) -> None: ...

    async def recv(self) -> Any: ...

    @property
    def transport(self) -> asyncio.WriteTransport: ...


Connect = Callable[[], AbstractAsyncContextManager[Wire]]


class DrivenHearing:
    """One call's speech recognition by a dialect: a ``gateway.speech.contract.Hearing``.

    ``connect`` dials; None: a websocket as the dialect says.
    """

    def __init__(
        self, dialect: Dialect, settings: VendorSettings, connect: Connect | None = None
    ) -> None:
        self.vendor = dialect.vendor
        self._dialect = dialect
        self._patience_s = settings.timeout_s
        self._connect = connect or (lambda: _websocket(dialect, settings.timeout_s))
        self._dialled = contextlib.AsyncExitStack()
        self._wire: Wire | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._heard: asyncio.Queue[Heard | VendorError | None] = asyncio.Queue()
        self._out: asyncio.Queue[Frame] = asyncio.Queue()
        self._sound = b""  # that has not been given to the dialect yet
        self._piece = FAR if dialect.gathers else 0
        self._voice = False
        self._sent_at = self._spoke_at = self._quiet_at = 0.0
        self._owed = False  # the caller has spoken, and the vendor has sent nothing since
        self._owed_bytes = 0  # of speech since then
        self._unanswered = False  # nothing final has come since the caller began to speak
        self._words = False  # words have come that are not final yet
        self._streams = False  # they do, while the caller speaks

    async def open(self) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                self._wire = wire = await self._dialled.enter_async_context(self._connect())
                while not self._dialect.ready:
                    self._show(self._dialect.read(await wire.recv()))
        except Exception as error:
            raise self._blame(error) from error
        self._sent_at = time.monotonic()
        self._tasks = [
            asyncio.create_task(self._guard(work))
            for work in (partial(self._send, wire), partial(self._receive, wire), self._watch)
        ]

    def hear(self, pcm: bytes) -> None:
        if self._voice:
            self._owed_bytes += len(pcm)
        self._sound += pcm
        if len(self._sound) >= self._piece:
            self._flush()

    def onset(self) -> None:
        self._voice = self._unanswered = True
        self._near(True)
        self._flush()
        if not self._owed:
            self._owed, self._spoke_at = True, time.monotonic()
        self._put(self._dialect.onset())

    def offset(self) -> None:
        self._voice, self._quiet_at = False, time.monotonic()
        if self._unanswered and not self._owed:  # what came so far was not yet the answer
            self._owed, self._spoke_at = True, self._quiet_at
        self._flush()
        self._put(self._dialect.offset())

    def expect(self, phrases: Sequence[str]) -> None: ...

    async def events(self) -> AsyncIterator[Heard]:
        while (heard := await self._heard.get()) is not None:
            if isinstance(heard, VendorError):
                raise heard
            yield heard

    async def close(self) -> None:
        tasks, self._tasks = self._tasks, []  # a cancelled one keeps its frames, and so this
        for task in tasks:
            task.cancel()
        # Whatever its end is like, the call has ended: one that takes no farewell is closed, too,
        # and if nobody waits for the farewell any more, it is closed without.
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
            for farewell in (self._finish, self._dialled.aclose):
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(LETTING_GO_S):
                        await farewell()
        finally:
            if self._wire:
                self._wire.transport.abort()
            self._heard.put_nowait(None)

    def _near(self, speech: bool) -> None:
        """The caller speaks, or has just spoken."""
        if self._dialect.gathers:
            self._piece = NEAR if speech else FAR

    def _flush(self) -> None:
        if self._sound:
            sound, self._sound = self._sound, b""
            self._put(self._dialect.sound(sound))

    async def _finish(self) -> None:
        if self._wire:
            for frame in self._dialect.finish():
                await self._wire.send(frame)

    def _put(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if self._out.qsize() >= BACKLOG:
                overrun = self._dialect.failure(Fault.OVERLOAD, "takes no more sound")
                self._heard.put_nowait(overrun)
                return
            self._out.put_nowait(frame)

    def _show(self, words: Iterable[Heard]) -> None:
        for heard in words:
            if heard.text and heard.confidence < self._dialect.confidence:
                heard = replace(heard, text="")
            if heard.final:
                self._unanswered = self._words = False
            elif heard.text:
                self._words = self._streams = True
            else:
                continue
            self._heard.put_nowait(heard)

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            self._heard.put_nowait(self._blame(error))

    async def _send(self, wire: Wire) -> None:
        while True:
            await wire.send(await self._out.get())
            self._sent_at = time.monotonic()

    async def _receive(self, wire: Wire) -> None:
        while True:
            message = await wire.recv()
            self._owed, self._owed_bytes = False, 0
            self._show(self._dialect.read(message))
            if self._words and not self._voice:  # their final form is still to come
                self._owed, self._spoke_at = True, time.monotonic()

    async def _watch(self) -> None:
        """Keep the connection alive through a silence, and notice one that is dead."""
        idle_s = self._dialect.idle_s
        while True:
            await asyncio.sleep(min(TICK_S, self._patience_s / 4))
            now = time.monotonic()
            if self._stalled(now):
                raise TimeoutError
            if not self._voice and now - self._quiet_at > SETTLE_S:
                self._near(False)
            # Until a chatty one has sent something, its silence is no answer.
            owed = self._owed and self._dialect.chatty
            silent = self._unanswered and not (self._voice or self._words or owed)
            if silent and now - self._quiet_at > SETTLE_S:
                self._show([Heard("", final=True, confidence=0.0, assumed=self._owed)])
            if idle_s is not None and now - self._sent_at > idle_s * 0.75:
                self._put(self._dialect.idle())
                self._sent_at = now

    def _stalled(self, now: float) -> bool:
        """The connection stands, and nobody listens at its other end."""
        if not self._owed:
            return False
        if self._dialect.chatty:
            return now - self._spoke_at > self._patience_s
        # One that is not may have heard nothing that is worth a word: how much speech was it?
        speech_s = self._owed_bytes / (RATE * 2)
        if self._voice:
            return speech_s > max(self._patience_s, 0.0 if self._streams else LONG_S)
        quiet_s = now - self._quiet_at
        if self._words:
            return quiet_s > self._patience_s
        return speech_s > SPEECH_S and quiet_s > SETTLE_S

    def _blame(self, error: Exception) -> VendorError:
        match error:
            case ConnectionClosed(rcvd=close) if close:
                return self._dialect.closed(close.code, close.reason)
        return blamed(self.vendor, error)


def blamed(vendor: str, error: Exception) -> VendorError:
    """What went wrong with a vendor's websocket."""
    match error:
        case InvalidStatus(response=response):
            detail = bytes(response.body or b"")[:200].decode(errors="replace")
            headers = {name.lower(): value for name, value in response.headers.raw_items()}
            return refused(vendor, response.status_code, detail, headers)
        case ConnectionClosed(rcvd=None):
            return VendorError(vendor, Fault.THEIRS, "connection cut")
        case ConnectionClosed(rcvd=close) if close:
            return closed(vendor, close.code, close.reason)
    return broken(vendor, error)


@contextlib.asynccontextmanager
async def _websocket(dialect: Dialect, timeout_s: float) -> AsyncIterator[Wire]:
    asked = dialect.ask()
    dial = dialect.dial(await _answer(dialect.vendor, asked) if asked else None)
    async with connect(
        dial.url,
        **(await _where(dialect, dial.url)),
        additional_headers=dial.headers,
        open_timeout=None,  # the caller's
        close_timeout=LETTING_GO_S / 2,
        ping_interval=PING_S,
        ping_timeout=timeout_s,
        compression=None,  # sound does not shrink
        max_size=LONGEST_FRAME,
    ) as socket:
        for frame in dial.first:
            await socket.send(frame)
        yield socket


async def _where(dialect: Dialect, url: str) -> dict[str, Any]:
    """The very address that the fence has let through, for a server that an assistant names."""
    if not dialect.named:
        return {}
    asked = urlsplit(url)
    host, port = asked.hostname or "", asked.port or (443 if asked.scheme == "wss" else 80)
    fence = dialect.settings.fence
    try:
        return {"host": (await addresses(fence, host, port))[0], "port": port}
    except PermissionError as error:
        raise dialect.failure(Fault.OURS, str(error)) from error


class _Http:
    """The connections of what is asked before a dial."""

    def __init__(self) -> None:
        self.client = httpx.AsyncClient(timeout=None)  # the caller's  # noqa: S113

    async def close(self) -> None:
        await self.client.aclose()


async def _answer(vendor: str, asked: Ask) -> Any:
    client = shared("transcribers", _Http).client
    answer = await client.post(asked.url, headers=asked.headers, json=asked.body)
    if answer.is_error:
        raise refused(vendor, answer.status_code, answer.text[:200], dict(answer.headers.items()))
    return answer.json()
