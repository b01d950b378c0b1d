"""``/call``: calls in progress and calls that have been."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.api.briefs import Defaults
from gateway.api.call_view import CallView
from gateway.api.errors import BadRequest, NotFound
from gateway.api.orders import order_from
from gateway.api.recordings import capture, download
from gateway.api.requests import check_id, checked, listing, query_parameters, read_json
from gateway.api.resources import body_of
from gateway.api.shapes import reference
from gateway.calls.ports import Papers, Switchboard
from gateway.calls.record import CallRecord
from gateway.store import Store
from gateway.store.tables import THE_ORG

FILTERS = {"id": "id", "assistantId": "assistant_id", "phoneNumberId": "phone_number_id"}


@dataclass(frozen=True)
class Calls:
    """What the routes need: where calls are, while they run and afterwards."""

    store: Store
    switchboard: Switchboard
    state_dir: Path
    defaults: Defaults
    link_url: str = ""

    async def find(self, call_id: str) -> tuple[CallRecord, Papers]:
        """The freshest record, and its papers. Raises NotFound."""
        call_id = check_id(call_id)
        stored = await self.store.calls.get(call_id)
        live = self.switchboard.live(call_id)
        if live is not None:
            return live, stored.papers if stored else {}
        if stored is None:
            raise NotFound(f"Call {call_id} does not exist")
        return CallRecord.model_validate(stored.record), stored.papers

    def view(self, request: Request) -> CallView:
        return CallView(THE_ORG, self.link_url or str(request.base_url).rstrip("/"))

    async def delete(self, call_id: str) -> None:
        """Forget a call, and its recording with it; one in progress is ended, and stays."""
        if self.switchboard.live(call_id) is not None:
            await self.switchboard.hang_up(call_id)
            return
        stored = await self.store.calls.delete(call_id)
        for kept in ("recording", "capture"):
            if stored and (name := stored.record.get(kept)):
                path = self.state_dir / name
                for one in path.parent.glob(f"{path.stem}*"):  # in every form, of every party
                    one.unlink(missing_ok=True)


def routes(calls: Calls) -> APIRouter:
    router = APIRouter(prefix="/call", tags=["Call"])

    @router.post("", status_code=201, openapi_extra=body_of("CreateCallDto"), summary="create")
    async def create(request: Request) -> Any:
        """Place a call to ``customer.sipUri`` or ``customer.number``. Returns at once."""
        body = checked(reference("CreateCallDto"), await read_json(request))
        order = await order_from(body, calls.store, calls.defaults)
        record = await calls.switchboard.place(order)
        return calls.view(request).show(record, order.papers)

    parameters = query_parameters(tuple(FILTERS))

    @router.get("", openapi_extra={"parameters": parameters}, summary="list")
    async def list_(request: Request) -> Any:
        bounds, limit, equal = listing(request.query_params, FILTERS)
        view = calls.view(request)
        return [
            view.show(
                calls.switchboard.live(stored.id) or CallRecord.model_validate(stored.record),
                stored.papers,
            )
            for stored in await calls.store.calls.list(bounds, limit, **equal)
        ]

    @router.get("/{call_id}", summary="read")
    async def read(call_id: str, request: Request) -> Any:
        return calls.view(request).show(*await calls.find(call_id))

    @router.patch("/{call_id}", openapi_extra=body_of("UpdateCallDto"), summary="rename")
    async def rename(call_id: str, request: Request) -> Any:
        body = checked(reference("UpdateCallDto"), await read_json(request))
        record, papers = await calls.find(call_id)
        if "name" in body:
            record.name = body["name"]
            calls.store.calls.save(record.model_dump(mode="json"), papers)
        return calls.view(request).show(record, papers)

    @router.delete("/{call_id}", summary="delete")
    async def delete(call_id: str, request: Request) -> Any:
        """Forget a call and its recording; a call in progress is ended instead."""
        record, papers = await calls.find(call_id)
        more = (await read_json(request)).get("ids") or []
        for each in dict.fromkeys([record.id, *map(check_id, map(str, more))]):
            await calls.delete(each)
        return calls.view(request).show(record, papers)

    @router.post("/{call_id}/recording/{what}", summary="pause or resume a recording")
    async def hold(call_id: str, what: Literal["pause", "resume"], request: Request) -> Any:
        """Of a call in progress. What is said meanwhile is silence in the recording, so that its
        time stays the call's; the call's events show when. Ours: not in the API we follow."""
        record, papers = await calls.find(call_id)
        if calls.switchboard.live(record.id) is None:
            raise BadRequest([f"Call {record.id} has ended"])
        calls.switchboard.pause_recording(record.id, what == "pause")
        return calls.view(request).show(record, papers)

    @router.get("/{call_id}/pcap", summary="download SIP capture")
    async def pcap(call_id: str) -> Response:
        """The SIP messages of an ended call, for Wireshark, tcpdump or ``trunkline trace``."""
        record, _ = await calls.find(call_id)
        return capture(record, calls.state_dir)

    @router.get("/{call_id}/{which}-recording", summary="download")
    async def recording(call_id: str, which: str) -> Response:
        """``which`` is stereo (caller left, agent right), mono, assistant or customer."""
        record, _ = await calls.find(call_id)
        return download(record, calls.state_dir, which)

    return router
