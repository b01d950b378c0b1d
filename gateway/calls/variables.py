"""What a call knows about itself, as template variables: ``{{customer.number}}``, ``{{Name}}``."""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.calls.record import CallRecord
from gateway.trunks.numbers import permits


def from_headers(
    headers: Iterable[tuple[str, str]], exposed: Sequence[str] = ("X-*",)
) -> dict[str, str]:
    """The headers of an INVITE that match a pattern: ``X-Name: Ann`` fills ``{{Name}}``, and
    ``Diversion`` keeps its name.

    SIP header names know no case (RFC 3261 7.3.1) and template names do, and a template name
    has no hyphen: so ``X-Customer-Id`` also fills ``{{customer_id}}``.
    """
    found: dict[str, str] = {}
    for name, value in headers:
        known = name[2:] if name[:2].lower() == "x-" else name
        if known and permits(exposed, name):
            found[known] = value
            found.setdefault(known.lower().replace("-", "_"), value)
    return found


def about(record: CallRecord) -> dict[str, Any]:
    """The variables that every call has."""
    return {
        "call": {
            "id": record.id,
            "type": f"{record.direction}PhoneCall",
            "status": str(record.status),
            "assistantId": record.assistant_id or "",
        },
        "customer": {
            "number": record.customer.number,
            "name": record.customer.name,
            "sipUri": record.customer.uri,
        },
        "phoneNumber": {"number": record.dialled, "id": record.phone_number_id or ""},
    }
