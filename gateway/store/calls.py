"""Call records in the store: written behind the calls' backs, and again until it succeeds."""

import asyncio
import copy
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from prometheus_client import Counter, Gauge
from sqlalchemy import Connection, Row, delete, insert, update
from sqlalchemy.exc import DBAPIError, StatementError

from gateway.metrics import REGISTRY
from gateway.store.connections import Connections
from gateway.store.errors import StoreError, explained
from gateway.store.rows import Bound, by_id, counted, newest_first
from gateway.store.tables import THE_ORG, calls
from gateway.store.vault import Marked, Vault

log = logging.getLogger(__name__)

MOST_WAITING = 10_000  # records held while the database cannot be written: some 100 MB
LONGEST_WAIT_S = 30.0

failures = Counter(
    "trunkline_store_write_failures_total",
    "Times call records could not be written; they are tried again",
    registry=REGISTRY,
)
waiting = Gauge(
    "trunkline_store_waiting_records", "Call records not written yet", registry=REGISTRY
)


@dataclass(frozen=True)
class StoredCall:
    """``record`` is a CallRecord as JSON; ``papers`` are the API's own, as JSON."""

    id: str
    org_id: str
    record: dict[str, Any]
    papers: dict[str, Any]


class Calls:
    """Records of calls. What was saved is seen by ``get`` and ``list`` at once.

    The store's own sees the calls of every organisation, ``of`` those of one.
    """

    def __init__(
        self, connections: Connections, retry_s: float = 1.0, vault: Vault | None = None
    ) -> None:
        self._connections = connections
        self._vault = vault
        self._org_id: str | None = None
        self._retry_s = retry_s
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._waiting: dict[str, StoredCall] = {}
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()

    def of(self, org_id: str) -> Self:
        """The same records, as one organisation sees them."""
        seen = copy.copy(self)  # all that changes is shared
        seen._org_id = org_id
        return seen

    def start(self) -> None:
        self._writer = asyncio.create_task(self._keep_writing(), name="store: call records")

    async def close(self) -> None:
        """Write what is waiting, once more. A database operation is never cut short: it would
        leave its connection behind. The drivers' own time-outs bound it."""
        self._closing.set()
        self._news.set()
        if self._writer is not None:
            await self._writer
        try:
            await self.flush()
        except StoreError as error:
            log.error("call records are lost: %s", error, extra={"records": len(self._waiting)})

    def save(self, record: dict[str, Any], papers: dict[str, Any] | None = None) -> None:
        """Take a record to be written; never waits and never fails.

        A record replaces the one with the same id; without ``papers`` those stay as they are.
        It belongs to the organisation that its ``org_id`` names, else to the operator's.
        """
        before = self._waiting.pop(record["id"], None)
        papers = papers if papers is not None else before.papers if before else {}
        self._waiting[record["id"]] = StoredCall(
            record["id"], record.get("org_id") or THE_ORG, record, papers
        )
        if len(self._waiting) > MOST_WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            log.error("a call record is lost: too many wait to be written", extra={"lost": oldest})
        waiting.set(len(self._waiting))
        self._news.set()

    async def flush(self) -> None:
        """Write everything that is waiting now. Raises StoreError, and then keeps it."""
        async with self._writing:
            for call in list(self._waiting.values()):
                try:
                    with explained("write a call record"):
                        await self._write(call)
                except StoreError as error:
                    cause = error.__cause__
                    if isinstance(cause, DBAPIError) or not isinstance(cause, StatementError):
                        raise
                    # Not the database's fault: this record cannot be written, ever.
                    log.exception("a call record is lost", extra={"lost": call.id})
                if self._waiting.get(call.id) is call:
                    del self._waiting[call.id]
                waiting.set(len(self._waiting))

    async def settle(self) -> None:
        """Until what is waiting has been written, or cannot be now: then it is tried again later,
        and the log says so."""
        with suppress(StoreError):
            await self.flush()

    async def get(self, call_id: str) -> StoredCall | None:
        if call := self._waiting.get(call_id):
            return call if self._org_id in (None, call.org_id) else None
        with explained("read a call record"):
            found = await self._connections.read(*by_id(calls, self._org_id, call_id))
        return self._stored(found[0]) if found else None

    async def list(
        self,
        bounds: Sequence[Bound] = (),
        limit: int = 100,
        *,
        oldest: bool = False,
        skip: int = 0,
        **equal: Any,
    ) -> Sequence[StoredCall]:
        """Newest first; ``equal`` names columns and the values they must have."""
        await self.flush()
        query = newest_first(calls, self._org_id, bounds, limit, equal, oldest=oldest, skip=skip)
        with explained("read call records"):
            return [self._stored(row) for row in await self._connections.read(query)]

    async def count(self, bounds: Sequence[Bound] = (), **equal: Any) -> int:
        await self.flush()
        query = counted(calls, self._org_id, bounds, equal)
        with explained("count call records"):
            return int((await self._connections.read(query))[0][0])

    async def delete(self, call_id: str) -> StoredCall | None:
        """Delete and return it; None if there is none."""
        call = await self.get(call_id)
        if call is not None:
            async with self._writing:
                self._waiting.pop(call_id, None)
                gone = delete(calls).where(calls.c.id == call_id)
                with explained("delete a call record"):
                    await self._connections.write(lambda connection: connection.execute(gone))
        return call

    async def _write(self, call: StoredCall) -> None:
        record = call.record
        values: dict[str, Any] = {
            "status": record["status"],
            "assistant_id": record.get("assistant_id"),
            "phone_number_id": record.get("phone_number_id"),
            "updated_at": _instant(record["updated_at"]),
            "has_sound": any(record.get(name) for name in ("recording", "capture", "taken")),
            "has_words": any(record.get(name) for name in ("transcript", "analysis", "outputs")),
            "record": self._sealed(record),
            **({"papers": self._sealed(call.papers)} if call.papers else {}),
        }
        more = {
            "id": call.id,
            "org_id": call.org_id,
            "papers": values.get("papers", {}),
            "created_at": _instant(record["created_at"]),
        }

        def step(connection: Connection) -> None:
            done = connection.execute(update(calls).where(calls.c.id == call.id).values(values))
            if not done.rowcount:
                connection.execute(insert(calls).values(values | more))

        await self._connections.write(step)

    def _sealed(self, json: dict[str, Any]) -> Any:
        return self._vault.seal(json) if self._vault else json

    def _opened(self, json: dict[str, Any]) -> Any:
        return self._vault.open(json) if self._vault and isinstance(json, Marked) else json

    def _stored(self, row: Row[Any]) -> StoredCall:
        return StoredCall(row.id, row.org_id, self._opened(row.record), self._opened(row.papers))

    async def _keep_writing(self) -> None:
        wait_s = self._retry_s
        while not self._closing.is_set():
            await self._news.wait()
            self._news.clear()
            try:
                await self.flush()
                wait_s = self._retry_s
            except Exception as error:  # whatever it is, the next attempt may succeed
                failures.inc()
                log.error(
                    "call records wait to be written: %s",
                    error,
                    extra={"records": len(self._waiting), "retry_s": wait_s},
                )
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._closing.wait()
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                self._news.set()


def _instant(at: str | datetime) -> datetime:
    return at if isinstance(at, datetime) else datetime.fromisoformat(at)
