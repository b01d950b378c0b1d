"""Create, list, read, change, delete: written once, for every kind of resource."""

import operator
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request

from gateway.api.callers import holdings_of
from gateway.api.errors import BadRequest, NotFound
from gateway.api.listed import listed
from gateway.api.pages import Page, page_parameters
from gateway.api.requests import check_id, checked, listing, query_parameters, read_json
from gateway.api.shapes import Schema, reference, shapes
from gateway.api.shapes.check import optional
from gateway.store import Holdings, Stored, Taken
from gateway.store.rows import Containing, Rows

Body = dict[str, Any]

FILTERS = {"idAny": "id"}
READ_ONLY = ("latestVersion", "modelDeprecations")  # ignored when a client sends them back


async def _accept(holdings: Holdings, body: Body) -> None:
    return None


async def _wrote() -> None:
    return None


@dataclass(frozen=True)
class Resource:
    """One kind. ``shape`` names its object among the shapes: one object, or a union.

    ``rows`` finds its table among what an organisation has; ``accept`` sees the whole body before
    it is written and refuses what a shape cannot express; ``shown`` are the body's fields as they
    are shown, with those that only the gateway sets; ``merged`` makes a body of the old one and a
    patch; ``wrote`` is called after every change; ``searched`` are the fields that ``search`` of a
    list by pages looks into; ``filters`` are what else narrows a list, each by a column;
    ``by_pages``: its one list is such a list; ``patchable`` refuses a patch for what the body was
    before, or for what the query says.
    """

    path: str
    name: str
    shape: str
    rows: Callable[[Holdings], Rows]
    accept: Callable[[Holdings, Body], Awaitable[None]] = _accept
    shown: Callable[[Stored], Body] = lambda stored: stored.body
    merged: Callable[[Body, Body], Body] = operator.or_
    searched: tuple[str, ...] = ()
    wrote: Callable[[], Awaitable[None]] = _wrote
    filters: Mapping[str, str] = field(default_factory=lambda: FILTERS)
    by_pages: bool = False
    patchable: Callable[[Body, Body, Mapping[str, str]], None] = lambda before, patch, query: None

    def show(self, stored: Stored) -> Body:
        """The resource as the API shows it."""
        made: Body = {
            "id": stored.id,
            "orgId": stored.org_id,
            "createdAt": instant(stored.created_at),
            "updatedAt": instant(stored.updated_at),
        }
        return made | self.shown(stored)

    def missing(self, resource_id: str) -> NotFound:
        return NotFound(f"{self.name} {resource_id} does not exist")


def instant(at: datetime | None) -> str | None:
    """ISO 8601 with milliseconds and Z."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def routes(resource: Resource) -> APIRouter:
    """The five routes of a resource."""
    router = APIRouter(prefix=f"/{resource.path}", tags=[resource.name])
    schema = reference(resource.shape)
    described = body_of(resource.shape)

    @router.post("", status_code=201, openapi_extra=described, summary="create")
    async def create(request: Request) -> Any:
        body = _writable(await read_json(request))
        checked(schema, body)
        holdings = holdings_of(request)
        await resource.accept(holdings, body)
        try:
            stored = await resource.rows(holdings).create(body)
        except Taken as error:
            raise BadRequest(_taken(error)) from error
        await resource.wrote()
        return resource.show(stored)

    (_list_by_pages if resource.by_pages else _list_all)(router, resource)

    @router.get("/{resource_id}", summary="read")
    async def read(resource_id: str, request: Request) -> Any:
        stored = await resource.rows(holdings_of(request)).get(check_id(resource_id))
        if stored is None:
            raise resource.missing(resource_id)
        return resource.show(stored)

    @router.patch("/{resource_id}", openapi_extra=described, summary="change")
    async def update(resource_id: str, request: Request) -> Any:
        resource_id = check_id(resource_id)
        patch = _writable(await read_json(request))
        holdings = holdings_of(request)
        rows = resource.rows(holdings)
        before = await rows.get(resource_id)
        if before is None:
            raise resource.missing(resource_id)
        checked(_patch_schema(schema, before.body, patch), patch)
        resource.patchable(before.body, patch, request.query_params)
        await resource.accept(holdings, resource.merged(before.body, patch))
        try:
            stored = await rows.update(resource_id, lambda body: resource.merged(body, patch))
        except Taken as error:
            raise BadRequest(_taken(error)) from error
        if stored is None:
            raise resource.missing(resource_id)
        await resource.wrote()
        return resource.show(stored)

    @router.delete("/{resource_id}", summary="delete")
    async def delete(resource_id: str, request: Request) -> Any:
        stored = await resource.rows(holdings_of(request)).delete(check_id(resource_id))
        if stored is None:
            raise resource.missing(resource_id)
        await resource.wrote()
        return resource.show(stored)

    return router


def paged(resource: Resource) -> APIRouter:
    """``/v2/...``: the same list, by pages."""
    router = APIRouter(prefix=f"/v2/{resource.path}", tags=[resource.name])
    _list_by_pages(router, resource)
    return router


def _list_all(router: APIRouter, resource: Resource) -> None:
    filters = dict(resource.filters)

    @router.get("", openapi_extra={"parameters": query_parameters(tuple(filters))}, summary="list")
    async def list_(request: Request) -> Any:
        bounds, limit, equal = listing(request.query_params, filters)
        rows = resource.rows(holdings_of(request))
        return await listed(await rows.list(bounds, limit, **equal), resource.show)


def _list_by_pages(router: APIRouter, resource: Resource) -> None:
    filters = {**resource.filters, **({"search": "body"} if resource.searched else {})}
    described = {"parameters": page_parameters(tuple(filters))}

    @router.get("", openapi_extra=described, summary="list by pages")
    async def list_(request: Request) -> Any:
        page = Page.asked(request.query_params, filters)
        if "body" in page.equal:
            page.equal["body"] = Containing(resource.searched, page.equal["body"])
        return await page.of(resource.rows(holdings_of(request)), resource.show)


def body_of(shape: str) -> dict[str, Any]:
    """The request body, for the OpenAPI document."""
    where = {"$ref": f"#/components/schemas/{shape}"}
    return {"requestBody": {"content": {"application/json": {"schema": where}}}}


def _writable(body: Body) -> Body:
    return {name: value for name, value in body.items() if name not in READ_ONLY}


def _patch_schema(schema: Schema, before: Body, patch: Body) -> Schema:
    """Of a union, the member that the resource is: a patch cannot make another of it."""
    union = shapes()[schema["$ref"].rpartition("/")[2]].get("discriminator")
    if union is None:
        return optional(schema)
    field = union["propertyName"]
    if patch.get(field, before[field]) != before[field]:
        raise BadRequest([f"{field} cannot be changed: it is {before[field]}"])
    return optional({"$ref": union["mapping"][before[field]]})


def _taken(error: Taken) -> list[str]:
    field = "sipUri" if "sip_uri" in str(error) else "a value"
    return [f"{field} is already in use by another resource"]
