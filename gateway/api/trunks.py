"""``/trunk``: how each trunk is doing. Ours, not documented elsewhere; read only. An organisation
sees its own, the operator all."""

import time
from typing import Any

from fastapi import APIRouter, Request

from gateway.api.callers import Caller, caller_of
from gateway.api.errors import NotFound
from gateway.api.requests import no_query
from gateway.trunks.book import Trunks
from gateway.trunks.limits import Channels
from gateway.trunks.trunk import Trunk


def routes(trunks: Trunks) -> APIRouter:
    router = APIRouter(prefix="/trunk", tags=["Trunk"])

    @router.get("", summary="list")
    async def list_(request: Request) -> Any:
        no_query(request.query_params)
        caller = caller_of(request)
        return [show(trunk, time.monotonic()) for trunk in trunks if _may_see(caller, trunk)]

    @router.get("/{name}", summary="read")
    async def read(name: str, request: Request) -> Any:
        trunk = trunks.named(name)
        if trunk is None or not _may_see(caller_of(request), trunk):
            raise NotFound(f"Trunk {name} does not exist")
        return show(trunk, time.monotonic())

    return router


def _may_see(caller: Caller, trunk: Trunk) -> bool:
    return caller.operator or trunk.org_id == caller.org_id


def show(trunk: Trunk, now: float) -> dict[str, Any]:
    """``name`` is the credential's id, for a trunk of the API."""
    return {
        "name": trunk.name,
        "origin": trunk.origin,
        "registration": _registration(trunk, now),
        "gateways": [
            {
                "host": gateway.host,
                "port": gateway.settings.port,
                "transport": gateway.settings.transport,
                "priority": gateway.settings.priority,
                "weight": gateway.settings.weight,
                "state": gateway.health.state.value,
                "lastFailure": gateway.health.why or None,
            }
            for gateway in trunk.gateways
        ],
        "inbound": _channels(trunk.inbound),
        "outbound": _channels(trunk.outbound),
    }


def _registration(trunk: Trunk, now: float) -> dict[str, Any] | None:
    registration = trunk.registration
    if registration is None:
        return None
    host, port = registration.hop.address
    return {
        "state": registration.state.value,
        "registrar": f"{host}:{port}",
        "user": registration.account.user,
        "expiresInSeconds": max(0, round(registration.until - now))
        if registration.registered
        else None,
        "failures": registration.failures,
        "lastFailure": registration.why or None,
    }


def _channels(channels: Channels) -> dict[str, Any]:
    return {
        "calls": channels.used,
        "limit": channels.most or None,
        "callsPerSecond": channels.per_second or None,
    }
