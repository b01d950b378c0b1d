"""From every earlier version of the tables: what was in them is there afterwards."""

from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from cryptography.fernet import Fernet
from sqlalchemy import JSON, Boolean, Column, Connection, DateTime, MetaData, select

from gateway.store import Store
from gateway.store.database import MIGRATIONS
from gateway.store.vault import Vault

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
BODY = {
    "id": "x", "name": "né", "provider": "openai", "apiKey": "hush", "token": "hush",
    "callId": "x", "status": "ended", "nothing": None, "number": 0.5, "list": [1, {"a": []}],
}  # fmt: skip


def config(connection: Connection) -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.attributes["connection"] = connection
    made.attributes["vault"] = None
    return made


REVISIONS = [
    one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions() if not one.is_head
]


def value(column: Column[Any]) -> Any:
    match column.type:
        case JSON():
            return BODY
        case DateTime():
            return AT
        case Boolean():
            return True
    return f"{column.table.name}-{column.name}"[:20]


def rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Everything, by table, as the database itself tells what it has."""
    known = MetaData()
    known.reflect(connection)
    return {
        table.name: [dict(row._mapping) for row in connection.execute(select(table))]
        for table in known.sorted_tables
        if table.name not in ("alembic_version", "marks")
    }


@pytest.mark.parametrize("revision", REVISIONS)
async def test_what_an_earlier_version_kept_is_there_after_the_upgrade(
    database_url: str, revision: str
) -> None:
    def as_it_was(connection: Connection) -> dict[str, list[dict[str, Any]]]:
        command.downgrade(config(connection), "base")
        command.upgrade(config(connection), revision)
        known = MetaData()
        known.reflect(connection)
        for table in known.sorted_tables:
            if table.name not in ("alembic_version", "marks"):
                connection.execute(table.insert().values({c.name: value(c) for c in table.c}))
        return rows(connection)

    old = Store(database_url)
    await old.start()
    before = await old._connections.write(as_it_was)
    await old.close()
    assert all(len(found) == 1 for found in before.values())

    vault = Vault(Fernet.generate_key())
    new = Store(database_url, vault=vault)
    await new.start()
    after = await new._connections.write(rows)
    for table, (row,) in before.items():
        (kept,) = after[table]
        assert {name: vault.open(kept[name]) for name in row} == row, table
        if revision < "0003" and "body" in kept:
            assert "hush" not in str(kept["body"]), "what is sealed now is sealed then, too"
    await new.close()
