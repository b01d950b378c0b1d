"""Reading requests: bodies against their shapes, and the query of a list. Raises BadRequest."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.datastructures import QueryParams

from gateway.api.errors import ApiError, BadRequest
from gateway.api.shapes import Schema
from gateway.api.shapes.check import problems
from gateway.store import Bound
from gateway.store.rows import Instant, Side
from gateway.store.tables import milliseconds

LARGEST = 4 * 1024 * 1024  # bytes of a body: an assistant with very long prompts has some 200 kB
MOST_LISTED = 1000
LISTED = 100

_SIDES: dict[str, Side] = {"Gt": "gt", "Lt": "lt", "Ge": "ge", "Le": "le"}
_INSTANTS: dict[str, Instant] = {"createdAt": "created_at", "updatedAt": "updated_at"}
_BOUNDS = {
    f"{name}{side}": (column, word)
    for name, column in _INSTANTS.items()
    for side, word in _SIDES.items()
}


async def read_json(request: Request) -> dict[str, Any]:
    """The body, which must be one JSON object; an empty body is an empty object."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise ApiError(413, f"The body is larger than {LARGEST} bytes")
    if not body:
        return {}
    try:
        text = body.decode()
        value = json.loads(text, parse_constant=_no_number)
        if "\\u" in text:  # half a character can be escaped, and neither stored nor sent again
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object")
    if "\\u0000" in text and (found := list(_nul_fields(value))):
        raise BadRequest([f"{field} must not have a NUL character" for field in found])
    return value


def _nul_fields(value: dict[str, Any]) -> Iterator[str]:
    """Where a body has what no text of Postgres may have."""
    left: list[tuple[str, Any]] = list(value.items())
    for name, part in left:  # which grows meanwhile
        if "\0" in name or (isinstance(part, str) and "\0" in part):
            yield name.replace("\0", "\\u0000")
        elif isinstance(part, dict):
            left += [(f"{name}.{inner}", one) for inner, one in part.items()]
        elif isinstance(part, list):
            left += [(f"{name}.{number}", one) for number, one in enumerate(part)]


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not a JSON number")


def checked(schema: Schema, body: dict[str, Any]) -> dict[str, Any]:
    """The body, if it fits."""
    if found := problems(schema, body):
        raise BadRequest(found)
    return body


def check_id(value: str) -> str:
    """An id, in the one spelling that the store knows."""
    try:
        return str(UUID(value))
    except ValueError:
        raise BadRequest(["id must be a UUID"]) from None


def listing(
    query: QueryParams, filters: dict[str, str] | None = None
) -> tuple[list[Bound], int, dict[str, Any]]:
    """Bounds, limit and column values that a list's query asks for.

    ``filters`` maps a parameter to the column that must have its value, or one of its values,
    separated by commas, if the parameter ends in Any. A parameter that is not
    known is refused: a misspelt filter must not answer with everything.
    """
    found: list[str] = []
    bounds: list[Bound] = []
    equal: dict[str, Any] = {}
    limit = LISTED
    for name, value in query.multi_items():
        if "\0" in value:
            found.append(f"{name} must not have a NUL character")
        elif name == "limit":
            if not value.isascii() or not value.isdigit() or int(value) > MOST_LISTED:
                found.append(f"limit must be an integer number from 0 to {MOST_LISTED}")
            else:
                limit = int(value)
        elif name in _BOUNDS:
            try:
                # an unescaped + of a time zone arrives as a space
                at = milliseconds(datetime.fromisoformat(value.replace(" ", "+")))
            except (ValueError, OverflowError):  # the latter: the first or last day, elsewhere
                found.append(f"{name} must be a valid ISO 8601 date string")
            else:
                column, side = _BOUNDS[name]
                bounds.append(Bound(column, side, at))
        elif name in (filters or {}):
            several = name.endswith("Any")
            equal[(filters or {})[name]] = value.split(",") if several else value
        else:
            found.append(f"property {name} should not exist")
    if found:
        raise BadRequest(found)
    return bounds, limit, equal


def no_query(query: QueryParams) -> None:
    """For a list that nothing narrows: a filter that does nothing must not seem to."""
    if query:
        raise BadRequest([f"property {name} should not exist" for name in query])


def query_parameters(filters: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What :func:`listing` reads, for the OpenAPI document."""
    limit: Schema = {"type": "integer", "minimum": 0, "maximum": MOST_LISTED, "default": LISTED}
    instant: Schema = {"type": "string", "format": "date-time"}
    known: dict[str, Schema] = {name: {"type": "string"} for name in filters}
    known |= {"limit": limit, **dict.fromkeys(_BOUNDS, instant)}
    return [{"name": n, "in": "query", "schema": schema} for n, schema in known.items()]
