"""Clients of the API in a process of their own: so many requests a second, whatever the answers.

When each is due is set beforehand and its latency counts from there, so that a gateway that lags
is charged for all who wait. ``python -m tests.bench.clients`` reads an ``Order`` in JSON, says
"began" and in the end its ``Tally``. Raw HTTP/1.1 on kept connections: httpx alone would need
more than the two cores.
"""

import asyncio
import gc
import json
import random
import resource
import sys
from collections import Counter, deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import uvloop

GIVE_UP_S = 30.0  # after the last request

# What is asked, in parts of a hundred: mostly reads, as of a dashboard and of scripts.
MIX = {
    "GET /assistant/{id}": 22,
    "GET /assistant?limit=20": 8,
    "GET /v2/assistant?limit=10&page": 6,
    "POST /assistant": 6,
    "PATCH /assistant/{id}": 8,
    "DELETE /assistant/{id}": 6,
    "GET /call/{id}": 12,
    "GET /call?limit=10": 6,
    "GET /v2/call?limit=10&page": 2,
    "GET /tool/{id}": 10,
    "GET /tool?limit=20": 6,
    "POST /tool": 2,
    "PATCH /tool/{id}": 4,
    "DELETE /tool/{id}": 2,
}


@dataclass(frozen=True)
class Order:
    port: int
    key: str
    rate: float  # a second
    seconds: float
    connections: int
    assistants: list[str]  # ids that stay
    tools: list[str]
    calls: list[str]
    assistant: dict[str, Any]  # what is created
    tool: dict[str, Any]


@dataclass
class Tally:
    asked: int = 0
    answered: int = 0
    took_s: float = 0.0
    cpu_share: float = 0.0  # of a core, the clients' own
    late_ms: float = 0.0  # by how much the clients themselves asked late, p99
    ms: dict[str, list[float]] = field(default_factory=dict)  # from due to answered, by kind
    errors: dict[str, int] = field(default_factory=dict)  # by kind and status
    octets: int = 0  # of answers


@dataclass
class Ask:
    kind: str
    due: float


class Connection(asyncio.Protocol):
    """One question at a time."""

    def __init__(self, clients: "Clients") -> None:
        self._clients = clients
        self._buffer = bytearray()
        self._ask: Ask | None = None
        self._end = 0

    def connection_made(self, transport: Any) -> None:  # uvloop's are no asyncio.Transport
        self._transport = transport
        self._clients.free(self)

    def ask(self, ask: Ask, request: bytes) -> None:
        self._ask = ask
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._end:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            lines = bytes(self._buffer[:head]).lower()
            _, _, length = lines.partition(b"content-length:")
            self._end = head + 4 + int(length.partition(b"\r\n")[0])
        if len(self._buffer) >= self._end and self._ask:
            status, body = int(self._buffer[9:12]), bytes(self._buffer[: self._end])
            self._buffer.clear()
            ask, self._ask, self._end = self._ask, None, 0
            self._clients.answered(ask, status, body)
            self._clients.free(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self._ask:
            self._clients.answered(self._ask, 0, b"")
        self._clients.lost(self)


class Clients:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._idle: deque[Connection] = deque()  # in turns: uvicorn closes who is idle for 5 s
        self._queue: deque[Ask] = deque()
        self._own: dict[str, list[str]] = {"assistant": [], "tool": []}  # made here
        self._dice = random.Random(1)
        self._tally = Tally(ms={kind: [] for kind in MIX})
        self._errors: Counter[str] = Counter()
        self._late: list[float] = []
        self._over = asyncio.Event()

    async def run(self) -> Tally:
        order, loop = self._order, asyncio.get_running_loop()
        for _ in range(order.connections):
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", order.port)
        kinds = self._dice.choices(list(MIX), list(MIX.values()), k=int(order.rate * order.seconds))
        print("began", flush=True)
        began, cpu = loop.time(), _cpu_s()
        for number, kind in enumerate(kinds):
            due = began + number / order.rate
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            self._late.append(loop.time() - due)
            self._queue.append(Ask(kind, due))
            self._tally.asked += 1
            self._next()
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_UP_S):
                while self._tally.answered < self._tally.asked:
                    self._over.clear()
                    await self._over.wait()
        if late := self._tally.asked - self._tally.answered:
            self._errors["not answered"] = late
        self._tally.took_s = loop.time() - began
        self._tally.cpu_share = (_cpu_s() - cpu) / self._tally.took_s
        self._tally.late_ms = 1e3 * sorted(self._late)[int(0.99 * len(self._late))]
        self._tally.errors = dict(self._errors)
        return self._tally

    def free(self, connection: Connection) -> None:
        self._idle.append(connection)
        self._next()

    def lost(self, connection: Connection) -> None:
        with suppress(ValueError):
            self._idle.remove(connection)
        self._errors["connection lost"] += 1

    def answered(self, ask: Ask, status: int, answer: bytes) -> None:
        tally = self._tally
        tally.answered += 1
        tally.octets += len(answer)
        tally.ms[ask.kind].append(1e3 * (asyncio.get_running_loop().time() - ask.due))
        if status == 201:
            made = json.loads(answer.partition(b"\r\n\r\n")[2])
            self._own[ask.kind.partition("/")[2]].append(made["id"])
        elif status != 200:
            self._errors[f"{ask.kind}: {status}"] += 1
        self._over.set()

    def _next(self) -> None:
        while self._queue and self._idle:
            ask = self._queue.popleft()
            self._idle.popleft().ask(ask, self._written(ask.kind))

    def _written(self, kind: str) -> bytes:
        order, dice = self._order, self._dice
        method, _, path = kind.partition(" ")
        resource_ = path.strip("/").partition("/")[0].partition("?")[0]
        kept = {"assistant": order.assistants, "tool": order.tools, "call": order.calls}
        body = b""
        if method == "POST":
            body = json.dumps(getattr(order, resource_)).encode()
        elif method == "PATCH":
            body = json.dumps(
                {"name": f"changed {dice.random()}"}
                if resource_ == "assistant"
                else {"async": dice.random() < 0.5}
            ).encode()
        if "{id}" in path:
            own = self._own.get(resource_)
            if method == "DELETE" and not own:
                return self._written(f"GET {path}")
            chosen = own.pop() if method == "DELETE" and own else dice.choice(kept[resource_])
            path = path.replace("{id}", chosen)
        path = path.replace("page", f"page={dice.randrange(1, 6)}")
        return (
            f"{method} {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {order.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    order = Order(**json.loads(sys.stdin.readline()))
    gc.disable()  # a pause would be taken for the gateway's
    print(json.dumps(asdict(uvloop.run(Clients(order).run()))), flush=True)


if __name__ == "__main__":
    main()
