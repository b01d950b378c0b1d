"""Links to what a call left behind, for whoever has one: the documented ``presigned…Url``.

Each is good until its time, also after a restart, and no longer than the call is kept: what it is
signed with lies in the call's record.
"""

import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from gateway.api.errors import NotFound
from gateway.api.recordings import call_log, capture, download
from gateway.api.requests import check_id
from gateway.archive.formats import PARTIES
from gateway.calls.record import CallRecord
from gateway.store import Store

LIFE = timedelta(days=1)
PATH = "presigned"


def links(
    record: CallRecord, beginning: str, which: Iterable[str], until: datetime
) -> dict[str, str]:
    """By their documented names. ``which``: parties of the recording, pcap, log. Of a call that
    was made before there were such links there are none."""
    if not record.link_secret:
        return {}
    at = int(until.timestamp())
    return {
        f"presigned{one.capitalize()}Url": f"{beginning}/{PATH}/{record.id}/{one}"
        f"?expires={at}&signature={_signature(record, one, at)}"
        for one in which
    }


def until(record: CallRecord, now: datetime) -> datetime:
    """When links that are given now end; those into a bucket were made when it was stored."""
    return record.stored.expires_at if record.stored else now + LIFE


def is_valid(
    record: CallRecord, which: str, expires: int, signature: str, *, now: datetime
) -> bool:
    if not record.link_secret or expires < now.timestamp():
        return False
    return hmac.compare_digest(_signature(record, which, expires).encode(), signature.encode())


def _signature(record: CallRecord, which: str, at: int) -> str:
    return hmac.digest(record.link_secret.encode(), f"{which} {at}".encode(), "sha256").hex()


def routes(store: Store, state_dir: Path) -> APIRouter:
    """Without a key. Whatever is wrong with a link, it is not found: nobody learns why."""
    router = APIRouter(prefix=f"/{PATH}", tags=["Call"])

    @router.get("/{call_id}/{which}", summary="download by a link that needs no key")
    async def read(call_id: str, which: str, expires: int = 0, signature: str = "") -> Response:
        stored = await store.calls.get(check_id(call_id))
        record = CallRecord.model_validate(stored.record) if stored else None
        now = datetime.now(UTC)
        if record is None or not is_valid(record, which, expires, signature, now=now):
            raise NotFound("This link is not valid, or not any more")
        if which in PARTIES:
            return download(record, state_dir, which)
        return capture(record, state_dir) if which == "pcap" else call_log(record)

    return router
