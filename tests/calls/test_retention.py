"""What is kept of calls ends by its own days: recordings by theirs, transcripts by theirs."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.calls.record import CallRecord, Line, Status
from gateway.calls.retention import forget
from gateway.store import Store

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url)
    await store.start()
    yield store
    await store.close()


def a_call(name: str, days: float, state_dir: Path, **more: object) -> CallRecord:
    at = NOW - timedelta(days=days)
    (state_dir / f"{name}.wav").write_bytes(b"RIFF")
    line = Line(role="user", text="hello", at=at, began_s=0, ended_s=1)
    values = {
        "status": Status.ENDED,
        "recording": f"{name}.wav",
        "transcript": [line],
        "created_at": at,
        "updated_at": at,
        **more,
    }
    return CallRecord.model_validate({"id": name, "direction": "inbound", **values})


async def test_each_goes_when_it_is_old_enough(store: Store, tmp_path: Path) -> None:
    for record in (
        a_call("new", 1, tmp_path),
        a_call("older", 11, tmp_path),
        a_call("old", 31, tmp_path),
        a_call("live", 31, tmp_path, status=Status.IN_PROGRESS),
    ):
        store.calls.save(record.model_dump(mode="json"), {"assistant": {"name": "A"}})

    async def kept() -> dict[str, tuple[bool, bool, bool]]:
        found = {}
        for stored in await store.calls.list():
            record = CallRecord.model_validate(stored.record)
            assert stored.papers == {"assistant": {"name": "A"}}
            file = (tmp_path / f"{record.id}.wav").exists()
            found[record.id] = (bool(record.recording), file, bool(record.transcript))
        return found

    everything = dict.fromkeys(("new", "older", "old", "live"), (True, True, True))
    assert await forget(store, tmp_path, NOW, sound_days=None, words_days=None) == 0
    assert await kept() == everything
    assert await forget(store, tmp_path, NOW, sound_days=10, words_days=30) == 3
    assert await kept() == everything | {
        "older": (False, False, True),
        "old": (False, False, False),
    }
    assert await forget(store, tmp_path, NOW, sound_days=10, words_days=30) == 0


async def test_a_path_that_leads_elsewhere_is_left_alone(store: Store, tmp_path: Path) -> None:
    inside = tmp_path / "state"
    inside.mkdir()
    record = a_call("x", 31, tmp_path, recording="../x.wav")
    store.calls.save(record.model_dump(mode="json"))
    await forget(store, inside, NOW, sound_days=1, words_days=None)
    assert (tmp_path / "x.wav").exists()
