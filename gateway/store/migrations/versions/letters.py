"""Server messages that nobody took."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "letters",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("call_id", sa.String(36), nullable=False),
    )
    op.create_index("ix_letters_org_id_letters_created_at", "letters", ["org_id", "created_at"])
    op.create_index("ix_letters_call_id", "letters", ["call_id"])


def downgrade() -> None:
    op.drop_table("letters")
