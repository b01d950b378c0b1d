"""What is kept of calls ends by its own days: recordings by theirs, transcripts by theirs."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.calls.record import CallRecord, Line, Status, Taken
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


async def test_day_by_day_each_part_of_a_call_ends_when_its_time_has_come(
    store: Store, tmp_path: Path
) -> None:
    """One call a day for 40 days, kept as they come; sound stays 7 days, words 30."""
    born: dict[str, int] = {}
    (tmp_path / "recordings").mkdir()
    for today in range(40):
        now, name = NOW + timedelta(days=today), f"day-{today:02}"
        born[name] = today
        file = f"recordings/{name}-1.wav"
        (tmp_path / file).write_bytes(b"RIFF")
        (tmp_path / f"{name}.pcap").write_bytes(b"pcap")
        record = a_call(
            name, -today, tmp_path, capture=f"{name}.pcap", analysis={"summary": "They met."},
            outputs={"x": {"result": "They met."}}, variables={"who": "Ann"},
            taken=[Taken(action="a", path=file, at=now)],
        )  # fmt: skip
        store.calls.save(record.model_dump(mode="json"))
        await forget(store, tmp_path, now, sound_days=7, words_days=30)
        for stored in await store.calls.list():
            kept = CallRecord.model_validate(stored.record)
            age = today - born[kept.id]
            files = [one for one in tmp_path.rglob(f"{kept.id}*") if one.is_file()]
            assert len(files) == (3 if age <= 7 else 0), (kept.id, today)
            assert bool(kept.recording and kept.capture and kept.taken) == (age <= 7)
            words = (kept.transcript, kept.analysis, kept.outputs, kept.variables)
            assert all(words) if age <= 30 else not any(words), (kept.id, today)
    assert len(await store.calls.list()) == 40


@pytest.mark.parametrize(
    ("parts", "words"),
    [({"taken": [{"action": "a", "path": "recordings/m.wav", "at": NOW}]}, False),
     ({"analysis": {"summary": "s"}}, True), ({"outputs": {"x": {}}}, True)],
)  # fmt: skip
async def test_a_call_with_one_of_the_parts_alone_is_found_too(
    store: Store, tmp_path: Path, parts: dict[str, object], words: bool
) -> None:
    record = a_call("x", 31, tmp_path, **({"recording": None, "transcript": []} | parts))
    store.calls.save(record.model_dump(mode="json"))
    days = {"sound_days": None, "words_days": 30} if words else {"sound_days": 30}
    done = await forget(store, tmp_path, NOW, **({"words_days": None} | days))  # type: ignore[arg-type]
    assert done == 1


async def test_undelivered_messages_end_with_the_words_of_whatever_organisation(
    store: Store, tmp_path: Path
) -> None:
    letter = {"callId": "c", "type": "end-of-call-report", "message": {"transcript": "hush"}}
    for org in ("one", "other"):
        await store.of(org).letters.create(letter)
    now = datetime.now(UTC)
    for days, left in ((29, 2), (31, 0)):
        later = now + timedelta(days=days)
        await forget(store, tmp_path, later, sound_days=None, words_days=30)
        assert len(await store.letters.of(None).list()) == left
