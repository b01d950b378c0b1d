"""Squads, tools, files, organisations and API keys; secrets are sealed."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TABLES: dict[str, list[sa.Column[Any]]] = {
    "squads": [],
    "tools": [],
    "files": [sa.Column("purpose", sa.String(40))],
    "orgs": [],
    "keys": [sa.Column("digest", sa.String(64), nullable=False)],
}
FLAGS = ("has_sound", "has_words")
SECRETIVE = {
    "assistants": ["body"],
    "phone_numbers": ["body"],
    "credentials": ["body"],
    "calls": ["record", "papers"],
}


def upgrade() -> None:
    for name, columns in TABLES.items():
        unique = [sa.UniqueConstraint("digest", name="uq_keys_digest")] if name == "keys" else []
        op.create_table(
            name,
            sa.Column("id", sa.String(36), primary_key=True),
            sa.Column("org_id", sa.String(36), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("body", JSON, nullable=False),
            *columns,
            *unique,
        )
        op.create_index(f"ix_{name}_org_id_{name}_created_at", name, ["org_id", "created_at"])
    op.create_index("ix_files_purpose", "files", ["purpose"])
    op.create_table(
        "marks",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.Text),
    )
    with op.batch_alter_table("calls") as calls:
        for flag in FLAGS:  # of calls that are there already, retention finds it out
            calls.add_column(sa.Column(flag, sa.Boolean, nullable=False, server_default=sa.true()))
    with op.batch_alter_table("calls") as calls:
        for flag in FLAGS:
            calls.alter_column(flag, server_default=None)
            calls.create_index(f"ix_calls_{flag}", [flag])
    _seal()


def _seal() -> None:
    vault = context.config.attributes.get("vault")
    if vault is None:
        return
    connection = op.get_bind()
    for name, columns in SECRETIVE.items():
        table = sa.table(name, sa.column("id"), *(sa.column(c, JSON) for c in columns))
        # Ids first: what is read while it is written may be read twice.
        for row_id in connection.execute(sa.select(table.c.id)).scalars().all():
            row = connection.execute(sa.select(table).where(table.c.id == row_id)).one()
            found = {c: getattr(row, c) for c in columns}
            sealed = {c: vault.seal(value) for c, value in found.items()}
            if json.dumps(sealed) != json.dumps(found):
                connection.execute(sa.update(table).where(table.c.id == row_id).values(sealed))


def downgrade() -> None:
    """Secrets stay sealed."""
    with op.batch_alter_table("calls") as calls:
        for flag in FLAGS:
            calls.drop_index(f"ix_calls_{flag}")
            calls.drop_column(flag)
    for table in ("marks", *reversed(TABLES)):
        op.drop_table(table)
