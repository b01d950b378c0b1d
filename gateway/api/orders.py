"""From ``POST /call`` to an order for the switchboard. Raises BadRequest and Unusable."""

import re
from typing import Any
from uuid import UUID

from gateway.api.briefs import Defaults, from_assistant, resolve
from gateway.api.errors import BadRequest
from gateway.api.phone_numbers import trunk_of
from gateway.calls.ports import Order
from gateway.calls.record import Party
from gateway.store import Holdings
from gateway.store.numbers import sip_address
from gateway.store.rows import Rows, Stored

Json = dict[str, Any]

# Documented ways to start a call that this gateway does not have; saying nothing would be worse.
_NOT_HERE = (
    "customers", "schedulePlan", "squadId", "squad", "squadOverrides", "workflowId", "workflow",
    "workflowOverrides", "customerId", "phoneNumber", "transport", "assistantVersion",
    "squadVersion",
)  # fmt: skip

_E164 = re.compile(r"^\+[1-9][0-9]{6,14}$")


async def order_from(body: Json, store: Holdings, defaults: Defaults) -> Order:
    """The order that a checked body means."""
    given = {name: value for name, value in body.items() if value is not None}
    if unknown := [name for name in _NOT_HERE if name in given]:
        raise BadRequest([f"{name} is not available on this gateway" for name in unknown])
    customer = {k: v for k, v in given.get("customer", {}).items() if v is not None}
    overrides = _overrides(given, customer)
    assistant_id, assistant = await _assistant(given, store)
    number = await _phone_number(given, store)
    resolved = resolve(assistant, overrides)
    papers: Json = {"assistant": resolved, "customer": customer}
    if given.get("assistantOverrides"):
        papers["assistantOverrides"] = given["assistantOverrides"]
    if number:
        papers["phoneNumber"] = {"id": number.id, **number.body}
    return Order(
        target=_target(customer),
        brief=from_assistant(resolved, defaults),
        org_id=store.org_id,
        assistant_id=assistant_id,
        assistant=None if assistant_id else assistant,
        phone_number_id=number.id if number else None,
        trunk=await trunk_of(store, number.body) if number else "",
        caller=_caller(number),
        customer=Party(number=customer.get("number", ""), name=customer.get("name", "")),
        extension=customer.get("extension", ""),
        name=given.get("name"),
        variables=overrides.get("variableValues") or {},
        papers=papers,
    )


def _overrides(given: Json, customer: Json) -> Json:
    """The call's overrides, and over them the customer's own."""
    ours = given.get("assistantOverrides") or {}
    theirs = customer.get("assistantOverrides") or {}
    values = (ours.get("variableValues") or {}) | (theirs.get("variableValues") or {})
    return ours | theirs | {"variableValues": values}


async def _assistant(given: Json, store: Holdings) -> tuple[str | None, Json]:
    match given:
        case {"assistantId": _, "assistant": _}:
            raise BadRequest(["assistantId and assistant should not both be given"])
        case {"assistant": assistant}:
            return None, assistant
        case {"assistantId": assistant_id}:
            stored = await _stored(store.assistants, "assistantId", assistant_id)
            return stored.id, stored.body
    raise BadRequest(["assistantId should not be empty: who is to speak? Or give assistant"])


async def _phone_number(given: Json, store: Holdings) -> Stored | None:
    if "phoneNumberId" not in given:
        return None
    return await _stored(store.phone_numbers, "phoneNumberId", given["phoneNumberId"])


async def _stored(rows: Rows, field: str, value: str) -> Stored:
    try:
        stored = await rows.get(str(UUID(value)))
    except ValueError:
        raise BadRequest([f"{field} must be a UUID"]) from None
    if stored is None:
        raise BadRequest([f"{field} {value} does not exist"])
    return stored


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
