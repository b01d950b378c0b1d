"""From ``POST /call`` to orders for the switchboard. Raises BadRequest and Unusable."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from gateway.api.briefs import Defaults, brief_of
from gateway.api.casting import Cast, cast, found
from gateway.api.errors import BadRequest
from gateway.api.phone_numbers import trunk_of
from gateway.calls.ports import Order
from gateway.calls.record import Party
from gateway.store import Holdings
from gateway.store.numbers import sip_address
from gateway.store.rows import Stored

Json = dict[str, Any]

# Documented ways to start a call that this gateway does not have; saying nothing would be worse.
_NOT_HERE = (
    "workflowId", "workflow", "workflowOverrides", "customerId", "phoneNumber", "assistantVersion",
    "squadVersion",
)  # fmt: skip
MOST = 1000  # customers of one request

_E164 = re.compile(r"^\+[1-9][0-9]{6,14}$")


def single(body: Json) -> Iterator[Json]:
    """A request for each of its ``customers``."""
    customers = body.get("customers") or ()
    if body.get("customer") is not None:
        raise BadRequest(["customer and customers should not both be given"])
    if len(customers) > MOST:
        raise BadRequest([f"customers must contain no more than {MOST} elements"])
    for customer in customers:
        yield {k: v for k, v in body.items() if k != "customers"} | {"customer": customer}


async def order_from(body: Json, store: Holdings, defaults: Defaults) -> Order:
    """The order that a checked body means."""
    given = {name: value for name, value in body.items() if value is not None}
    if unknown := [name for name in _NOT_HERE if name in given]:
        raise BadRequest([f"{name} is not available on this gateway" for name in unknown])
    customer = {k: v for k, v in given.get("customer", {}).items() if v is not None}
    chosen = await _cast(given, customer, store)
    if chosen.missing:
        raise BadRequest([f"assistant.{missing}" for missing in chosen.missing])
    number = await _phone_number(given, store)
    earliest, latest = _times(given.get("schedulePlan") or {})
    papers: Json = {**chosen.papers, "customer": customer, "order": given}
    for name in ("assistantOverrides", "schedulePlan"):
        if given.get(name):
            papers[name] = given[name]
    if number:
        papers["phoneNumber"] = {"id": number.id, **number.body}
    return Order(
        target=_target(customer),
        brief=await brief_of(chosen.assistant, defaults, chosen.keys, store.org_id),
        org_id=store.org_id,
        assistant_id=chosen.assistant_id,
        assistant=chosen.given,
        squad_id=chosen.squad_id,
        phone_number_id=number.id if number else None,
        trunk=await trunk_of(store, number.body) if number else "",
        caller=_caller(number),
        customer=Party(number=customer.get("number", ""), name=customer.get("name", "")),
        extension=customer.get("extension", ""),
        name=given.get("name"),
        variables=chosen.variables,
        papers=papers,
        earliest_at=earliest,
        latest_at=latest,
        ring_s=_ring_s(given.get("transport") or {}),
        codecs=tuple((given.get("transport") or {}).get("codecs") or ()),
    )


async def _cast(given: Json, customer: Json, store: Holdings) -> Cast:
    """The customer's own overrides are the last layer."""
    if theirs := customer.get("squadOverrides"):
        given = given | {"squadOverrides": (given.get("squadOverrides") or {}) | theirs}
    return await cast(given, store, customer.get("assistantOverrides"))


def _times(plan: Json) -> tuple[datetime | None, datetime | None]:
    earliest, latest = _instant(plan, "earliestAt"), _instant(plan, "latestAt")
    if earliest and latest and latest < earliest:
        raise BadRequest(["schedulePlan.latestAt must not be before schedulePlan.earliestAt"])
    if latest and latest < datetime.now(UTC):
        raise BadRequest(["schedulePlan.latestAt is in the past"])
    return earliest, latest


def _instant(plan: Json, name: str) -> datetime | None:
    if not (text := plan.get(name)):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest([f"schedulePlan.{name} must be a valid ISO 8601 date string"]) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _ring_s(transport: Json) -> float | None:
    if transport.get("provider", "vapi.sip") != "vapi.sip":
        raise BadRequest(
            [f"transport.provider {transport['provider']} is not available on this gateway"]
        )
    return transport.get("dialTimeout")


async def _phone_number(given: Json, store: Holdings) -> Stored | None:
    if "phoneNumberId" not in given:
        return None
    return await found(store.phone_numbers, "phoneNumberId", given["phoneNumberId"])


def _target(customer: Json) -> str:
    match customer:
        case {"sipUri": str(uri)} if sip_address(uri):
            return uri
        case {"sipUri": _}:
            raise BadRequest(["customer.sipUri must be a SIP URI, e.g. sip:alice@example.org"])
        case {"number": str(number)}:
            if customer.get("numberE164CheckEnabled", True) and not _E164.match(number):
                raise BadRequest(
                    ["customer.number must be a phone number in E.164 format, e.g. +14155550100"]
                )
            return number
    raise BadRequest(["customer.sipUri should not be empty: who is to be called? Or give number"])


def _caller(number: Stored | None) -> str:
    """What to call from: the number itself, or the user of its SIP URI."""
    if number is None:
        return ""
    address = sip_address(number.body.get("sipUri") or "")
    return str(number.body.get("number") or (address[0] if address else ""))
