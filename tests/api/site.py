"""A web server that answers as a test tells it to, and remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


Answer = tuple[int, Any]  # a status, and what becomes JSON, or bytes
Rule = Callable[[Asked], Answer | Awaitable[Answer]]


@dataclass
class Site:
    """``rule`` answers; the answers of ``once`` go before it, one each."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    once: list[Answer] = field(default_factory=list)
    rule: Rule = lambda asked: (200, {})
    serving: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.serving.add(task)
        try:
            while line := await reader.readline():
                method, target, _ = line.decode().split()
                headers = {}
                while header := (await reader.readline()).decode().strip():
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                asked = Asked(method, target, headers, body)
                self.asked.append(asked)
                given: Any = self.once.pop(0) if self.once else self.rule(asked)
                status, content = given if isinstance(given, tuple) else await given
                octets = content if isinstance(content, bytes) else json.dumps(content).encode()
                head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(octets)}\r\n"
                writer.write(f"{head}content-type: application/json\r\n\r\n".encode() + octets)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.serving.discard(task)
            writer.close()


@asynccontextmanager
async def a_site(rule: Rule | None = None) -> AsyncIterator[Site]:
    site = Site(rule=rule) if rule else Site()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        for task in site.serving:  # a rule may never answer
            task.cancel()
        await asyncio.gather(*site.serving, return_exceptions=True)
        await server.wait_closed()
