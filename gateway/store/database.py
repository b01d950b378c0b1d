"""The store: one database, opened, brought up to date, and closed."""

import asyncio
import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, insert, make_url, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from gateway.errors import ConfigError
from gateway.store.calls import Calls
from gateway.store.connections import Connections, File, Server
from gateway.store.errors import StoreError, explained
from gateway.store.numbers import PhoneNumbers
from gateway.store.rows import Rows
from gateway.store.tables import (
    assistants,
    credentials,
    files,
    keys,
    letters,
    marks,
    orgs,
    scorecards,
    squads,
    structured_outputs,
    tools,
)
from gateway.store.vault import FILE, Vault

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Holdings:
    """What one organisation has in the store."""

    org_id: str
    assistants: Rows
    squads: Rows
    tools: Rows
    files: Rows
    phone_numbers: PhoneNumbers
    credentials: Rows
    keys: Rows
    calls: Calls
    letters: Rows
    structured_outputs: Rows
    scorecards: Rows


class Store:
    """One database. Its tables of resources are as the operator's organisation sees them, its
    calls are everybody's; ``of`` gives what any one organisation has.

    ``url`` is an SQLAlchemy URL with an async driver; ``busy_s`` is how long SQLite waits for
    another process that is writing; without a ``vault`` secrets are kept as they were given.
    Raises ConfigError when the URL cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        busy_s: float = 5.0,
        retry_s: float = 1.0,
        vault: Vault | None = None,
    ) -> None:
        try:
            where = _with_driver(make_url(url))
            private = where.get_backend_name() == "sqlite"
            made: Connections = File(where, _pragmas(busy_s)) if private else Server(where)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ConfigError(f"[store] url: {error}") from None
        self._connections = made
        self._vault = vault
        self.assistants = Rows(made, assistants, vault=vault)
        self.squads = Rows(made, squads, vault=vault)
        self.tools = Rows(made, tools, vault=vault)
        self.files = Rows(made, files, lambda b: {"purpose": b.get("purpose")}, vault)
        self.phone_numbers = PhoneNumbers(made, vault)
        self.credentials = Rows(
            made, credentials, lambda body: {"provider": body["provider"]}, vault
        )
        self.letters = Rows(made, letters, lambda b: {"call_id": b["callId"]}, vault)
        self.structured_outputs = Rows(
            made, structured_outputs, lambda body: {"name": body["name"]}, vault
        )
        self.scorecards = Rows(made, scorecards, vault=vault)
        self.orgs = Rows(made, orgs, vault=vault)
        self.keys = Rows(made, keys, lambda body: {"digest": digest(body["token"])}, vault)
        self.calls = Calls(made, retry_s, vault)
        self._holdings: dict[str, Holdings] = {}  # made for the first request

    def of(self, org_id: str) -> Holdings:
        if org_id not in self._holdings:
            self._holdings[org_id] = self._of(org_id)
        return self._holdings[org_id]

    def _of(self, org_id: str) -> Holdings:
        return Holdings(
            org_id,
            self.assistants.of(org_id),
            self.squads.of(org_id),
            self.tools.of(org_id),
            self.files.of(org_id),
            self.phone_numbers.of(org_id),
            self.credentials.of(org_id),
            self.keys.of(org_id),
            self.calls.of(org_id),
            self.letters.of(org_id),
            self.structured_outputs.of(org_id),
            self.scorecards.of(org_id),
        )

    @property
    def private(self) -> bool:
        """A file of ours, which no other gateway uses."""
        return self._connections.url.get_backend_name() == "sqlite"

    async def start(self) -> None:
        """Bring the tables up to date and begin to write. Raises ConfigError."""
        _check_directory(self._connections.url)
        try:
            with explained(f"[store] url {self._connections.url!r}"):
                await self._connections.write(self._bring_up_to_date)
        except ConfigError:
            await self._connections.close()
            raise
        except StoreError as error:
            await self._connections.close()
            raise ConfigError(str(error)) from None
        except CommandError as error:
            await self._connections.close()
            raise ConfigError(
                f"[store] url {self._connections.url!r}: the database was made by a newer "
                f"trunkline ({error}); use that version or another database"
            ) from None
        _keep_private(self._connections.url)
        self.calls.start()

    async def close(self) -> None:
        """Write what is waiting, then let go of the database."""
        await self.calls.close()
        await self._connections.close()

    async def check(self) -> None:
        """Raises StoreError unless the database answers."""
        with explained("read from the store"):
            async with asyncio.timeout(2):
                await self._connections.read(select(1))

    def _bring_up_to_date(self, connection: Connection) -> None:
        _migrate(connection, self._vault)
        _check_key(connection, self._vault)


def _with_driver(url: URL) -> URL:
    """``postgres://`` is how Postgres itself and those who host it write it. Raises ConfigError."""
    if url.drivername in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+asyncpg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(f"[store] url: {url.drivername} is not known here, postgresql is")
    return url


def _check_directory(url: URL) -> None:
    """Before the driver finds out: it would leave a thread behind that complains at exit."""
    if url.get_backend_name() == "sqlite" and url.database:
        directory = Path(url.database).parent
        if not os.access(directory, os.W_OK | os.X_OK):
            why = "may not be written to" if directory.is_dir() else "does not exist"
            raise ConfigError(f"[store] url: the directory {directory} {why}")


def _keep_private(url: URL) -> None:
    """Conversations lie in the file as they were held. SQLite makes its -wal file alike."""
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


def digest(key: str) -> str:
    """What an API key is found by."""
    return hashlib.sha256(key.encode()).hexdigest()


def _migrate(connection: Connection, vault: Vault | None) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["vault"] = vault
    command.upgrade(config, "head")


def _check_key(connection: Connection, vault: Vault | None) -> None:
    """A lost key is found out now, and not when a secret is needed. Raises ConfigError."""
    if vault is None:
        return
    mark = connection.execute(select(marks.c.value).where(marks.c.name == "vault")).scalar()
    if mark is None:
        sealed = vault.seal({"secret": "known"})["secret"]
        connection.execute(insert(marks).values(name="vault", value=sealed))
        return
    try:
        vault.open({"secret": mark})
    except StoreError:
        raise ConfigError(
            f"the secrets in this database were sealed with another {FILE} than the one in the "
            "state directory; bring that file back (gateways that share a database share it)"
        ) from None
