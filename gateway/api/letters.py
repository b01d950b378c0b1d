"""``/undelivered``: server messages that nobody took, to be looked at and sent again.

Ours, not the documented API's: there, what a server missed is gone.
"""

import json
from typing import Any

from fastapi import APIRouter, Request

from gateway.api.callers import holdings_of
from gateway.api.errors import ApiError, NotFound
from gateway.api.requests import check_id, listing, query_parameters
from gateway.api.resources import instant
from gateway.api.targets import Targets
from gateway.api.wire import FAILURES, Wire, reason
from gateway.store import Store, Stored

Json = dict[str, Any]

FILTERS = {"callId": "call_id"}


class Letters:
    def __init__(self, store: Store, wire: Wire, targets: Targets) -> None:
        self._store, self._wire, self._targets = store, wire, targets

    async def keep(self, org_id: str, call_id: str, type_: str, body: bytes, why: str) -> None:
        """Raises StoreError."""
        kept = {"callId": call_id, "type": type_, "message": json.loads(body), "why": why}
        await self._rows(org_id).create(kept)

    def _rows(self, org_id: str) -> Any:
        return self._store.of(org_id).letters if org_id else self._store.letters

    async def send(self, stored: Stored) -> None:
        """Try again, to the server that the call's assistant named; then it is no longer kept.
        Raises ApiError 502 if it is still not taken."""
        call = await self._store.calls.get(stored.body["callId"])
        where = self._targets.of_call(call.papers, stored.org_id) if call else None
        if where is None:
            raise NotFound(f"Call {stored.body['callId']} is gone, and with it where to send this")
        try:
            content = json.dumps(stored.body["message"]).encode()
            status, _ = await self._wire.send(where, content, where.timeout_s)
        except FAILURES as error:
            raise ApiError(502, f"Still not taken: {reason(error, where.timeout_s)}") from None
        if status >= 300:
            raise ApiError(502, f"Still not taken: HTTP status {status}")
        await self._rows(stored.org_id).delete(stored.id)

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/undelivered", tags=["Undelivered"])

        parameters = query_parameters(tuple(FILTERS))

        @router.get("", openapi_extra={"parameters": parameters}, summary="list")
        async def list_(request: Request) -> list[Json]:
            bounds, limit, equal = listing(request.query_params, FILTERS)
            rows = holdings_of(request).letters
            found = await rows.list(bounds, limit, oldest=True, **equal)
            return [_shown(stored) for stored in found]

        @router.post("/{letter_id}/send", summary="send again")
        async def send(letter_id: str, request: Request) -> Json:
            stored = await self._find(letter_id, request)
            await self.send(stored)
            return _shown(stored)

        @router.delete("/{letter_id}", summary="forget")
        async def forget(letter_id: str, request: Request) -> Json:
            stored = await self._find(letter_id, request)
            await holdings_of(request).letters.delete(stored.id)
            return _shown(stored)

        return router

    async def _find(self, letter_id: str, request: Request) -> Stored:
        stored = await holdings_of(request).letters.get(check_id(letter_id))
        if stored is None:
            raise NotFound(f"Undelivered message {letter_id} does not exist")
        return stored


def _shown(stored: Stored) -> Json:
    return {
        "id": stored.id,
        "orgId": stored.org_id,
        "createdAt": instant(stored.created_at),
        **stored.body,
    }
