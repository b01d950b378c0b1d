"""Calls that are not dialled yet: their time has not come, or there is no room for them.

Who waits for room is dialled in the order of asking, for each organisation and trunk by itself: a
trunk that takes one call a second holds up nobody else's. All of them outlive a restart: the
record says that it waits, and the API makes the order again from its papers. That it waits no
more is written down before it is dialled, so that whoever is killed in between dials nobody twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.calls import metrics
from gateway.calls.ports import CallRefused, Order, Papers
from gateway.calls.record import CallRecord, Status
from gateway.errors import GatewayError, NoRoom
from gateway.logs import about
from gateway.reasons import Ended
from gateway.store import Store
from gateway.tasks import Tasks

log = logging.getLogger(__name__)

LOOK_S = 0.1  # between two tries while somebody waits for room: a trunk may take ten a second
MOST = 100_000
LONGEST_S = 60.0  # between two looks at the clock, which may be set

Dial = Callable[[CallRecord, Order], None]  # raises NoRoom, CallRefused
Remake = Callable[[str, Papers], Awaitable[Order]]  # by the organisation and the papers
Tell = Callable[[CallRecord, Papers], None]
Lane = tuple[str, str]


@dataclass(eq=False)
class Waiter:
    record: CallRecord
    papers: Papers
    order: Order | None  # None: to be made when its time has come, from what is stored then
    since: datetime

    @property
    def lane(self) -> Lane:
        return (self.record.org_id, self.order.trunk if self.order else "")


class Waiting:
    """``room`` raises NoRoom where that can be told without dialling. ``changed`` and ``over`` are
    told of a record's status, and save it, too."""

    remake: Remake | None = None  # set once the API is there
    settled: Callable[[], Awaitable[None]] | None = None  # until what was saved is written

    def __init__(
        self,
        room: Callable[[Order], None],
        dial: Dial,
        save: Tell,
        changed: Tell,
        over: Tell,
        queue_s: float,
    ) -> None:
        self._room, self._save = room, save
        self._dial, self._changed, self._over = dial, changed, over
        self._queue = timedelta(seconds=queue_s)
        self._waiters: dict[str, Waiter] = {}  # in the order of asking
        self._news = asyncio.Event()
        self._tasks = Tasks()
        self._runs = self._leaves = False

    def place(self, record: CallRecord, order: Order) -> None:
        """Dial, or keep it until it can be. Raises CallRefused; NoRoom if nobody may wait."""
        now = datetime.now(UTC)
        waiter = Waiter(record, order.papers, order, now)
        record.latest_at = order.latest_at
        if order.earliest_at and order.earliest_at > now:
            record.earliest_at = order.earliest_at
            record.status = Status.SCHEDULED
            waiter.order = None
            self._keep(waiter)
        elif any(one.order and one.lane == waiter.lane for one in self._waiters.values()):
            self._keep(waiter)
        else:
            try:
                self._dial(record, order)
            except NoRoom:
                if not self._queue:
                    raise
                self._keep(waiter)

    def find(self, call_id: str) -> CallRecord | None:
        waiter = self._waiters.get(call_id)
        return waiter.record if waiter else None

    def cancel(self, call_id: str) -> None:
        if waiter := self._waiters.get(call_id):
            scheduled = waiter.record.status is Status.SCHEDULED
            reason = Ended.SCHEDULED_CALL_DELETED if scheduled else Ended.MANUALLY_CANCELED
            self._end(waiter, reason, "by the API")

    def stir(self) -> None:
        """There may be room."""
        self._news.set()

    async def recover(self, store: Store, keeper: str | None = None) -> None:
        """Those that were waiting when the gateway went: this one, of several that share the
        database."""
        waited = []
        for status in (Status.SCHEDULED, Status.QUEUED):
            for stored in await store.calls.list(limit=MOST, status=status):
                record = CallRecord.model_validate(stored.record)
                if record.waiting and keeper in (None, record.keeper):
                    since = record.earliest_at or record.created_at
                    waited.append(Waiter(record, stored.papers, None, since))
        waited.sort(key=lambda waiter: waiter.record.created_at)
        self._waiters = {waiter.record.id: waiter for waiter in waited}
        if self._waiters:
            log.info("%d calls are still to be placed", len(self._waiters))
            self._run()

    async def close(self) -> None:
        """Dial nobody any more. They stay in the store, and wait on."""
        self._leaves = True
        await self._tasks.close()

    def _keep(self, waiter: Waiter) -> None:
        waiter.record.waiting = True
        self._waiters[waiter.record.id] = waiter
        self._changed(waiter.record, waiter.papers)
        self._run()

    def _run(self) -> None:
        self._news.set()
        if not (self._runs or self._leaves):
            self._runs = True
            self._tasks.start(self._go_round(), "waiting calls")

    async def _go_round(self) -> None:
        try:
            while self._waiters:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_s(datetime.now(UTC))):
                        await self._news.wait()
                self._news.clear()
                await self._look(datetime.now(UTC))
        finally:
            self._runs = False

    def _pause_s(self, now: datetime) -> float:
        times = [w.record.earliest_at for w in self._waiters.values() if w.order is None]
        if len(times) < len(self._waiters) or None in times:
            return LOOK_S
        soonest = min(at for at in times if at)
        return min(LONGEST_S, max(0.0, (soonest - now).total_seconds()))

    async def _look(self, now: datetime) -> None:
        blocked: set[Lane] = set()
        for waiter in list(self._waiters.values()):
            record = waiter.record
            if record.id not in self._waiters or (record.earliest_at and record.earliest_at > now):
                continue
            with about(record.id):
                try:
                    if waiter.order is None:
                        waiter.order = await self._made(waiter)
                        waiter.since = max(waiter.since, record.earliest_at or waiter.since)
                        if record.id not in self._waiters:
                            continue  # cancelled meanwhile
                    if late := self._too_late(waiter, now):
                        self._end(waiter, late, "")
                    elif waiter.lane not in blocked:
                        await self._try(waiter)
                except NoRoom as why:
                    blocked.add(waiter.lane)
                    self._wait_on(waiter, str(why), now)
                except CallRefused as error:
                    self._end(waiter, error.reason or Ended.NO_TRANSPORT, str(error))
                except Exception as error:
                    log.exception("a waiting call cannot be placed")
                    self._end(waiter, Ended.RESOURCES_INVALID, str(error))

    async def _made(self, waiter: Waiter) -> Order:
        """From what is stored now: an assistant may have been changed since."""
        if self.remake is None:
            raise GatewayError("nobody can make the order again")
        order = await self.remake(waiter.record.org_id, waiter.papers)
        waiter.papers = order.papers
        return order

    async def _try(self, waiter: Waiter) -> None:
        assert waiter.order
        record = waiter.record
        self._room(waiter.order)  # so that nothing is written as often as there is none
        record.waiting = False
        before, record.status = record.status, Status.QUEUED
        self._save(record, waiter.papers)
        try:
            if self.settled:
                await self.settled()
            if record.id not in self._waiters:
                return  # cancelled meanwhile
            self._dial(record, waiter.order)
        except BaseException:  # also if the gateway leaves just now
            record.waiting, record.status = True, before
            self._save(record, waiter.papers)
            raise
        del self._waiters[record.id]

    def _wait_on(self, waiter: Waiter, why: str, now: datetime) -> None:
        record = waiter.record
        if not self._queue:
            self._end(waiter, Ended.CONCURRENCY_LIMIT, why)
        elif record.status is Status.SCHEDULED:
            record.status = Status.QUEUED
            waiter.since = now
            self._changed(record, waiter.papers)

    def _too_late(self, waiter: Waiter, now: datetime) -> str:
        record = waiter.record
        waited = record.status is Status.QUEUED
        if record.latest_at and record.latest_at < now:
            return Ended.CONCURRENCY_LIMIT if waited else Ended.WORKER_NOT_AVAILABLE
        if waited and now - waiter.since > self._queue:
            return Ended.CONCURRENCY_LIMIT
        return ""

    def _end(self, waiter: Waiter, reason: str, detail: str) -> None:
        record = waiter.record
        self._waiters.pop(record.id, None)
        record.waiting = False
        record.status = Status.ENDED
        record.ended_reason, record.ended_detail = reason, detail
        record.ended_at = record.updated_at = datetime.now(UTC)
        log.info("a call that was to be placed is over: %s %s", reason, detail)
        metrics.ended(record)
        self._over(record, waiter.papers)
