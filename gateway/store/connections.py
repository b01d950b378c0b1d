"""The way to the database: a file of ours by threads of ours, a server by its own async driver.

SQLite has no wire to wait on, so each piece of work goes to a thread as a whole and comes back
once: a driver that hands over every single step (cursor, execute, fetch, close, roll back) costs
the event loop, which SIP shares, several times as much.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from pydantic_core import from_json
from sqlalchemy import URL, Connection, Row, Select, create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.store.vault import MARK, Marked

Done = TypeVar("Done")

READERS = 3  # threads; with WAL they wait for nobody
POSTGRES_LIMITS = {"timeout": 5.0, "command_timeout": 10.0}  # seconds, asyncpg's words
OLDEST_S = 300.0  # firewalls and NATs forget connections that were silent for some 350 s


# An escaped NUL, not a backslash before the letters u0000.
_NUL = re.compile(r"((?<!\\)(?:\\\\)*)\\u0000")


def as_json(value: Any) -> str:
    """JSON that every database takes. Postgres has neither NUL nor half of a character; what a
    caller's or a vendor's words have of them becomes U+FFFD and "?", for the record of a call is
    worth more than that."""
    text = json.dumps(value, ensure_ascii=False).encode(errors="replace").decode()
    return _NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text


def from_text(text: str) -> Any:
    """What ``as_json`` wrote."""
    try:
        value = from_json(text)
    except ValueError:  # nested more deeply than it goes
        value = json.loads(text)
    return Marked(value) if MARK in text and isinstance(value, dict) else value


class Connections(Protocol):
    """Both raise SQLAlchemy's errors and OSError; see :func:`gateway.store.errors.explained`."""

    url: URL

    async def read(
        self, query: Select[Any], values: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        """All rows that the query finds; ``values`` are those of its bound parameters."""

    async def write(self, deed: Callable[[Connection], Done]) -> Done:
        """Do it in one transaction; what it raises undoes it. It runs in another thread, perhaps,
        and may not touch what is not its own."""

    async def close(self) -> None: ...


class File:
    """SQLite. One thread writes, so that no writer waits for another of ours."""

    def __init__(self, url: URL, pragmas: Callable[[Any, object], None]) -> None:
        self.url = url
        self._engine = create_engine(
            url.set(drivername="sqlite"), json_serializer=as_json, json_deserializer=from_text
        )
        event.listen(self._engine, "connect", pragmas)
        self._writer = ThreadPoolExecutor(1, "store writer")
        self._readers = ThreadPoolExecutor(READERS, "store reader")

    async def read(
        self, query: Select[Any], values: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, query, values)

    async def write(self, deed: Callable[[Connection], Done]) -> Done:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._write, deed)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _read(self, query: Select[Any], values: Mapping[str, Any] | None) -> Sequence[Row[Any]]:
        with self._engine.connect() as connection:
            return connection.execute(query, values).all()

    def _write(self, deed: Callable[[Connection], Done]) -> Done:
        with self._engine.begin() as connection:
            return deed(connection)

    def _close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._engine.dispose()


class Server:
    """Postgres."""

    def __init__(self, url: URL) -> None:
        self.url = url
        limits = POSTGRES_LIMITS if url.get_backend_name() == "postgresql" else {}
        # Asked whether it is alive, a connection that a restart of the server has cut costs a round
        # trip; unasked, it costs the first call after the restart.
        self._engine = create_async_engine(
            url,
            connect_args=limits,
            json_serializer=as_json,
            json_deserializer=from_text,
            pool_pre_ping=True,
            pool_recycle=OLDEST_S,
        )

    async def read(
        self, query: Select[Any], values: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        async with self._engine.connect() as connection:
            found: Sequence[Row[Any]] = (await connection.execute(query, values)).all()
            return found

    async def write(self, deed: Callable[[Connection], Done]) -> Done:
        async with self._engine.begin() as connection:
            return await connection.run_sync(deed)

    async def close(self) -> None:
        await self._engine.dispose()
