"""After a crash of main, no record says for ever that its call goes on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.calls.orphans import end_orphans
from gateway.calls.record import CallRecord, Status
from gateway.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/db")
    await store.start()
    yield store
    await store.close()


async def test_records_of_calls_that_were_up_are_ended(store: Store) -> None:
    up = CallRecord(id="up", direction="inbound", status=Status.IN_PROGRESS)
    rang = CallRecord(id="rang", direction="outbound", status=Status.RINGING)
    over = CallRecord(
        id="over", direction="inbound", status=Status.ENDED, ended_reason="customer-ended-call"
    )
    for record in (up, rang, over):
        store.calls.save(record.model_dump(mode="json"), {"assistant": {"name": record.id}})
    assert await end_orphans(store) == 2
    await store.calls.flush()
    for id_, reason in (
        ("up", "call.in-progress.error-vapifault-worker-died"),
        ("rang", "call.in-progress.error-vapifault-worker-died"),
        ("over", "customer-ended-call"),
    ):
        stored = await store.calls.get(id_)
        assert stored
        assert (stored.record["status"], stored.record["ended_reason"]) == ("ended", reason)
        assert stored.papers == {"assistant": {"name": id_}}
    assert await end_orphans(store) == 0
