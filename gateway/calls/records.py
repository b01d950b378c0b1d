"""How a call's record begins, and what is written down in it."""

import secrets
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from gateway import reasons
from gateway.agent.messages import Spoken, TurnTimings
from gateway.calls.doors import Caller
from gateway.calls.leg import Down
from gateway.calls.ports import Order, Reach
from gateway.calls.record import CallRecord, Line, Party, Status, Turn
from gateway.calls.routes import Echo
from gateway.calls.variables import from_headers
from gateway.reasons import Ended
from gateway.sip.session import Session


def inbound(
    session: Session, route: Reach | Echo, caller: Caller, party: Party, number: str
) -> CallRecord:
    exposed = caller.trunk.settings.expose if caller.trunk else ("X-*",)
    record = CallRecord(
        id=str(uuid.uuid4()),
        link_secret=secrets.token_urlsafe(24),
        direction="inbound",
        customer=party,
        dialled=number,
        trunk=caller.trunk.name if caller.trunk else "",
        sip_call_id=session.id,
        variables=from_headers(session.request.headers, exposed),
    )
    if isinstance(route, Reach):
        record.org_id = route.org_id
        record.phone_number_id = route.phone_number_id
    return record


def outbound(order: Order) -> CallRecord:
    return CallRecord(
        id=str(uuid.uuid4()),
        link_secret=secrets.token_urlsafe(24),
        org_id=order.org_id,
        direction="outbound",
        assistant_id=order.assistant_id,
        assistant=order.assistant,
        squad_id=order.squad_id,
        phone_number_id=order.phone_number_id,
        name=order.name,
        customer=order.customer.model_copy(update={"uri": order.target}),
        dialled=order.target,
        variables=dict(order.variables),
    )


def line(
    message: Spoken, clock: Callable[[float], tuple[datetime, float]], more: dict[str, Any]
) -> Line:
    """``clock`` makes a date, and seconds since the answer, of monotonic seconds."""
    at, began_s = clock(message.began_at)
    return Line(
        role=message.role,
        text=message.text,
        at=at,
        began_s=began_s,
        ended_s=clock(message.ended_at)[1],
        interrupted=message.interrupted,
        extra=message.extra | more,
    )


def reason_of(event: Down, record: CallRecord) -> str:
    """Why a call has ended whose party has gone."""
    if event.answered:
        return Ended.CUSTOMER_ENDED_CALL if event.by_peer else Ended.SIP_COMPLETED
    if record.direction == "outbound":
        rang = record.status is Status.RINGING
        return reasons.outbound_refused(event.status or 0, rang or not event.by_peer)
    if event.by_peer:
        return Ended.CUSTOMER_HUNG_UP_WHILE_RINGING
    return Ended.INBOUND_FAILED_TO_CONNECT


def turn(message: TurnTimings) -> Turn:
    return Turn(
        number=message.turn,
        total_ms=message.total_ms,
        own_ms=message.own_ms,
        segments=list(message.segments),
        vendors=message.vendors,
    )
