"""A web server small enough to break on purpose: HTTP/1.1 and websockets on one port.

Requests are read whole; an answer is streamed in chunks. ``Trouble`` says what goes wrong.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

from websockets.frames import Opcode
from websockets.http11 import Request as Upgrade
from websockets.server import ServerProtocol


@dataclass
class Trouble:
    """What goes wrong with the next ``times`` requests or connections.

    ``refuse``: the HTTP status is ``status``. The others let ``after`` pieces of the answer pass
    first: ``cut`` resets the connection, ``half`` sends half a piece and resets, ``stall`` says
    nothing more (``after`` -1: not even the HTTP status), ``nonsense`` sends a piece that is no
    JSON, ``end`` ends the answer too early.
    """

    kind: Literal["refuse", "cut", "half", "stall", "nonsense", "end"]
    after: int = 0
    status: int = 500
    code: str = ""
    param: str = ""  # the field that OpenAI says is wrong
    retry_after: str = ""
    times: int = 1 << 30


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    head: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


class Broken(Exception):
    """The connection is to be dropped."""


@dataclass
class Server:
    """``async with`` it: then ``port`` is open on loopback."""

    port: int = 0
    trouble: Trouble | None = None
    sudden: Trouble | None = None  # for what is under way already, and all of it
    delay_s: float = 0.0  # before anything is answered
    piece_s: float = 0.0  # before each piece of an answer
    requests: list[Request] = field(default_factory=list)
    connections: int = 0  # ever accepted
    tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _read(reader):
                self.requests.append(request)
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if request.headers.get("upgrade", "").lower() == "websocket":
                    await self.converse(request, reader, writer)
                    return
                await self.answer(request, Reply(writer, self.take_trouble(), self))
        except (Broken, ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()

    def take_trouble(self) -> Trouble | None:
        if self.trouble is None or self.trouble.times <= 0:
            return None
        self.trouble.times -= 1
        return self.trouble

    async def answer(self, request: Request, reply: "Reply") -> None:
        raise NotImplementedError

    async def converse(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        raise NotImplementedError


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length") or 0))
    parts = urlsplit(target)
    return Request(method, parts.path, parse_qs(parts.query), headers, body, head)


class Reply:
    """One streamed HTTP answer, with its trouble."""

    def __init__(
        self, writer: asyncio.StreamWriter, trouble: Trouble | None, server: Server
    ) -> None:
        self._writer = writer
        self._trouble = trouble
        self._server = server
        self._pieces = 0

    async def refused(self, body: dict[str, Any]) -> bool:
        """Send the refusal if there is to be one."""
        trouble = self._trouble
        if trouble is None or trouble.kind != "refuse":
            return False
        await self.whole(
            trouble.status,
            json.dumps(body).encode(),
            **({"Retry-After": trouble.retry_after} if trouble.retry_after else {}),
        )
        return True

    async def whole(self, status: int, body: bytes, **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self._writer.write("\r\n".join(lines).encode() + body)
        await self._writer.drain()

    async def start(self, content_type: str) -> None:
        if self._trouble and self._trouble.kind == "stall" and self._trouble.after < 0:
            await asyncio.Event().wait()
        self._writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )

    async def piece(self, data: bytes) -> bool:
        """Send one chunk; False when the answer is to end here, as if it were complete."""
        if self._server.piece_s:
            await asyncio.sleep(self._server.piece_s)
        trouble = self._trouble or self._server.sudden
        if trouble and trouble.kind != "refuse" and self._pieces >= trouble.after:
            match trouble.kind:
                case "cut":
                    await self._writer.drain()
                    raise Broken
                case "half":
                    self._chunk(data[: len(data) // 2])
                    await self._writer.drain()
                    raise Broken
                case "stall":
                    await self._writer.drain()
                    await asyncio.Event().wait()
                case "nonsense":
                    data = b"data: {nonsense\n\n"
                case "end":
                    return False
        self._pieces += 1
        self._chunk(data)
        await self._writer.drain()
        return True

    def _chunk(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionResetError  # uvloop would complain
        if data:  # an empty chunk would end the answer
            self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()


class Socket:
    """The server's side of one websocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = ServerProtocol(max_size=None)

    async def accept(self, request: Request, trouble: Trouble | None = None) -> bool:
        self._protocol.receive_data(request.head)
        (upgrade,) = self._protocol.events_received()
        assert isinstance(upgrade, Upgrade)
        response = self._protocol.accept(upgrade)
        if trouble and trouble.kind == "refuse":
            response = self._protocol.reject(trouble.status, "refused")
            response.headers["dg-error"] = "refused"
            if trouble.retry_after:
                response.headers["Retry-After"] = trouble.retry_after
        self._protocol.send_response(response)
        await self.flush()
        return trouble is None or trouble.kind != "refuse"

    async def messages(self) -> AsyncIterator[str | bytes]:
        """What the client sends, until it closes or goes."""
        while data := await self._reader.read(65536):
            self._protocol.receive_data(data)
            for frame in self._protocol.events_received():
                if frame.opcode is Opcode.BINARY:
                    yield frame.data
                elif frame.opcode is Opcode.TEXT:
                    yield bytes(frame.data).decode()
            await self.flush()
            if self._protocol.close_expected():
                return

    async def text(self, message: str) -> None:
        with contextlib.suppress(Exception):  # the client may have gone
            self._protocol.send_text(message.encode())
            await self.flush()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        with contextlib.suppress(Exception):
            self._protocol.send_close(code, reason)
            await self.flush()

    async def flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)
            else:
                self._writer.close()
        await self._writer.drain()

    def abort(self) -> None:
        self._writer.transport.abort()
