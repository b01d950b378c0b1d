"""Credentials: trunks that were made through the API."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "credentials",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
    )
    op.create_index("ix_credentials_provider", "credentials", ["provider"])
    op.create_index("ix_credentials_org_id_credentials_created_at", "credentials",
                    ["org_id", "created_at"])  # fmt: skip


def downgrade() -> None:
    op.drop_table("credentials")
