"""Calls that were up when the gateway itself died: their records are brought to an end."""

import logging
from datetime import UTC, datetime

from gateway.calls.record import CallRecord, Status
from gateway.reasons import Ended
from gateway.store import Store

log = logging.getLogger(__name__)

DETAIL = "the gateway stopped while the call was up"
MOST = 100_000


async def end_orphans(store: Store, keeper: str | None = None) -> int:
    """End every record that says its call goes on; how many there were. To be called before the
    first call. ``keeper``: which gateway's calls, of several that share the database."""
    found = 0
    for status in (Status.QUEUED, Status.RINGING, Status.IN_PROGRESS):
        for stored in await store.calls.list(limit=MOST, status=status):
            record = CallRecord.model_validate(stored.record)
            if record.waiting or keeper not in (None, record.keeper):
                continue  # it was never dialled, and will be; or it is another gateway's
            record.status = Status.ENDED
            record.ended_reason = Ended.WORKER_DIED
            record.ended_detail = DETAIL
            record.ended_at = record.updated_at  # the last that is known of it
            record.updated_at = datetime.now(UTC)
            store.calls.save(record.kept())
            found += 1
    if found:
        log.warning("%d calls were up when the gateway died; their records are ended", found)
    return found
