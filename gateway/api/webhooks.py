"""Server messages on their way: in order for each call, tried again, and never in a call's way."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Counter

from gateway.agent.messages import FromAgent
from gateway.api import live_messages
from gateway.api.authentication import Unread
from gateway.api.live_messages import LiveMessage
from gateway.api.server_messages import Messages
from gateway.api.targets import Target, Targets, wanted
from gateway.api.wire import FAILURES, Wire, reason
from gateway.calls.ports import Papers
from gateway.calls.record import CallRecord, Status
from gateway.logs import about
from gateway.metrics import REGISTRY
from gateway.store import StoreError
from gateway.tasks import Tasks

log = logging.getLogger(__name__)

MOST_WAITING = 10_000  # messages of all calls; one has some kilobytes
MOST_LIVE = 100  # of one call, when those that only matter at once are no longer put behind
GOODBYE_S = 10.0
STORE_S = 5.0  # between two looks whether our own store is back
LEAVING = "the gateway left before its server had taken it"

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
    live: bool  # worth nothing later: it is not tried again


# Organisation, call, type, body and why nobody took it: kept, so that it can be sent again. Raises
# StoreError.
Keep = Callable[[str, str, str, bytes, str], Awaitable[None]]


@dataclass
class Box:
    """What one call has to send. Its messages go one after the other, so they arrive in order."""

    call_id: str
    org_id: str
    discreet: bool  # what nobody took is not kept either
    letters: deque[Letter] = field(default_factory=deque)
    sender: asyncio.Task[None] | None = None


class Webhooks:
    """Implements ``calls.ports.Listener``."""

    def __init__(
        self,
        messages: Messages,
        wire: Wire,
        targets: Targets,
        keep: Keep,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        goodbye_s: float = GOODBYE_S,
    ) -> None:
        self._messages, self._wire, self._targets = messages, wire, targets
        self._keep = keep
        self._sleep = sleep
        self._goodbye_s = goodbye_s
        self._boxes: dict[str, Box] = {}
        self._waiting = 0
        self._tasks = Tasks()

    def status_changed(self, record: CallRecord, papers: Papers) -> None:
        if record.status is Status.ENDED:  # ``ended`` tells that, in its place
            return
        self._status(record, papers)
        if record.status is Status.IN_PROGRESS and papers.get("assistant"):
            self._live(live_messages.started(papers), record, papers)

    def told(self, record: CallRecord, papers: Papers, message: FromAgent) -> None:
        if self._targets.of_call(papers, record.org_id) is not None:
            for one in live_messages.written(record, papers, message):
                self._live(one, record, papers)

    def ended(self, record: CallRecord, papers: Papers) -> None:
        self._status(record, papers)
        self._post("end-of-call-report", record, papers, self._messages.end_of_call_report)

    def _status(self, record: CallRecord, papers: Papers) -> None:
        self._post("status-update", record, papers, self._messages.status_update)

    def _live(self, one: LiveMessage, record: CallRecord, papers: Papers) -> None:
        if one.names & wanted(papers):
            self._post(
                one.message["type"], record, papers,
                lambda record, papers: self._messages.live(one.message, record, papers), live=True,
            )  # fmt: skip

    def _post(
        self,
        type_: str,
        record: CallRecord,
        papers: Papers,
        write: Callable[[CallRecord, Papers], dict[str, Any]],
        *,
        live: bool = False,
    ) -> None:
        """Written now, because the record lives on; sent when those before it have been."""
        where = self._targets.of_call(papers, record.org_id)
        if where is None or not (live or type_ in wanted(papers)):
            return
        box = self._boxes.get(record.id)
        if self._waiting >= MOST_WAITING or (live and box and len(box.letters) >= MOST_LIVE):
            SENT.labels(type_, "dropped").inc()
            if not live:
                log.error("a server message is dropped: too many wait", extra={"type": type_})
            return
        try:
            body = json.dumps(write(record, papers), default=str).encode()
        except Exception:  # a listener may not raise
            log.exception("a server message could not be written", extra={"type": type_})
            return
        if box is None:
            box = self._boxes[record.id] = Box(record.id, record.org_id, record.discreet)
            box.sender = self._tasks.start(self._empty(box), f"server messages of {record.id}")
        box.letters.append(Letter(type_, where, body, live))
        self._waiting += 1

    async def _empty(self, box: Box) -> None:
        with about(box.call_id):
            try:
                while box.letters:
                    letter = box.letters[0]
                    answered, why = await self._deliver(letter)
                    if why and not letter.live:
                        await self._put_aside_whenever(box, letter, why)
                    box.letters.popleft()
                    self._waiting -= 1
                    if not answered:
                        self._lighten(box)
            finally:
                self._waiting -= len(box.letters)
                del self._boxes[box.call_id]

    async def _put_aside(self, box: Box, letter: Letter, why: str) -> None:
        """Raises StoreError."""
        if box.discreet:
            log.error("a server message is lost: its call may not be stored", extra={"why": why})
        else:
            await self._keep(box.org_id, box.call_id, letter.type, letter.body, why)

    async def _put_aside_whenever(self, box: Box, letter: Letter, why: str) -> None:
        """However long the store is away."""
        while True:
            try:
                return await self._put_aside(box, letter, why)
            except StoreError as error:
                log.warning("a server message waits to be kept: %s", error)
                await self._sleep(STORE_S)

    def _lighten(self, box: Box) -> None:
        """The server is not there: what is worth nothing later may not hold up the report."""
        stay = deque(letter for letter in box.letters if not letter.live)
        for letter in box.letters:
            if letter.live:
                SENT.labels(letter.type, "dropped").inc()
        self._waiting -= len(box.letters) - len(stay)
        box.letters = stay

    async def _deliver(self, letter: Letter) -> tuple[bool, str]:
        """Whether the server was there, if only to refuse; and why the letter was not taken."""
        tried = 0
        while True:
            tried += 1
            status, why = None, ""
            try:
                status, _ = await self._wire.send(
                    letter.target, letter.body, letter.target.timeout_s
                )
            except Unread as error:  # no failure of the server's, which has not been asked
                why = str(error)
                if not letter.live:
                    tried -= 1
                    await self._sleep(STORE_S)
                    continue
            except FAILURES as error:
                why = reason(error, letter.target.timeout_s)
            if status is not None and status < 300:
                SENT.labels(letter.type, "delivered").inc()
                return True, ""
            if letter.live or not letter.target.backoff.again(tried, status):
                break
            await self._sleep(letter.target.backoff.wait_s(tried))
        SENT.labels(letter.type, "unreachable" if status is None else "refused").inc()
        why = why or f"HTTP status {status}"
        log.warning(
            "a server message was not taken: %s",
            why,
            extra={"type": letter.type, "url": letter.target.url, "tried": tried},
        )
        return status is not None, why

    async def close(self) -> None:
        """Send what is waiting, but do not hold up the end for long."""
        senders = [box.sender for box in self._boxes.values() if box.sender]
        if senders:
            await asyncio.wait(senders, timeout=self._goodbye_s)
        boxes = self._boxes.values()
        left = [(box, [x for x in box.letters if not x.live]) for box in boxes]
        await self._tasks.close()
        for box, letters in left:
            for letter in letters:
                try:
                    await self._put_aside(box, letter, LEAVING)
                except StoreError as error:
                    whole = letter.body.decode()
                    log.error("a server message is lost: %s", error, extra={"lost": whole})
