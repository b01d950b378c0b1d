"""Records of calls are written behind the calls' backs, and never lost while memory lasts."""

import asyncio
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from gateway.store import Bound, Store, StoredCall, StoreError
from gateway.store import calls as calls_module

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def record(call_id: str, second: int = 0, **more: Any) -> dict[str, Any]:
    at = f"2026-01-02T03:04:{second:02}.123456Z"
    return {"id": call_id, "status": "queued", "created_at": at, "updated_at": at, **more}


async def fill_disk(store: Store, most_pages: int) -> None:
    """Let the database file grow to no more pages than this: beyond, the disk is full."""
    engine = store._connections._engine  # type: ignore[attr-defined]  # of a file
    engine.dispose()

    def on_connect(connection: Any, _: object) -> None:
        connection.cursor().execute(f"pragma max_page_count = {most_pages}")

    event.listen(engine, "connect", on_connect)


async def test_what_was_saved_is_read_at_once_and_again_after_a_restart(
    store: Store, url: str
) -> None:
    store.calls.save(record("a", assistant_id="x"), {"overrides": {}})
    found = await store.calls.get("a")
    assert found is not None
    assert found.record["assistant_id"] == "x"
    await store.calls.flush()
    again = Store(url)
    await again.start()
    assert await again.calls.get("a") == found
    await again.close()


async def test_the_last_of_several_records_stays_with_the_first_papers(store: Store) -> None:
    store.calls.save(record("a"), {"kept": 1})
    store.calls.save(record("a", status="ringing"))
    await store.calls.flush()
    store.calls.save(record("a", status="ended"))
    await store.calls.flush()
    found = await store.calls.get("a")
    assert found is not None
    assert found.record["status"] == "ended"
    (listed,) = await store.calls.list()
    assert listed.papers == {"kept": 1}


async def test_lists_are_newest_first_and_filtered(store: Store) -> None:
    for second, name in enumerate(["a", "b", "c"]):
        store.calls.save(record(name, second, assistant_id="x" if name != "b" else "y"))
    assert [c.id for c in await store.calls.list()] == ["c", "b", "a"]
    assert [c.id for c in await store.calls.list(limit=1)] == ["c"]
    assert [c.id for c in await store.calls.list(assistant_id="x")] == ["c", "a"]
    first = calls_module._instant("2026-01-02T03:04:00.123Z")
    assert [c.id for c in await store.calls.list([Bound("created_at", "gt", first)])] == ["c", "b"]


async def test_a_deleted_call_is_gone_written_or_not(store: Store) -> None:
    store.calls.save(record("a"))
    assert (await store.calls.delete("a")) is not None
    store.calls.save(record("b"))
    await store.calls.flush()
    assert (await store.calls.delete("b")) is not None
    assert await store.calls.list() == []
    assert await store.calls.delete("b") is None


@on_sqlite
async def test_a_locked_database_takes_nothing_down_and_is_tried_again(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lock = sqlite3.connect(tmp_path / "kept.db", isolation_level=None)
    lock.execute("begin immediate")
    store.calls.save(record("a"))
    with pytest.raises(StoreError, match="locked by another process"):
        await store.calls.flush()
    found = await store.calls.get("a")
    assert found is not None
    while "call records wait to be written" not in caplog.text:
        await asyncio.sleep(0)
    lock.execute("rollback")
    lock.close()
    while store.calls._waiting:
        await asyncio.sleep(0)
    assert [c.id for c in await store.calls.list()] == ["a"]


@on_sqlite
async def test_a_full_disk_is_named_and_its_records_are_kept_in_memory(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(url, retry_s=100)
    await store.start()
    await fill_disk(store, 1)
    store.calls.save(record("a", transcript=["x" * 100_000]))
    while "the disk is full" not in caplog.text:
        await asyncio.sleep(0)
    assert await store.calls.get("a") is not None
    await fill_disk(store, 1_000_000)
    await store.calls.flush()
    assert not store.calls._waiting
    await store.close()


async def test_a_record_that_can_never_be_written_does_not_hold_up_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.calls.save(record("bad", odd=object()))
    store.calls.save(record("good"))
    await store.calls.flush()
    assert [c.id for c in await store.calls.list()] == ["good"]
    assert "a call record is lost" in caplog.text


async def test_memory_is_bounded_while_nothing_can_be_written(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(calls_module, "MOST_WAITING", 2)
    for name in "abc":
        store.calls.save(record(name))
    assert list(store.calls._waiting) == ["b", "c"]
    assert "a call record is lost" in caplog.text


@on_sqlite
async def test_the_end_does_not_wait_for_a_database_that_stays_locked(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(url, busy_s=0.01, retry_s=100)
    await store.start()
    lock = sqlite3.connect(tmp_path / "kept.db", isolation_level=None)
    lock.execute("begin immediate")
    store.calls.save(record("a"))
    with caplog.at_level(logging.ERROR):
        await store.close()
    lock.close()
    assert "call records are lost" in caplog.text


async def test_what_is_saved_while_an_older_record_is_written_is_written_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = store.calls._write

    async def overtaken(call: StoredCall) -> None:
        monkeypatch.undo()
        store.calls.save(record("a", status="ended"))
        await write(call)

    monkeypatch.setattr(store.calls, "_write", overtaken)
    store.calls.save(record("a"))
    await store.calls.flush()
    assert "a" in store.calls._waiting
    (listed,) = await store.calls.list()
    assert listed.record["status"] == "ended"


async def test_what_no_text_of_postgres_may_have_costs_no_record(store: Store, url: str) -> None:
    """Words of callers and vendors are not checked as an API's client's are."""
    store.calls.save(record("a", said="one\0two \ud800 three \\u0000 \U0001f600"))
    await store.calls.flush()
    found = await store.calls.get("a")
    assert found is not None
    assert found.record["said"] == "one\ufffdtwo ? three \\u0000 \U0001f600"
