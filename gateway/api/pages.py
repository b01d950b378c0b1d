"""Lists by pages, as ``/v2`` has them: ``{"results": [...], "metadata": {...}}``."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from fastapi.responses import Response
from pydantic_core import to_json
from starlette.datastructures import QueryParams

from gateway.api.errors import BadRequest
from gateway.api.listed import answer, array, in_steps
from gateway.api.requests import listing, query_parameters
from gateway.store import Bound

One = TypeVar("One", covariant=True)

_OWN = ("page", "sortOrder", "sortBy", "cursor")
MOST_PAGES = 1_000_000


class Listed(Protocol[One]):
    """A table that pages are cut from."""

    async def list(
        self,
        bounds: Sequence[Bound] = ...,
        limit: int = ...,
        *,
        oldest: bool = ...,
        skip: int = ...,
        **equal: Any,
    ) -> Sequence[One]: ...

    async def count(self, bounds: Sequence[Bound] = ..., **equal: Any) -> int: ...


@dataclass(frozen=True)
class Page:
    """Which page is asked for: by its number, or by the cursor that the one before it named."""

    bounds: list[Bound]
    limit: int
    equal: dict[str, Any]
    number: int = 1
    oldest: bool = False
    cursor: datetime | None = None

    @classmethod
    def asked(cls, query: QueryParams, filters: Mapping[str, str]) -> "Page":
        """What the query of a request asks for. Raises BadRequest."""
        rest = QueryParams([(n, v) for n, v in query.multi_items() if n not in _OWN])
        bounds, limit, equal = listing(rest, dict(filters))
        number, order = query.get("page", "1"), query.get("sortOrder", "DESC")
        found = []
        if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= MOST_PAGES:
            found.append("page must be an integer number not less than 1")
        if order not in ("ASC", "DESC"):
            found.append("sortOrder must be one of the following values: ASC, DESC")
        if query.get("sortBy", "createdAt") != "createdAt":
            found.append("sortBy must be createdAt: this gateway sorts by nothing else")
        if found:
            raise BadRequest(found)
        cursor = _instant(query["cursor"]) if "cursor" in query else None
        return cls(bounds, limit, equal, int(number), order == "ASC", cursor)

    async def of(self, rows: Listed[Any], show: Callable[[Any], dict[str, Any]]) -> Response:
        """The page, shown."""
        bounds = list(self.bounds)
        if self.cursor:
            bounds.append(Bound("created_at", "gt" if self.oldest else "lt", self.cursor))
        skip = 0 if self.cursor else (self.number - 1) * self.limit
        found = await rows.list(bounds, self.limit + 1, oldest=self.oldest, skip=skip, **self.equal)
        total = await rows.count(self.bounds, **self.equal)
        parts, last = [], None
        async for shown in in_steps(found[: self.limit], show):
            parts.append(to_json(shown))
            last = shown["createdAt"]
        more = len(found) > self.limit
        metadata = {
            "itemsPerPage": self.limit,
            "totalItems": total,
            "currentPage": self.number,
            "totalPages": -(-total // self.limit) if self.limit else 0,
            "hasNextPage": more,
            "sortOrder": "ASC" if self.oldest else "DESC",
        }
        if more and last:
            metadata["nextCursor"] = _cursor(last)
        return answer(b'{"results":%b,"metadata":%b}' % (array(parts), to_json(metadata)))


def page_parameters(filters: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What a page is asked for by, for the OpenAPI document."""
    own: dict[str, Any] = {
        "page": {"type": "integer", "minimum": 1, "maximum": MOST_PAGES, "default": 1},
        "sortOrder": {"enum": ["ASC", "DESC"], "default": "DESC"},
        "sortBy": {"enum": ["createdAt"]},
        "cursor": {"type": "string"},
    }
    described = [{"name": n, "in": "query", "schema": schema} for n, schema in own.items()]
    return described + query_parameters(filters)


def _cursor(instant: str) -> str:
    return base64.urlsafe_b64encode(instant.encode()).decode().rstrip("=")


def _instant(cursor: str) -> datetime:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        return datetime.fromisoformat(text)
    except (ValueError, binascii.Error):
        raise BadRequest(["cursor must be the nextCursor of a page"]) from None
