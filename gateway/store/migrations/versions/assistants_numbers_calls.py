"""Assistants, phone numbers and calls."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    _table("assistants", sa.Column("body", JSON, nullable=False))
    _table(
        "phone_numbers",
        sa.Column("body", JSON, nullable=False),
        sa.Column("assistant_id", sa.String(36)),
        sa.Column("number", sa.String(40)),
        sa.Column("sip_uri", sa.String(255)),
        sa.Column("sip_user", sa.String(255)),
        sa.UniqueConstraint("sip_uri", name="uq_phone_numbers_sip_uri"),
    )
    _table(
        "calls",
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("assistant_id", sa.String(36)),
        sa.Column("phone_number_id", sa.String(36)),
        sa.Column("record", JSON, nullable=False),
        sa.Column("papers", JSON, nullable=False),
    )
    for table, column in (
        ("phone_numbers", "number"),
        ("phone_numbers", "sip_user"),
        ("calls", "assistant_id"),
        ("calls", "phone_number_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table in ("calls", "phone_numbers", "assistants"):
        op.drop_table(table)


def _table(name: str, *columns: Any) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        *columns,
    )
    op.create_index(f"ix_{name}_org_id_{name}_created_at", name, ["org_id", "created_at"])
