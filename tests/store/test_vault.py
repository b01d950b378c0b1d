"""What was given in confidence cannot be read out of the database."""

import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection, text

from gateway.errors import ConfigError
from gateway.store import Store, StoreError
from gateway.store.vault import Vault, vault_in

SECRETS: dict[str, Any] = {
    "provider": "webhook",
    "authenticationPlan": {"token": "hush-1", "headerName": "X-Key"},
    "outboundAuthenticationPlan": {"authUsername": "me", "authPassword": "hush-2"},
    "credentials": [{"provider": "openai", "apiKey": "hush-3"}, {"openAIKey": "hush-4"}],
    "server": {"url": "https://example.org", "headers": {"X-Any": "hush-5"}, "secret": "hush-6"},
    "maxTokens": 100,
    "name": "sealed:is just a name",
}


async def raw(store: Store, table: str) -> str:
    def read(connection: Connection) -> str:
        rows = connection.execute(text(f"select * from {table}"))
        return str([tuple(row) for row in rows])  # a Row shortens what it shows

    return await store._connections.write(read)


async def test_secrets_are_sealed_and_read_back_as_they_were(database_url: str) -> None:
    store = Store(database_url, vault=Vault(Fernet.generate_key()))
    await store.start()
    made = await store.credentials.create(SECRETS)
    at = "2026-01-02T03:04:05Z"
    record = {"id": "a", "status": "ended", "created_at": at, "updated_at": at}
    store.calls.save(record, {"assistant": SECRETS})
    await store.calls.flush()
    changed = await store.credentials.update(made.id, lambda body: body | {"name": "N"})
    read = await store.credentials.get(made.id)
    assert read == changed
    assert read is not None
    assert read.body == SECRETS | {"name": "N"}
    call = await store.calls.get("a")
    assert call is not None
    assert call.papers == {"assistant": SECRETS}
    for table in ("credentials", "calls"):
        kept = await raw(store, table)
        assert "hush" not in kept
        assert "X-Key" in kept
    await store.close()


async def test_what_was_plain_is_sealed_by_the_migration(database_url: str, tmp_path: Path) -> None:
    """Which runs once: so the database is put back to before it."""
    store = Store(database_url)
    await store.start()
    made = await store.credentials.create(SECRETS)
    from alembic import command
    from alembic.config import Config

    from gateway.store.database import MIGRATIONS

    def back(connection: Any) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")

    await store._connections.write(back)
    assert "hush-1" in await raw(store, "credentials")
    await store.close()
    store = Store(database_url, vault=Vault(Fernet.generate_key()))
    await store.start()
    assert "hush" not in await raw(store, "credentials")
    read = await store.credentials.get(made.id)
    assert read is not None
    assert read.body == SECRETS
    await store.close()


async def test_another_key_is_found_out_at_the_start(database_url: str) -> None:
    first = Store(database_url, vault=Vault(Fernet.generate_key()))
    await first.start()
    made = await first.credentials.create(SECRETS)
    await first.close()
    other = Vault(Fernet.generate_key())
    with pytest.raises(ConfigError, match=r"secrets\.key"):
        await Store(database_url, vault=other).start()
    second = Store(database_url)
    await second.start()
    kept = await second.credentials.get(made.id)
    assert kept is not None
    with pytest.raises(StoreError, match=r"secrets\.key"):
        other.open(kept.body)
    await second.close()


def test_the_key_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    sealed = vault_in(tmp_path).seal({"apiKey": "x"})
    assert vault_in(tmp_path).open(sealed) == {"apiKey": "x"}
    assert stat.S_IMODE((tmp_path / "secrets.key").stat().st_mode) == 0o600
    (tmp_path / "secrets.key").write_text("no key")
    with pytest.raises(ConfigError, match="holds no key"):
        vault_in(tmp_path)
    with pytest.raises(ConfigError, match=r"secrets\.key"):
        vault_in(tmp_path / "nowhere")
