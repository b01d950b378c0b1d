"""Calls that wait: for their time, for room, in order, over a restart."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.agent.brief import Brief, Choice
from gateway.calls import records
from gateway.calls.orphans import end_orphans
from gateway.calls.ports import CallRefused, Order, Papers
from gateway.calls.record import CallRecord, Status
from gateway.calls.waiting import Waiting
from gateway.errors import NoRoom
from gateway.store import Store

BRIEF = Brief(hearing=Choice(vendor="a"), thinking=Choice(vendor="b"), speaking=Choice(vendor="c"))
SOON = timedelta(milliseconds=1)


class House:
    """Has room for so many; notes who was dialled, and who ended how."""

    def __init__(self, room: int = 0, queue_s: float = 60.0) -> None:
        self.room = room
        self.full: set[str] = set()  # trunks
        self.dialled: list[str] = []
        self.statuses: list[tuple[str, str]] = []
        self.ended: dict[str, str] = {}
        self.remade: list[str] = []
        self.refuses = ""
        self.news = asyncio.Event()
        self.saved: list[tuple[str, bool]] = []
        self.waiting = Waiting(self.check, self.dial, self.save, self.changed, self.over, queue_s)
        self.waiting.remake = self.remake

    def check(self, order: Order) -> None:
        """What an organisation may have at once is told beforehand, a trunk's room is not."""
        if not (self.room or self.refuses):
            raise NoRoom("full")

    def save(self, record: CallRecord, papers: Papers) -> None:
        self.saved.append((record.dialled, record.waiting))

    def dial(self, record: CallRecord, order: Order) -> None:
        if self.refuses:
            raise CallRefused(self.refuses)
        if not self.room or order.trunk in self.full:
            raise NoRoom("full")
        self.room -= 1
        self.dialled.append(order.target)
        self.news.set()

    def changed(self, record: CallRecord, papers: Papers) -> None:
        self.statuses.append((record.dialled, record.status))

    def over(self, record: CallRecord, papers: Papers) -> None:
        self.ended[record.dialled] = record.ended_reason or ""
        self.news.set()

    async def remake(self, org_id: str, papers: Papers) -> Order:
        self.remade.append(papers["to"])
        return order(papers["to"], changed=True)

    def place(self, order: Order) -> CallRecord:
        record = records.outbound(order)
        self.waiting.place(record, order)
        return record

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.dialled) + len(self.ended) < count:
                self.news.clear()
                await self.news.wait()


def order(to: str, trunk: str = "", after: timedelta | None = None, until: timedelta | None = None,
          changed: bool = False) -> Order:  # fmt: skip
    now = datetime.now(UTC)
    return Order(
        target=to, brief=BRIEF, trunk=trunk, papers={"to": to, "changed": changed},
        earliest_at=now + after if after else None, latest_at=now + until if until else None,
    )  # fmt: skip


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    await house.waiting.close()


async def test_who_waits_for_room_is_dialled_in_order_when_there_is(house: House) -> None:
    records_ = [house.place(order(to)) for to in "abc"]
    assert [one.status for one in records_] == [Status.QUEUED] * 3
    assert all(house.waiting.find(one.id) is one for one in records_)
    house.room = 2
    house.waiting.stir()
    await house.until(2)
    assert house.dialled == ["a", "b"]
    house.place(order("d"))  # is not quicker than c, who was there before
    house.room = 2
    house.waiting.stir()
    await house.until(4)
    assert house.dialled == ["a", "b", "c", "d"]
    assert not any(one.waiting for one in records_)


async def test_a_full_trunk_holds_up_only_its_own(house: House) -> None:
    house.full = {"slow"}
    house.place(order("a", "slow"))
    house.room = 5
    house.place(order("b", "quick"))
    house.place(order("c", "slow"))
    assert house.dialled == ["b"]
    house.full = set()
    house.waiting.stir()
    await house.until(3)
    assert house.dialled == ["b", "a", "c"]


