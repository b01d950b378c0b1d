"""The one way in which a voice is asked over a websocket: connections that outlive calls, each
shared by as many of them as the vendor allows, every text a context of its own on it."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable

from websockets.asyncio.client import ClientConnection, connect

from gateway.errors import Fault, VendorError
from gateway.speech.contract import RATE, Mark
from gateway.speech.dialect import Frame
from gateway.speech.driver import LETTING_GO_S, LONGEST_FRAME, PING_S, blamed
from gateway.speech.sound import Sound
from gateway.speech.spoken.tags import without
from gateway.speech.vendors.shared import shared
from gateway.speech.voice_dialect import Done, SocketVoice, Spelt, Voiced

BYTES_PER_S = RATE * 2
SPARE_S = 60.0  # that a connection without a call is kept

_names = itertools.count(1)


class SocketSpeaking:
    """One call's voice by a dialect: a ``gateway.speech.contract.Speaking``."""

    def __init__(self, dialect: SocketVoice) -> None:
        self.vendor = dialect.vendor
        self.tags = dialect.tags
        self._dialect = dialect
        self._timeout_s = dialect.settings.timeout_s
        self._line: _Line | None = None

    async def open(self) -> None:
        with contextlib.suppress(VendorError, TimeoutError):  # speak will say it
            async with asyncio.timeout(self._timeout_s):
                await self._connected()

    async def speak(self, text: str) -> AsyncIterator[bytes | Mark]:
        dialect = self._dialect
        sound, marks, said = Sound(dialect.rate), _Marks(text), 0
        try:
            async with asyncio.timeout(self._timeout_s):
                line = await self._connected()
        except TimeoutError:
            raise dialect.failure(Fault.OVERLOAD, "no connection in time") from None
        context = f"trunkline-{next(_names)}"
        voiced = line.begin(context)
        complete = False
        try:
            line.send(dialect.say(context, text))
            while not complete:
                try:
                    async with asyncio.timeout(self._timeout_s):
                        event = await voiced.get()
                except TimeoutError:
                    raise dialect.failure(Fault.OVERLOAD, "no answer in time") from None
                match event:
                    case Done():
                        complete = True
                        pcm = sound.finish()
                    case Spelt():
                        yield marks.next(event, said)
                        continue
                    case VendorError():
                        complete = True  # there is nothing left to be cancelled
                        raise event
                    case _:
                        pcm = sound.feed(event)
                if pcm:
                    said += len(pcm)
                    yield pcm
        finally:
            line.end(context, () if complete else dialect.cancel(context))

    async def close(self) -> None:
        if self._line:
            self._line.calls -= 1
        self._line = None

    async def _connected(self) -> "_Line":
        if self._line is None or self._line.broken:
            await self.close()
            self._line = shared("voice-lines", _Lines).of(self._dialect)
            self._line.calls += 1
        await self._line.ready()
        return self._line


class _Marks:
    """From letters to parts of the text; a voice that says numbers in words has more of them."""

    def __init__(self, text: str) -> None:
        self._letters = max(1, _count(without(text)))
        self._said = 0

    def next(self, spelt: Spelt, said: int) -> Mark:
        """``said``: bytes of sound so far."""
        self._said += _count(spelt.text)
        before = 0.0 if spelt.since_start else said / BYTES_PER_S
        return Mark(min(1.0, self._said / self._letters), before + spelt.until_s)


def _count(text: str) -> int:
    return sum(not c.isspace() for c in text)


class _Lines:
    """All connections of the process to voices."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []

    def of(self, dialect: SocketVoice) -> "_Line":
        """One for another call: with room, or new."""
        place = dialect.dial()
        self._lines = [line for line in self._lines if not line.broken]
        for line in self._lines:
            if line.place == place and line.calls < dialect.calls:
                return line
        self._lines.append(_Line(dialect))
        return self._lines[-1]

    async def close(self) -> None:
        await asyncio.gather(*(line.close() for line in self._lines))


class _Line:
    """One connection, dialled at once. ``calls`` is how many hold it."""

    def __init__(self, dialect: SocketVoice) -> None:
        self.place = dialect.dial()
        self.calls = 0
        self.broken = False
        self._dialect = dialect
        self._contexts: dict[str, asyncio.Queue[Voiced]] = {}
        self._out: asyncio.Queue[Frame] = asyncio.Queue()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(), name=f"voice-line {dialect.vendor}")

    async def ready(self) -> None:
        """Returns once it is open; VendorError if it cannot be opened."""
        await asyncio.shield(self._opened)

    def begin(self, context: str) -> asyncio.Queue[Voiced]:
        self._contexts[context] = asyncio.Queue()
        return self._contexts[context]

    def send(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self._out.put_nowait(frame)

    def end(self, context: str, frames: Iterable[Frame]) -> None:
        self._contexts.pop(context, None)
        self.send(frames)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            async with self._websocket() as socket:
                self._opened.set_result(None)
                async with asyncio.TaskGroup() as group:
                    reading = group.create_task(self._read(socket))
                    await self._write(socket)
                    self.broken = True
                    reading.cancel()
        except asyncio.CancelledError:
            self._break(self._dialect.failure(Fault.THEIRS, "the connection was closed"))
            raise
        except Exception as error:
            cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            self._break(blamed(self._dialect.vendor, cause))
        finally:
            self.broken = True

    def _break(self, error: VendorError) -> None:
        self.broken = True
        if not self._opened.done():
            self._opened.set_exception(error)
            self._opened.exception()  # it may be that nobody waits for it any more
        for voiced in self._contexts.values():
            voiced.put_nowait(error)

    def _websocket(self) -> connect:
        timeout_s = self._dialect.settings.timeout_s
        return connect(
            self.place.url,
            additional_headers=self.place.headers,
            open_timeout=timeout_s,
            close_timeout=LETTING_GO_S / 2,
            ping_interval=PING_S,
            ping_timeout=timeout_s,
            compression=None,
            max_size=LONGEST_FRAME,
        )

    async def _write(self, socket: ClientConnection) -> None:
        """Until no call has held the connection for a while."""
        for frame in self.place.first:
            await socket.send(frame)
        spare_s, idle_s = 0.0, min(SPARE_S, self._dialect.idle_s * 0.75)
        while spare_s < SPARE_S:
            try:
                async with asyncio.timeout(idle_s):
                    frame = await self._out.get()
            except TimeoutError:
                spare_s = 0.0 if self.calls else spare_s + idle_s
                self.send(self._dialect.idle())
            else:
                await socket.send(frame)

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            for context, voiced in self._dialect.read(await socket.recv()):
                for name in [context] if context else list(self._contexts):
                    if name in self._contexts:  # else nobody listens to it any more
                        self._contexts[name].put_nowait(voiced)
