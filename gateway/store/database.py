"""The store: one database, opened, brought up to date, and closed."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.errors import ConfigError
from gateway.store.calls import Calls
from gateway.store.errors import StoreError, explained
from gateway.store.numbers import PhoneNumbers
from gateway.store.rows import Rows
from gateway.store.tables import assistants, credentials

log = logging.getLogger(__name__)

POSTGRES_LIMITS = {"timeout": 5.0, "command_timeout": 10.0}  # seconds, asyncpg's words
MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """Assistants, phone numbers, credentials and calls.

    ``url`` is an SQLAlchemy URL with an async driver; ``busy_s`` is how long SQLite waits for
    another process that is writing. Raises ConfigError when the URL cannot be used.
    """

    def __init__(self, url: str, *, busy_s: float = 5.0, retry_s: float = 1.0) -> None:
        try:
            where = make_url(url)
            limits = POSTGRES_LIMITS if where.get_backend_name() == "postgresql" else {}
            self._engine = create_async_engine(where, connect_args=limits)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ConfigError(f"[store] url: {error}") from None
        if self.private:
            event.listen(self._engine.sync_engine, "connect", _pragmas(busy_s))
        self.assistants = Rows(self._engine, assistants, lambda body: {})
        self.phone_numbers = PhoneNumbers(self._engine)
        self.credentials = Rows(
            self._engine, credentials, lambda body: {"provider": body["provider"]}
        )
        self.calls = Calls(self._engine, retry_s)

    @property
    def private(self) -> bool:
        """A file of ours, which no other gateway uses."""
        return self._engine.dialect.name == "sqlite"

    async def start(self) -> None:
        """Bring the tables up to date and begin to write. Raises ConfigError."""
        _check_directory(self._engine.url)
        try:
            with explained(f"[store] url {self._engine.url!r}"):
                async with self._engine.begin() as connection:
                    await connection.run_sync(_migrate)
        except StoreError as error:
            await self._engine.dispose()
            raise ConfigError(str(error)) from None
        except CommandError as error:
            await self._engine.dispose()
            raise ConfigError(
                f"[store] url {self._engine.url!r}: the database was made by a newer trunkline "
                f"({error}); use that version or another database"
            ) from None
        _keep_private(self._engine.url)
        self.calls.start()

    async def close(self) -> None:
        """Write what is waiting, then let go of the database."""
        await self.calls.close()
        await self._engine.dispose()

    async def check(self) -> None:
        """Raises StoreError unless the database answers."""
        with explained("read from the store"):
            async with asyncio.timeout(2), self._engine.connect() as connection:
                await connection.execute(text("select 1"))


def _check_directory(url: URL) -> None:
    """Before the driver finds out: it would leave a thread behind that complains at exit."""
    if url.get_backend_name() == "sqlite" and url.database:
        directory = Path(url.database).parent
        if not os.access(directory, os.W_OK | os.X_OK):
            why = "may not be written to" if directory.is_dir() else "does not exist"
            raise ConfigError(f"[store] url: the directory {directory} {why}")


def _keep_private(url: URL) -> None:
    """Trunks' passwords lie in the file as they were given. SQLite makes its -wal file alike."""
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).chmod(0o600)


def _pragmas(busy_s: float) -> Any:
    pragmas = (
        f"busy_timeout = {int(busy_s * 1000)}",
        "journal_mode = WAL",  # readers and the writer do not wait for each other
        "synchronous = NORMAL",  # with WAL, a power cut costs the last commits, never the file
        "foreign_keys = ON",
    )

    def on_connect(connection: Any, _: object) -> None:
        try:
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except BaseException:
            connection.close()  # SQLAlchemy does not know it yet
            raise

    return on_connect


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
