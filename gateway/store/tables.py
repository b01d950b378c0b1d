"""What is kept, as tables that SQLite and Postgres both understand.

A resource's JSON is kept whole, as its owner wrote it; only what is searched for has a column.
Every row belongs to an organisation.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import JSONB

THE_ORG = str(uuid5(NAMESPACE_DNS, "trunkline"))  # the operator's organisation

_ID = String(36)
LONGEST_NUMBER = 40  # digits
LONGEST_URI = 255  # characters of user@host


class Moment(TypeDecorator[datetime]):
    """An instant with milliseconds, which is what the API shows: a page that starts after the
    last instant shown must not lose what lay within the same millisecond."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        at = milliseconds(value)
        return at.replace(tzinfo=None) if dialect.name == "sqlite" else at

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and not value.tzinfo else value


def milliseconds(at: datetime) -> datetime:
    """The instant in UTC, cut to whole milliseconds; a naive one is taken to be UTC already."""
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _json() -> Any:
    return JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


METADATA = MetaData(
    naming_convention={"ix": "ix_%(column_0_N_label)s", "uq": "uq_%(table_name)s_%(column_0_name)s"}
)


def _kept(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(
        name,
        METADATA,
        Column("id", _ID, primary_key=True),
        Column("org_id", _ID, nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("updated_at", Moment, nullable=False),
        *columns,
        Index(None, "org_id", "created_at"),
    )


assistants = _kept(
    "assistants",
    Column("body", _json(), nullable=False),
)

phone_numbers = _kept(
    "phone_numbers",
    Column("body", _json(), nullable=False),
    Column("assistant_id", _ID),
    Column("number", String(LONGEST_NUMBER), index=True),  # digits only
    Column("sip_uri", String(LONGEST_URI), unique=True),  # user@host, in lower case
    Column("sip_user", String(LONGEST_URI), index=True),
)

credentials = _kept(
    "credentials",
    Column("body", _json(), nullable=False),
    Column("provider", String(40), nullable=False, index=True),
)

calls = _kept(
    "calls",
    Column("status", String(20), nullable=False),
    Column("assistant_id", _ID, index=True),
    Column("phone_number_id", _ID, index=True),
    # Whether there is something for retention to delete.
    Column("has_sound", Boolean, nullable=False, index=True),
    Column("has_words", Boolean, nullable=False, index=True),
    Column("record", _json(), nullable=False),
    Column("papers", _json(), nullable=False),
)

squads = _kept("squads", Column("body", _json(), nullable=False))

tools = _kept("tools", Column("body", _json(), nullable=False))

structured_outputs = _kept(
    "structured_outputs",
    Column("body", _json(), nullable=False),
    Column("name", String(40)),
)

scorecards = _kept("scorecards", Column("body", _json(), nullable=False))

files = _kept(
    "files",
    Column("body", _json(), nullable=False),
    Column("purpose", String(40), index=True),
)

orgs = _kept("orgs", Column("body", _json(), nullable=False))

keys = _kept(
    "keys",
    Column("body", _json(), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256 of the key, in hex
)

# Server messages that nobody took.
letters = _kept(
    "letters",
    Column("body", _json(), nullable=False),
    Column("call_id", _ID, nullable=False, index=True),
)

# What is true of the whole database.
marks = Table(
    "marks", METADATA, Column("name", String(40), primary_key=True), Column("value", Text)
)
