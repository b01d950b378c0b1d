"""What becomes of a call's recording, and that its record says so."""

from pathlib import Path

from gateway.archive.archive import Archive, Buckets, Kept
from gateway.archive.settings import RecordingSettings
from gateway.calls.record import CallRecord
from gateway.store import Store


class Keeping:
    def __init__(
        self, settings: RecordingSettings, state_dir: Path, store: Store, buckets: Buckets
    ) -> None:
        self._store = store
        self.archive = Archive(settings, state_dir, buckets, self._late)

    async def keep(self, record: CallRecord, form: str | None) -> None:
        """Of a call that is over, before it is told that it is."""
        assert record.recording
        if kept := await self.archive.keep(record.id, record.recording, form):
            record.recording, record.stored = kept.recording, kept.stored

    async def _late(self, call_id: str, kept: Kept) -> None:
        if stored := await self._store.calls.get(call_id):
            record = CallRecord.model_validate(stored.record)
            record.recording, record.stored = kept.recording, kept.stored
            self._store.calls.save(record.kept())
