"""What can go wrong with the store, in words for the operator."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from gateway.errors import GatewayError


class StoreError(GatewayError):
    """The database did not do its part; ``str()`` says why, and what to do where that is known."""


class Taken(GatewayError):
    """Another row has this value, which must be unique."""


# What SQLite's and Postgres's own words mean for the operator.
_MEANINGS = (
    ("database or disk is full", "the disk is full: free some space"),
    ("No space left", "the disk is full: free some space"),
    ("database is locked", "the database is locked by another process"),
    ("readonly database", "the database file is read-only: check its owner and mode"),
    ("unable to open", "the database file cannot be opened: check its directory, owner and mode"),
    ("disk I/O error", "the disk failed: see the kernel's log"),
    ("malformed", "the database file is damaged: restore a copy"),
    ("not a database", "the file is not an SQLite database"),
    ("refused", "the database server refuses connections"),
    ("QueuePool limit", "the database is too slow for what is asked of it"),
)


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turns the database's exceptions into StoreError and Taken."""
    try:
        yield
    except IntegrityError as error:
        raise Taken(f"{doing}: {error.orig}") from error
    except (SQLAlchemyError, OSError) as error:
        raw = str(getattr(error, "orig", None) or error) or "the database does not answer"
        meaning = next((m for sign, m in _MEANINGS if sign in raw), raw)
        raise StoreError(f"{doing}: {meaning}") from error
