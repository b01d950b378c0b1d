"""Resources in the store: one repository for all that are created, listed, changed and deleted."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Literal, Self
from uuid import uuid4

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from gateway.store.connections import Connections
from gateway.store.errors import explained
from gateway.store.tables import THE_ORG, milliseconds
from gateway.store.vault import Marked, Vault

Body = dict[str, Any]


Instant = Literal["created_at", "updated_at"]
Side = Literal["gt", "ge", "lt", "le"]

# Queries that are kept: SQLAlchemy remembers with each what it has found out about it, and takes
# less than half as long over one that it is asked again.
_KNOWN = 256


@dataclass(frozen=True)
class Bound:
    """One end of a span of time."""

    column: Instant
    side: Side
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
class Containing:
    """A part of a text that one of these fields of a body must have, in whatever case."""

    fields: tuple[str, ...]
    text: str

    def clause(self, body: Column[Any]) -> ColumnElement[bool]:
        found = (
            body[field].as_string().icontains(self.text, autoescape=True) for field in self.fields
        )
        return or_(*found)


@dataclass(frozen=True)
class Stored:
    """A resource as it is kept: ``body`` is what its owner wrote."""

    id: str
    org_id: str
    created_at: datetime
    updated_at: datetime
    body: Body


def by_id(table: Table, org_id: str | None, row_id: str) -> tuple[Select[Any], dict[str, str]]:
    """The query for one row of the organisation (None: of any), and its values."""
    if org_id is None:
        return _by_id(table, True), {"row": row_id}
    return _by_id(table, False), {"row": row_id, "org": org_id}


@cache
def _by_id(table: Table, everybodys: bool) -> Select[Any]:
    query = select(table).where(table.c.id == bindparam("row"))
    return query if everybodys else query.where(table.c.org_id == bindparam("org"))


def newest_first(
    table: Table,
    org_id: str | None,
    bounds: Sequence[Bound],
    limit: int,
    equal: Mapping[str, Any],
    *,
    oldest: bool = False,
    skip: int = 0,
) -> Select[Any]:
    """A page of the rows of the organisation (None: of any) that are within all ``bounds`` and
    whose columns have the values in ``equal``: one value, one of a list, or what ``Containing``
    says. ``oldest`` turns the order around."""
    return _newest_first(table, org_id, tuple(bounds), limit, _asked(equal), oldest, skip)


@lru_cache(_KNOWN)
def _newest_first(
    table: Table,
    org_id: str | None,
    bounds: tuple[Bound, ...],
    limit: int,
    equal: tuple[tuple[str, Any], ...],
    oldest: bool,
    skip: int,
) -> Select[Any]:
    query = _matching(select(table), table, org_id, bounds, equal)
    instant = table.c.created_at
    order = (instant.asc(), table.c.id.desc()) if oldest else (instant.desc(), table.c.id)
    return query.order_by(*order).limit(limit).offset(skip)


def counted(
    table: Table, org_id: str | None, bounds: Sequence[Bound], equal: Mapping[str, Any]
) -> Select[Any]:
    """How many rows there are of those that ``newest_first`` gives page by page."""
    return _counted(table, org_id, tuple(bounds), _asked(equal))


@lru_cache(_KNOWN)
def _counted(
    table: Table,
    org_id: str | None,
    bounds: tuple[Bound, ...],
    equal: tuple[tuple[str, Any], ...],
) -> Select[Any]:
    query = select(func.count()).select_from(table)
    return _matching(query, table, org_id, bounds, equal)


def _asked(equal: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """As a query can be known by it."""
    return tuple((n, tuple(v) if isinstance(v, list) else v) for n, v in equal.items())


def _matching(
    query: Select[Any],
    table: Table,
    org_id: str | None,
    bounds: tuple[Bound, ...],
    equal: tuple[tuple[str, Any], ...],
) -> Select[Any]:
    if org_id is not None:
        query = query.where(table.c.org_id == org_id)
    for bound in bounds:
        query = query.where(bound.clause(table))
    for column, value in equal:
        if isinstance(value, Containing):
            query = query.where(value.clause(table.c[column]))
            continue
        several = isinstance(value, tuple)
        query = query.where(table.c[column].in_(value) if several else table.c[column] == value)
    return query


class _Ticks:
    """Now, but never the same millisecond twice: pages are cut between instants."""

    def __init__(self) -> None:
        self._last = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        self._last = max(milliseconds(datetime.now(UTC)), self._last + timedelta(milliseconds=1))
        return self._last


class Rows:
    """One table of resources, as one organisation sees it. ``columns`` gives, for a body, the
    columns it is searched by.

    Methods raise StoreError when the database fails, and Taken when a unique value is in use.
    """

    def __init__(
        self,
        connections: Connections,
        table: Table,
        columns: Callable[[Body], dict[str, Any]] = lambda body: {},
        vault: Vault | None = None,
    ) -> None:
        self._connections = connections
        self._table = table
        self._columns = columns
        self._vault = vault
        self._org_id: str | None = THE_ORG
        self._tick = _Ticks()

    def of(self, org_id: str | None) -> Self:
        """The same table for another organisation; None sees everybody's rows, and makes none."""
        rows = copy.copy(self)
        rows._org_id = org_id
        return rows

    async def create(self, body: Body, row_id: str | None = None) -> Stored:
        if self._org_id is None:
            raise ValueError("a row must belong to an organisation")
        now = self._tick()
        stored = Stored(row_id or str(uuid4()), self._org_id, now, now, body)
        values = {**vars(stored), "body": self._seal(body), **self._columns(body)}
        with explained(f"create in {self._table.name}"):
            await self._connections.write(
                lambda connection: connection.execute(insert(self._table).values(values))
            )
        return stored

    async def get(self, row_id: str) -> Stored | None:
        found = await self._read(*by_id(self._table, self._org_id, row_id))
        return next(iter(found), None)

    async def list(
        self,
        bounds: Sequence[Bound] = (),
        limit: int = 100,
        *,
        oldest: bool = False,
        skip: int = 0,
        **equal: Any,
    ) -> Sequence[Stored]:
        """Newest first; ``equal`` names columns and the values they must have."""
        return await self._read(
            newest_first(self._table, self._org_id, bounds, limit, equal, oldest=oldest, skip=skip)
        )

    async def count(self, bounds: Sequence[Bound] = (), **equal: Any) -> int:
        query = counted(self._table, self._org_id, bounds, equal)
        with explained(f"read from {self._table.name}"):
            return int((await self._connections.read(query))[0][0])

    async def update(self, row_id: str, change: Callable[[Body], Body]) -> Stored | None:
        """Replace a body by what ``change`` makes of it; what it raises leaves all as it was."""
        table = self._table

        def step(connection: Connection) -> Stored | None:
            query, values = by_id(table, self._org_id, row_id)
            row = connection.execute(query.with_for_update(), values).one_or_none()
            if row is None:
                return None
            body, now = change(self._open(row.body)), self._tick()
            new = {"body": self._seal(body), "updated_at": now, **self._columns(body)}
            connection.execute(update(table).where(table.c.id == row_id).values(new))
            return Stored(row.id, row.org_id, row.created_at, now, body)

        with explained(f"update in {table.name}"):
            return await self._connections.write(step)

    async def delete(self, row_id: str) -> Stored | None:
        """Delete and return it; None if there is none."""
        stored = await self.get(row_id)
        if stored is not None:
            with explained(f"delete in {self._table.name}"):
                gone = delete(self._table).where(self._table.c.id == row_id)
                await self._connections.write(lambda connection: connection.execute(gone))
        return stored

    async def _read(
        self, query: Select[Any], values: Mapping[str, Any] | None = None
    ) -> Sequence[Stored]:
        with explained(f"read from {self._table.name}"):
            return [self._stored(row) for row in await self._connections.read(query, values)]

    def _stored(self, row: Row[Any]) -> Stored:
        return Stored(row.id, row.org_id, row.created_at, row.updated_at, self._open(row.body))

    def _seal(self, body: Body) -> Any:
        return self._vault.seal(body) if self._vault else body

    def _open(self, body: Body) -> Any:
        return self._vault.open(body) if self._vault and isinstance(body, Marked) else body
