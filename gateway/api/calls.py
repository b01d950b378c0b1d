"""``/call``: calls in progress and calls that have been."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.api import artifact
from gateway.api.briefs import Defaults
from gateway.api.call_view import CallView
from gateway.api.callers import caller_of, holdings_of
from gateway.api.errors import ApiError, BadRequest, NotFound
from gateway.api.listed import listed
from gateway.api.orders import order_from, single
from gateway.api.pages import Page, page_parameters
from gateway.api.recordings import call_log, capture, download, taken
from gateway.api.requests import check_id, checked, listing, query_parameters, read_json
from gateway.api.resources import body_of
from gateway.api.shapes import reference
from gateway.calls.ports import Papers, Switchboard
from gateway.calls.record import CallRecord
from gateway.calls.retention import forget_sound
from gateway.errors import GatewayError
from gateway.store import Holdings, Store, StoredCall
from gateway.store.tables import THE_ORG

FILTERS = {"id": "id", "assistantId": "assistant_id", "phoneNumberId": "phone_number_id"}
PAGE_FILTERS = FILTERS | {
    "idAny": "id",
    "assistantIdAny": "assistant_id",
    "phoneNumberIdAny": "phone_number_id",
}


@dataclass(frozen=True)
class Calls:
    """What the routes need: where calls are, while they run and afterwards."""

    store: Store
    switchboard: Switchboard
    state_dir: Path
    defaults: Defaults
    link_url: str = ""

    async def find(self, request: Request, call_id: str) -> tuple[CallRecord, Papers]:
        """The freshest record, and its papers. Raises NotFound."""
        call_id = check_id(call_id)
        holdings = holdings_of(request)
        stored = await holdings.calls.get(call_id)
        live = self.switchboard.live(call_id)
        if live is not None and (live.org_id or THE_ORG) == holdings.org_id:
            return live, stored.papers if stored else {}
        if stored is None:
            raise NotFound(f"Call {call_id} does not exist")
        return CallRecord.model_validate(stored.record), stored.papers

    def view(self, request: Request) -> CallView:
        return CallView(THE_ORG, self.link_url or str(request.base_url).rstrip("/"))

    def show(self, request: Request) -> Callable[[StoredCall], Any]:
        view = self.view(request)

        def one(stored: StoredCall) -> Any:
            record = self.switchboard.live(stored.id)
            return view.show(record or CallRecord.model_validate(stored.record), stored.papers)

        return one

    async def place(self, request: Request) -> Any:
        body = checked(reference("CreateCallDto"), await read_json(request))
        caller = caller_of(request)
        caller.check_assistants(body)
        view = self.view(request)
        if body.get("customers") is not None:
            return await self._place_each(body, caller.holdings, view)
        order = await order_from(body, caller.holdings, self.defaults)
        record = await self.switchboard.place(order)
        await self.store.calls.settle()  # what has been promised outlives us
        limits = {"subscriptionLimits": self._limits(caller.org_id)}
        return view.show(record, order.papers) | limits

    async def _place_each(self, body: Papers, holdings: Holdings, view: CallView) -> Papers:
        """The documented CallBatchResponse: whoever cannot be called keeps up nobody else."""
        results, errors = [], []
        for one in single(body):
            try:
                order = await order_from(one, holdings, self.defaults)
                record = await self.switchboard.place(order)
                results.append(view.show(record, order.papers))
            except ApiError as error:
                errors.append({"customer": one["customer"], "error": error.text})
            except GatewayError as error:
                errors.append({"customer": one["customer"], "error": str(error)})
        await self.store.calls.settle()
        limits = self._limits(holdings.org_id)
        return {"subscriptionLimits": limits, "results": results, "errors": errors}

    def _limits(self, org_id: str) -> Papers:
        most, used = self.switchboard.share(org_id)
        return {
            "concurrencyBlocked": used >= most,
            "concurrencyLimit": most,
            "remainingConcurrentCalls": max(0, most - used),
        }

    async def delete(self, record: CallRecord) -> None:
        """Forget a call, and what was recorded with it; one in progress is ended, and stays."""
        if self.switchboard.live(record.id) is not None:
            await self.switchboard.hang_up(record.id)
            return
        await self.store.calls.delete(record.id)
        forget_sound(record, self.state_dir)


def routes(calls: Calls) -> APIRouter:
    router = APIRouter(prefix="/call", tags=["Call"])

    @router.post("", status_code=201, openapi_extra=body_of("CreateCallDto"), summary="create")
    async def create(request: Request) -> Any:
        """Place a call to ``customer.sipUri`` or ``customer.number``. Returns at once."""
        return await calls.place(request)

    @router.post(
        "/phone",
        status_code=201,
        openapi_extra=body_of("CreateCallDto"),
        summary="create, as older clients do",
    )
    async def create_as_before(request: Request) -> Any:
        return await calls.place(request)

    parameters = query_parameters(tuple(FILTERS))

    @router.get("", openapi_extra={"parameters": parameters}, summary="list")
    async def list_(request: Request) -> Any:
        bounds, limit, equal = listing(request.query_params, FILTERS)
        found = await holdings_of(request).calls.list(bounds, limit, **equal)
        return await listed(found, calls.show(request))

    @router.get("/{call_id}", summary="read")
    async def read(call_id: str, request: Request) -> Any:
        return calls.view(request).show(*await calls.find(request, call_id))

    @router.patch("/{call_id}", openapi_extra=body_of("UpdateCallDto"), summary="rename")
    async def rename(call_id: str, request: Request) -> Any:
        body = checked(reference("UpdateCallDto"), await read_json(request))
        record, papers = await calls.find(request, call_id)
        if "name" in body:
            record.name = body["name"]
            calls.store.calls.save(record.kept(), papers)
        return calls.view(request).show(record, papers)

    @router.delete("/{call_id}", summary="delete")
    async def delete(call_id: str, request: Request) -> Any:
        """Forget a call and its recording; a call in progress is ended instead."""
        record, papers = await calls.find(request, call_id)
        body = checked(reference("DeleteCallDto"), await read_json(request))
        others = [await calls.find(request, each) for each in body.get("ids") or ()]
        for each in {one.id: one for one in (record, *(other for other, _ in others))}.values():
            await calls.delete(each)
        return calls.view(request).show(record, papers)

    @router.post("/{call_id}/recording/{what}", summary="pause or resume a recording")
    async def hold(call_id: str, what: Literal["pause", "resume"], request: Request) -> Any:
        """Of a call in progress. What is said meanwhile is silence in the recording, so that its
        time stays the call's; the call's events show when. Ours: not in the API we follow."""
        record, papers = await calls.find(request, call_id)
        if calls.switchboard.live(record.id) is None:
            raise BadRequest([f"Call {record.id} has ended"])
        calls.switchboard.pause_recording(record.id, what == "pause")
        return calls.view(request).show(record, papers)

    @router.get("/{call_id}/voicemail/{number}", summary="download a message that was taken")
    async def voicemail(call_id: str, number: int, request: Request) -> Response:
        """What the caller said to the tool ``takeMessage``. Ours: not in the API we follow."""
        record, _ = await calls.find(request, call_id)
        return taken(record, calls.state_dir, number)

    @router.get("/{call_id}/pcap", summary="download SIP capture")
    async def pcap(call_id: str, request: Request) -> Response:
        """The SIP messages of an ended call, for Wireshark, tcpdump or ``trunkline trace``."""
        record, _ = await calls.find(request, call_id)
        return capture(record, calls.state_dir)

    @router.get("/{call_id}/call-logs", summary="download log")
    async def logs(call_id: str, request: Request) -> Response:
        """What happened in an ended call, as gzipped lines of JSON."""
        record, papers = await calls.find(request, call_id)
        if not artifact.is_logged(record, papers.get("assistant") or record.assistant or {}):
            raise NotFound(f"Call {record.id} has no log: its assistant wants none")
        return call_log(record)

    @router.get("/{call_id}/{which}-recording", summary="download")
    async def recording(call_id: str, which: str, request: Request) -> Response:
        """``which`` is stereo (caller left, agent right), mono, assistant or customer."""
        record, _ = await calls.find(request, call_id)
        return download(record, calls.state_dir, which)

    return router


def paged(calls: Calls) -> APIRouter:
    router = APIRouter(prefix="/v2/call", tags=["Call"])
    described = {"parameters": page_parameters(tuple(PAGE_FILTERS))}

    @router.get("", openapi_extra=described, summary="list by pages")
    async def list_(request: Request) -> Any:
        page = Page.asked(request.query_params, PAGE_FILTERS)
        return await page.of(holdings_of(request).calls, calls.show(request))

    return router
