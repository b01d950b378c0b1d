"""A server on the loopback that a test tells what to answer, and what is sent to it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from gateway import fenced_http
from gateway.api.wire import Wire
from gateway.calls.record import CallRecord, Status
from gateway.fence import Fence
from gateway.store import StoreError

Answer = Callable[[], Awaitable[tuple[int, bytes]]]
HERE = Fence.of(["127.0.0.0/8"])


@dataclass
class Peer:
    """A server on the loopback that notes what it is sent and answers in turn."""

    port: int = 0
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answers: list[tuple[int, bytes] | Answer] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [body["message"] for _, body in self.requests]

    def papers(self, **server: Any) -> dict[str, Any]:
        wants = ["status-update", "end-of-call-report"]
        return {"assistant": {"server": {"url": self.url, **server}, "serverMessages": wants}}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                assert line.startswith(b"POST /hook")
                self.paths.append(line.decode().split()[1])
                headers = {}
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append((headers, json.loads(body)))
                answer = self.answers.pop(0) if self.answers else (200, b"")
                status, content = answer if isinstance(answer, tuple) else await answer()
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def wire(credentials: dict[str, Any] | None = None, fence: Fence = HERE) -> Wire:
    async def lookup(org_id: str, credential_id: str) -> Any:
        return (credentials or {}).get(credential_id)

    return Wire(fenced_http.client(fence), lookup)


def a_call(status: Status = Status.IN_PROGRESS, **more: Any) -> CallRecord:
    return CallRecord(id=str(uuid4()), direction="inbound", status=status, **more)


class Kept:
    """What nobody took."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, str, str, bytes, str]] = []
        self.away = 0  # so often the store is not there

    async def __call__(self, *letter: Any) -> None:
        if self.away:
            self.away -= 1
            raise StoreError("the database server refuses connections")
        self.letters.append(letter)  # type: ignore[arg-type]
