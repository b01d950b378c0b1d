"""Structured outputs and scorecards that are saved, not written in an assistant."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for name, *more in (("structured_outputs", sa.Column("name", sa.String(40))), ("scorecards",)):
        op.create_table(
            name,
            sa.Column("id", sa.String(36), primary_key=True),
            sa.Column("org_id", sa.String(36), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("body", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
            *more,
        )
        op.create_index(f"ix_{name}_org_id_{name}_created_at", name, ["org_id", "created_at"])


def downgrade() -> None:
    op.drop_table("scorecards")
    op.drop_table("structured_outputs")
