"""Resources in the store: one repository for all that are created, listed, changed and deleted."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, Select, Table, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.errors import explained
from gateway.store.tables import THE_ORG, milliseconds

Body = dict[str, Any]


@dataclass(frozen=True)
class Bound:
    """One end of a span of time."""

    column: Literal["created_at", "updated_at"]
    side: Literal["gt", "ge", "lt", "le"]
    at: datetime

    def clause(self, table: Table) -> ColumnElement[bool]:
        column = table.c[self.column]
        match self.side:
            case "gt":
                return column > self.at
            case "ge":
                return column >= self.at
            case "lt":
                return column < self.at
        return column <= self.at


@dataclass(frozen=True)
class Stored:
    """A resource as it is kept: ``body`` is what its owner wrote."""

    id: str
    org_id: str
    created_at: datetime
    updated_at: datetime
    body: Body


def newest_first(
    table: Table, bounds: Sequence[Bound], limit: int, equal: dict[str, str]
) -> Select[Any]:
    """The page of ``table`` within all ``bounds`` whose columns have the values in ``equal``."""
    query = select(table).where(table.c.org_id == THE_ORG)
    for bound in bounds:
        query = query.where(bound.clause(table))
    for column, value in equal.items():
        query = query.where(table.c[column] == value)
    return query.order_by(table.c.created_at.desc(), table.c.id).limit(limit)


class Rows:
    """One table of resources. ``columns`` gives, for a body, the columns it is searched by.

    Methods raise StoreError when the database fails, and Taken when a unique value is in use.
    """

    def __init__(
        self, engine: AsyncEngine, table: Table, columns: Callable[[Body], dict[str, Any]]
    ) -> None:
        self._engine = engine
        self._table = table
        self._columns = columns
        self._one_writer = asyncio.Lock()  # so that read, change and write are one step
        self._last = datetime.min.replace(tzinfo=UTC)

    async def create(self, body: Body) -> Stored:
        now = self._tick()
        stored = Stored(str(uuid4()), THE_ORG, now, now, body)
        values = {**vars(stored), **self._columns(body)}
        with explained(f"create in {self._table.name}"):
            async with self._one_writer, self._engine.begin() as connection:
                await connection.execute(insert(self._table).values(values))
        return stored

    async def get(self, row_id: str) -> Stored | None:
        query = select(self._table).where(
            self._table.c.id == row_id, self._table.c.org_id == THE_ORG
        )
        return next(iter(await self._read(query)), None)

    async def list(
        self, bounds: Sequence[Bound] = (), limit: int = 100, **equal: str
    ) -> Sequence[Stored]:
        """Newest first; ``equal`` names columns and the values they must have."""
        return await self._read(newest_first(self._table, bounds, limit, equal))

    async def update(self, row_id: str, change: Callable[[Body], Body]) -> Stored | None:
        """Replace a body by what ``change`` makes of it; what it raises leaves all as it was."""
        table = self._table
        found = (
            select(table).where(table.c.id == row_id, table.c.org_id == THE_ORG).with_for_update()
        )
        with explained(f"update in {table.name}"):
            async with self._one_writer, self._engine.begin() as connection:
                row = (await connection.execute(found)).one_or_none()
                if row is None:
                    return None
                body, now = change(row.body), self._tick()
                values = {"body": body, "updated_at": now, **self._columns(body)}
                await connection.execute(update(table).where(table.c.id == row_id).values(values))
        return Stored(row.id, row.org_id, row.created_at, now, body)

    async def delete(self, row_id: str) -> Stored | None:
        """Delete and return it; None if there is none."""
        stored = await self.get(row_id)
        if stored is not None:
            with explained(f"delete in {self._table.name}"):
                async with self._one_writer, self._engine.begin() as connection:
                    await connection.execute(delete(self._table).where(self._table.c.id == row_id))
        return stored

    async def _read(self, query: Select[Any]) -> Sequence[Stored]:
        with explained(f"read from {self._table.name}"):
            async with self._engine.connect() as connection:
                return [_stored(row) for row in await connection.execute(query)]

    def _tick(self) -> datetime:
        """Now, but never the same millisecond twice: pages are cut between instants."""
        now = max(milliseconds(datetime.now(UTC)), self._last + timedelta(milliseconds=1))
        self._last = now
        return now


def _stored(row: Row[Any]) -> Stored:
    return Stored(row.id, row.org_id, row.created_at, row.updated_at, row.body)
