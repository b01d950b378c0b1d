"""``/token`` and ``/org``: API keys, and the organisations that they open.

A key is shown once, when it is made. The operator's key alone makes organisations, and keys for
others than its own.
"""

import secrets
from typing import Any

from fastapi import APIRouter, Request

from gateway.api.callers import Caller, Forbidden, caller_of
from gateway.api.errors import BadRequest, NotFound
from gateway.api.phone_numbers import exists
from gateway.api.requests import check_id, checked, listing, query_parameters, read_json
from gateway.api.resources import Body, Resource, body_of
from gateway.api.shapes import reference
from gateway.store import Holdings, Store, Stored
from gateway.store.tables import THE_ORG

TOKENS = Resource(
    path="token",
    name="Token",
    shape="CreateTokenDto",
    rows=lambda holdings: holdings.keys,
    shown=lambda stored: {n: v for n, v in stored.body.items() if n != "token"},
)


def tokens(store: Store) -> APIRouter:
    router = APIRouter(prefix="/token", tags=["Token"])

    async def whose(caller: Caller, org_id: str | None) -> Holdings:
        if org_id in (None, caller.org_id):
            return caller.holdings
        if not caller.operator:
            raise Forbidden("Only the operator's key may make keys of other organisations")
        if org_id != THE_ORG and not await exists(store.orgs, str(org_id)):
            raise BadRequest([f"orgId {org_id} does not exist"])
        return store.of(str(org_id))

    @router.post("", status_code=201, openapi_extra=body_of("CreateTokenDto"), summary="create")
    async def create(request: Request) -> Any:
        """The answer is the only one that has the key, as ``value``."""
        body = checked(reference("CreateTokenDto"), await read_json(request))
        given = {name: value for name, value in body.items() if value is not None}
        if caller_of(request).restricted:
            raise Forbidden("A restricted key may not make keys")
        holdings = await whose(caller_of(request), given.pop("orgId", None))
        value = secrets.token_urlsafe(32)
        made = await holdings.keys.create({"tag": "private", **given, "token": value})
        return TOKENS.show(made) | {"value": value}

    @router.get("", openapi_extra={"parameters": query_parameters()}, summary="list")
    async def list_(request: Request) -> Any:
        bounds, limit, _ = listing(request.query_params)
        caller = caller_of(request)
        rows = caller.holdings.keys.of(None if caller.operator else caller.org_id)
        return [TOKENS.show(stored) for stored in await rows.list(bounds, limit)]

    @router.get("/{token_id}", summary="read")
    async def read(token_id: str, request: Request) -> Any:
        stored = await caller_of(request).holdings.keys.get(check_id(token_id))
        if stored is None:
            raise TOKENS.missing(token_id)
        return TOKENS.show(stored)

    @router.delete("/{token_id}", summary="revoke")
    async def delete(token_id: str, request: Request) -> Any:
        caller = caller_of(request)
        rows = caller.holdings.keys.of(None if caller.operator else caller.org_id)
        stored = await rows.delete(check_id(token_id))
        if stored is None:
            raise TOKENS.missing(token_id)
        return TOKENS.show(stored)

    return router


def orgs(store: Store) -> APIRouter:
    router = APIRouter(prefix="/org", tags=["Org"])

    def show(stored: Stored) -> Body:
        shown = Resource("org", "Org", "CreateOrgDto", lambda holdings: holdings.keys).show(stored)
        del shown["orgId"]
        return shown

    def operator(request: Request) -> None:
        if not caller_of(request).operator:
            raise Forbidden("Only the operator's key may do this")

    @router.post("", status_code=201, openapi_extra=body_of("CreateOrgDto"), summary="create")
    async def create(request: Request) -> Any:
        operator(request)
        body = checked(reference("CreateOrgDto"), await read_json(request))
        return show(await store.orgs.create(body))

    @router.get("", openapi_extra={"parameters": query_parameters()}, summary="list")
    async def list_(request: Request) -> Any:
        operator(request)
        bounds, limit, _ = listing(request.query_params)
        return [show(stored) for stored in await store.orgs.list(bounds, limit)]

    @router.get("/{org_id}", summary="read")
    async def read(org_id: str, request: Request) -> Any:
        caller, org_id = caller_of(request), check_id(org_id)
        stored = await store.orgs.get(org_id)
        if stored is None or not (caller.operator or caller.org_id == org_id):
            raise NotFound(f"Org {org_id} does not exist")
        return show(stored)

    @router.delete("/{org_id}", summary="delete")
    async def delete(org_id: str, request: Request) -> Any:
        """Delete an organisation, and with it its keys: what it has can be reached no more."""
        operator(request)
        stored = await store.orgs.delete(check_id(org_id))
        if stored is None:
            raise NotFound(f"Org {org_id} does not exist")
        keys = store.of(stored.id).keys
        while found := await keys.list():
            for key in found:
                await keys.delete(key.id)
        return show(stored)

    return router
