"""The tables that the migrations make are the tables that the code expects."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from gateway.errors import ConfigError
from gateway.store import Store
from gateway.store.tables import METADATA

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_from_empty_the_migrations_make_exactly_what_the_code_declares(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), METADATA))

    assert await store._connections.write(differences) == []


async def test_a_second_start_keeps_what_is_there(url: str) -> None:
    first = Store(url)
    await first.start()
    made = await first.assistants.create({"name": "kept"})
    await first.close()
    second = Store(url)
    await second.start()
    assert await second.assistants.get(made.id) == made
    await second.close()


@on_sqlite
async def test_sqlite_writes_ahead_and_waits(store: Store, tmp_path: Path) -> None:
    with sqlite3.connect(f"{tmp_path}/kept.db") as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()


@on_sqlite
async def test_a_database_from_a_newer_version_is_refused_by_name(
    store: Store, url: str, tmp_path: Path
) -> None:
    with sqlite3.connect(f"{tmp_path}/kept.db") as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    connection.close()
    with pytest.raises(ConfigError, match="newer trunkline"):
        await Store(url).start()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "parse"),
        ("mongodb://host/db", "mongodb"),
        ("sqlite:////no/such/directory/kept.db", "does not exist"),
    ],
)
async def test_a_url_that_cannot_be_used_names_its_key(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"\[store\] url.*" + said):
        await Store(url).start()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept.db").write_text("this is a letter, and a long one at that" * 100)
    with pytest.raises(ConfigError, match="not an SQLite database"):
        await Store(f"sqlite:///{tmp_path}/kept.db").start()


@pytest.mark.parametrize("table", METADATA.sorted_tables, ids=lambda table: table.name)
def test_postgres_keeps_json_as_jsonb_and_instants_with_their_zone(table: object) -> None:
    written = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[arg-type]
    assert " JSON " not in written
    assert ("JSONB" in written) == ("TIMESTAMP WITH TIME ZONE" in written)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
async def test_postgres_is_known_by_its_usual_names(scheme: str) -> None:
    store = Store(f"{scheme}://somebody@127.0.0.1:1/nothing")
    with pytest.raises(
        ConfigError, match=r"\[store\] url postgresql\+asyncpg:.*Connect call failed"
    ):
        await store.start()


def test_another_database_is_not_known() -> None:
    with pytest.raises(ConfigError, match="mysql is not known here"):
        Store("mysql://somebody@127.0.0.1/nothing")
