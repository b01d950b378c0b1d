"""``POST /structured-output/run``: a structured output for calls that are long over."""

import asyncio
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from fastapi import APIRouter, Request

from gateway.api.analysis import Analyst
from gateway.api.briefs import Defaults, brief_of
from gateway.api.callers import holdings_of
from gateway.api.casting import found
from gateway.api.errors import BadRequest
from gateway.api.requests import check_id, checked, read_json
from gateway.api.resources import body_of
from gateway.api.shapes import reference
from gateway.api.unusable import Unusable
from gateway.api.vendor_keys import keys_of
from gateway.calls.record import CallRecord, Status
from gateway.store import Holdings

Json = dict[str, Any]

SHAPE = "RunStructuredOutputDto"
MOST = 100  # calls of one request


def routes(analyst: Analyst, defaults: Defaults) -> APIRouter:
    """To be included before the resource itself, whose ids would take its place."""
    router = APIRouter(prefix="/structured-output", tags=["StructuredOutput"])

    @router.post("/run", status_code=201, openapi_extra=body_of(SHAPE), summary="run for calls")
    async def run(request: Request) -> Any:
        """With ``previewEnabled`` the result of one call is the answer, and nothing is kept."""
        body = checked(reference(SHAPE), await read_json(request))
        holdings = holdings_of(request)
        plan_id, plan = await _plan(body, holdings)
        preview = bool(body.get("previewEnabled"))
        if not 1 <= len(body["callIds"]) <= MOST:
            raise BadRequest([f"callIds must contain 1 to {MOST} elements"])
        if preview and len(body["callIds"]) != 1:
            raise BadRequest(["callIds must contain exactly 1 element: it is a preview"])
        calls = [await _call(holdings, each) for each in dict.fromkeys(body["callIds"])]
        made = await asyncio.gather(
            *(_found(analyst, defaults, holdings, plan_id, plan, *call) for call in calls)
        )
        if preview:
            skipped = made[0].get("skippedStructuredOutputs")
            results: Json = made[0].get("structuredOutputs") or {}
            return results | ({"skipped": skipped} if skipped else {})
        for (record, papers), outputs in zip(calls, made, strict=True):
            record.outputs = _merged(record.outputs, outputs, plan_id)
            holdings.calls.save(record.kept(), papers)
        return {"message": f"The structured output was run for {len(calls)} calls"}

    return router


async def _plan(body: Json, holdings: Holdings) -> tuple[str, Json]:
    given = body.get("structuredOutput")
    if (given is None) is (body.get("structuredOutputId") is None):
        raise BadRequest(["either structuredOutputId or structuredOutput should be given"])
    if given is not None:
        return str(uuid5(NAMESPACE_URL, given["name"])), given
    stored = await found(
        holdings.structured_outputs, "structuredOutputId", body["structuredOutputId"]
    )
    return stored.id, stored.body


async def _call(holdings: Holdings, call_id: str) -> tuple[CallRecord, Json]:
    stored = await holdings.calls.get(check_id(call_id))
    if stored is None:
        raise BadRequest([f"callIds: call {call_id} does not exist"])
    record = CallRecord.model_validate(stored.record)
    if record.status is not Status.ENDED:
        raise BadRequest([f"callIds: call {call_id} has not ended"])
    return record, stored.papers


async def _found(
    analyst: Analyst,
    defaults: Defaults,
    holdings: Holdings,
    plan_id: str,
    plan: Json,
    record: CallRecord,
    papers: Json,
) -> Json:
    assistant = papers.get("assistant") or record.assistant or {}
    try:
        keys = await keys_of(assistant, holdings)
        brief = await brief_of(assistant, defaults, keys, holdings.org_id)
    except Unusable as error:
        raise BadRequest([f"callIds: the assistant of call {record.id}: {error}"]) from None
    return await analyst.outputs({plan_id: plan}, {}, record, papers, brief)


def _merged(before: Json, after: Json, plan_id: str) -> Json:
    """What is new about this output takes the place of what was known of it."""
    merged = dict(before)
    for name in ("structuredOutputs", "skippedStructuredOutputs"):
        others = {i: one for i, one in (before.get(name) or {}).items() if i != plan_id}
        merged[name] = others | (after.get(name) or {})
    at = "structuredOutputsLastUpdatedAt"
    return {n: part for n, part in merged.items() if part} | {at: after[at]}
