"""Server messages on their way: in order for each call, tried again, and never in a call's way."""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from prometheus_client import Counter

from gateway.agent.brief import ToolBrief
from gateway.api.server_messages import Messages, failed, read_tool_answer
from gateway.api.targets import Target, of_call, target, wanted
from gateway.calls.ports import Papers, ToolReply
from gateway.calls.record import CallRecord, Status
from gateway.logs import about
from gateway.metrics import REGISTRY
from gateway.tasks import Tasks

log = logging.getLogger(__name__)

MOST_WAITING = 10_000  # messages of all calls; one has some kilobytes
LARGEST_ANSWER = 1024 * 1024
GOODBYE_S = 10.0

SENT = Counter(
    "trunkline_server_messages",
    "Server messages, by type and outcome: delivered, refused, unreachable or dropped.",
    ["type", "outcome"],
    registry=REGISTRY,
)


@dataclass(frozen=True)
class Letter:
    type: str
    target: Target
    body: bytes


@dataclass
class Box:
    """What one call has to send. Its messages go one after the other, so they arrive in order."""

    call_id: str
    letters: deque[Letter] = field(default_factory=deque)
    sender: asyncio.Task[None] | None = None


class Webhooks:
    """Implements ``calls.ports.Listener`` and ``calls.ports.ToolServer``."""

    def __init__(
        self,
        messages: Messages,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        goodbye_s: float = GOODBYE_S,
    ) -> None:
        self._messages = messages
        self._sleep = sleep
        self._goodbye_s = goodbye_s
        self._boxes: dict[str, Box] = {}
        self._waiting = 0
        self._tasks = Tasks()
        limits = httpx.Limits(max_connections=500, max_keepalive_connections=50)
        self._http = httpx.AsyncClient(transport=transport, limits=limits)

    # calls.ports.Listener

    def status_changed(self, record: CallRecord, papers: Papers) -> None:
        if record.status is not Status.ENDED:  # ``ended`` tells that, in its place
            self._status(record, papers)

    def ended(self, record: CallRecord, papers: Papers) -> None:
        self._status(record, papers)
        self._post("end-of-call-report", record, papers, self._messages.end_of_call_report)

    def _status(self, record: CallRecord, papers: Papers) -> None:
        self._post("status-update", record, papers, self._messages.status_update)

    def _post(
        self,
        type_: str,
        record: CallRecord,
        papers: Papers,
        write: Callable[[CallRecord, Papers], dict[str, Any]],
    ) -> None:
        """Written now, because the record lives on; sent when those before it have been."""
        where = of_call(papers)
        if where is None or type_ not in wanted(papers):
            return
        if self._waiting >= MOST_WAITING:
            SENT.labels(type_, "dropped").inc()
            log.error("a server message is dropped: too many are waiting", extra={"type": type_})
            return
        try:
            body = json.dumps(write(record, papers), default=str).encode()
        except Exception:  # a listener may not raise
            log.exception("a server message could not be written", extra={"type": type_})
            return
        box = self._boxes.get(record.id)
        if box is None:
            box = self._boxes[record.id] = Box(record.id)
            box.sender = self._tasks.start(self._empty(box), f"server messages of {record.id}")
        box.letters.append(Letter(type_, where, body))
        self._waiting += 1

    async def _empty(self, box: Box) -> None:
        with about(box.call_id):
            try:
                while box.letters:
                    await self._deliver(box.letters[0])
                    box.letters.popleft()
                    self._waiting -= 1
            finally:
                self._waiting -= len(box.letters)
                del self._boxes[box.call_id]

    async def _deliver(self, letter: Letter) -> None:
        tried = 0
        while True:
            tried += 1
            status, why = None, ""
            try:
                status, _ = await self._send(letter.target, letter.body, letter.target.timeout_s)
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                why = _reason(error, letter.target)
            if status is not None and status < 300:
                SENT.labels(letter.type, "delivered").inc()
                return
            if not letter.target.backoff.again(tried, status):
                break
            await self._sleep(letter.target.backoff.wait_s(tried))
        SENT.labels(letter.type, "unreachable" if status is None else "refused").inc()
        log.warning(
            "a server message was not taken: %s",
            why or f"HTTP {status}",
            extra={"type": letter.type, "url": letter.target.url, "tried": tried},
        )

    # calls.ports.ToolServer

    async def call(
        self,
        record: CallRecord,
        papers: Papers,
        tool: ToolBrief,
        arguments: dict[str, Any],
        tool_call_id: str,
    ) -> ToolReply:
        """Never raises: a time-out or a refusal is a reply with ``ok`` False."""
        where = target(tool.server) or of_call(papers)
        if where is None:
            log.warning(
                "the tool %s has no server: set server.url on it or the assistant", tool.name
            )
            return failed(tool.name, "it has no server")
        began = time.monotonic()
        reply = await self._ask(where, record, papers, tool, arguments, tool_call_id)
        log.info(
            "tool %s: %s",
            tool.name,
            reply.content[:200],
            extra={"ok": reply.ok, "ms": round((time.monotonic() - began) * 1000)},
        )
        SENT.labels("tool-calls", "delivered" if reply.ok else "refused").inc()
        return reply

    async def _ask(
        self,
        where: Target,
        record: CallRecord,
        papers: Papers,
        tool: ToolBrief,
        arguments: dict[str, Any],
        tool_call_id: str,
    ) -> ToolReply:
        message = self._messages.tool_calls(record, papers, tool, arguments, tool_call_id)
        try:
            async with asyncio.timeout(tool.timeout_s):
                body = json.dumps(message, default=str).encode()
                status, answer = await self._send(where, body, tool.timeout_s)
        except TimeoutError:
            return failed(tool.name, f"its server did not answer within {tool.timeout_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return failed(tool.name, _reason(error, where))
        if not 200 <= status < 300:
            return failed(tool.name, f"its server answered with HTTP status {status}")
        return read_tool_answer(answer, tool_call_id, tool.name)

    # the wire

    async def _send(self, where: Target, body: bytes, timeout_s: float) -> tuple[int, bytes]:
        """Status and body of the answer. Raises httpx's errors, OSError and TimeoutError."""
        headers = {"Content-Type": "application/json", **where.headers}
        async with (
            asyncio.timeout(timeout_s),
            self._http.stream(
                "POST", where.url, content=body, headers=headers, timeout=timeout_s
            ) as response,
        ):
            answer = bytearray()
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > LARGEST_ANSWER:
                    raise ValueError(f"the answer is larger than {LARGEST_ANSWER} bytes")
            return response.status_code, bytes(answer)

    async def close(self) -> None:
        """Send what is waiting, but do not hold up the end for long."""
        senders = [box.sender for box in self._boxes.values() if box.sender]
        if senders:
            await asyncio.wait(senders, timeout=self._goodbye_s)
        if self._waiting:
            log.error("server messages are lost", extra={"messages": self._waiting})
        await self._tasks.close()
        await self._http.aclose()


def _reason(error: Exception, where: Target) -> str:
    match error:
        case TimeoutError() | httpx.TimeoutException():
            return f"its server did not answer within {where.timeout_s:g} s"
        case httpx.ConnectError():
            return f"its server cannot be reached: {error}"
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return "its server's URL is not valid"
    return f"{error or type(error).__name__}"