async def test_a_call_for_later_is_scheduled_and_made_from_what_is_stored_then(
    house: House,
) -> None:
    house.room = 1
    record = house.place(order("a", after=SOON))
    assert record.status is Status.SCHEDULED
    assert house.statuses == [("a", "scheduled")]
    await house.until(1)
    assert house.remade == house.dialled == ["a"]
    assert record.status is Status.QUEUED


async def test_who_cannot_be_dialled_in_time_ends_with_the_documented_reason(house: House) -> None:
    house.place(order("a", until=SOON))
    await house.until(1)
    assert house.ended == {"a": "call.start.error-subscription-concurrency-limit-reached"}
    house.refuses = "no pattern allows it"
    house.place(order("b", after=SOON))
    await house.until(2)
    assert house.ended["b"] == "call.start.error-get-transport"


async def test_a_call_that_waits_can_be_cancelled(house: House) -> None:
    queued, scheduled = house.place(order("a")), house.place(order("b", after=timedelta(days=1)))
    house.waiting.cancel(queued.id)
    house.waiting.cancel(scheduled.id)
    assert house.ended == {"a": "manually-canceled", "b": "scheduled-call-deleted"}


async def test_where_nobody_may_wait_a_call_is_refused() -> None:
    house = House(queue_s=0)
    with pytest.raises(NoRoom):
        house.place(order("a"))
    await house.waiting.close()


async def test_all_that_waited_go_on_waiting_after_a_restart(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/db")
    await store.start()
    before, after = House(), House(room=9)
    before.waiting._changed = lambda record, papers: store.calls.save(
        record.model_dump(mode="json"), papers
    )
    for to, when in (("a", None), ("b", timedelta(days=1)), ("c", None)):
        before.place(order(to, after=when))
    await before.waiting.close()
    await after.waiting.recover(store)
    await after.until(2)
    assert after.dialled == ["a", "c"]
    assert after.remade == ["a", "c"]
    await after.waiting.close()
    await store.close()


async def test_that_a_call_waits_no_more_is_written_before_it_is_dialled(house: House) -> None:
    house.place(order("a"))
    written: list[tuple[list[tuple[str, bool]], list[str]]] = []

    async def settled() -> None:
        written.append((list(house.saved), list(house.dialled)))

    house.waiting.settled = settled
    house.room = 1
    house.waiting.stir()
    await house.until(1)
    assert written == [([("a", False)], [])]


async def test_whoever_leaves_between_writing_and_dialling_goes_on_waiting(house: House) -> None:
    record = house.place(order("a"))
    writing, never = asyncio.Event(), asyncio.Event()

    async def settled() -> None:
        writing.set()
        await never.wait()

    house.waiting.settled = settled
    house.room = 1
    house.waiting.stir()
    async with asyncio.timeout(20):
        await writing.wait()
    await house.waiting.close()
    assert house.dialled == []
    assert record.waiting
    assert house.saved[-1] == ("a", True)


async def test_a_gateway_that_drains_dials_nobody_and_forgets_nobody(house: House) -> None:
    await house.waiting.close()
    house.place(order("a"))
    house.place(order("b", after=SOON))
    house.room = 2
    house.waiting.stir()
    assert not house.waiting._runs
    assert house.dialled == []
    assert house.ended == {}


async def test_of_gateways_that_share_a_database_each_dials_its_own(database_url: str) -> None:
    store = Store(database_url)
    await store.start()
    for keeper, to in (("one", "a"), ("other", "b")):
        record = records.outbound(order(to))
        record.waiting, record.keeper = True, keeper
        store.calls.save(record.model_dump(mode="json"), {"to": to})
        up = CallRecord(id=f"up-{keeper}", direction="inbound", status=Status.IN_PROGRESS)
        store.calls.save(up.model_copy(update={"keeper": keeper}).model_dump(mode="json"))
    assert await end_orphans(store, "one") == 1
    house = House(room=9)
    await house.waiting.recover(store, "one")
    await house.until(1)
    await house.waiting.close()
    assert house.dialled == ["a"]
    other = await store.calls.get("up-other")
    assert other is not None
    assert other.record["status"] == "in-progress"
    await store.close()
