"""Server messages on their way: in order for each call, tried again, and never in a call's way."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Counter

from gateway.api.server_messages import Messages
from gateway.api.targets import Target, Targets, wanted
from gateway.api.wire import FAILURES, Wire, reason
from gateway.calls.ports import Papers
from gateway.calls.record import CallRecord, Status
from gateway.logs import about
from gateway.metrics import REGISTRY
from gateway.tasks import Tasks

log = logging.getLogger(__name__)

MOST_WAITING = 10_000  # messages of all calls; one has some kilobytes
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
    """Implements ``calls.ports.Listener``."""

    def __init__(
        self,
        messages: Messages,
        wire: Wire,
        targets: Targets,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        goodbye_s: float = GOODBYE_S,
    ) -> None:
        self._messages, self._wire, self._targets = messages, wire, targets
        self._sleep = sleep
        self._goodbye_s = goodbye_s
        self._boxes: dict[str, Box] = {}
        self._waiting = 0
        self._tasks = Tasks()

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
        where = self._targets.of_call(papers)
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
                status, _ = await self._wire.send(
                    letter.target, letter.body, letter.target.timeout_s
                )
            except FAILURES as error:
                why = reason(error, letter.target.timeout_s)
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

    async def close(self) -> None:
        """Send what is waiting, but do not hold up the end for long."""
        senders = [box.sender for box in self._boxes.values() if box.sender]
        if senders:
            await asyncio.wait(senders, timeout=self._goodbye_s)
        if self._waiting:
            log.error("server messages are lost", extra={"messages": self._waiting})
        await self._tasks.close()
