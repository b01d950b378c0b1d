"""A call as the API shows it, made of its record and of the API's own papers on it."""

import re
from dataclasses import dataclass
from typing import Any

from gateway.api import artifact, costs, monitor_links
from gateway.api.resources import instant
from gateway.calls.ports import Papers
from gateway.calls.record import CallRecord, Party, Status

Json = dict[str, Any]


@dataclass(frozen=True)
class CallView:
    """``org_id`` is the operator's; ``link_url`` is the beginning of links to recordings."""

    org_id: str
    link_url: str

    def show(self, record: CallRecord, papers: Papers) -> Json:
        """The documented call object, with the flat copies that older clients read."""
        made = artifact.of(record, papers, self.link_url)
        ended = record.status is Status.ENDED
        shown: Json = {
            "id": record.id,
            "orgId": record.org_id or self.org_id,
            "createdAt": instant(record.created_at),
            "updatedAt": instant(record.updated_at),
            "type": f"{record.direction}PhoneCall",
            "status": str(record.status),
            "phoneCallProvider": "vapi",
            "phoneCallTransport": "sip",
            "phoneCallProviderId": record.sip_call_id or None,
            "name": record.name,
            "assistantId": record.assistant_id,
            "assistant": record.assistant,
            "assistantOverrides": papers.get("assistantOverrides"),
            "squadId": record.squad_id,
            "squad": None if record.squad_id else papers.get("squad"),
            "schedulePlan": papers.get("schedulePlan"),
            "phoneNumberId": record.phone_number_id,
            "customer": papers.get("customer") or customer(record.customer),
            "destination": record.destination,
            "compliance": compliance(record),
            "monitor": monitor_links.of(record, papers, self.link_url),
            "startedAt": instant(record.answered_at),
            "endedAt": instant(record.ended_at),
            "endedReason": record.ended_reason,
            "endedMessage": record.ended_detail or None,
            **costs.of(record),
            "messages": made["messages"],
            "artifact": made,
            "analysis": record.analysis if ended else None,
            "transcript": made["transcript"],
            "recordingUrl": made.get("recordingUrl"),
            "stereoRecordingUrl": made.get("stereoRecordingUrl"),
        }
        return {name: value for name, value in shown.items() if value is not None}


def compliance(record: CallRecord) -> Json | None:
    """The documented Compliance: whether the party agreed to be recorded."""
    if (consent := record.consent) is None:
        return None
    granted = {"grantedAt": instant(consent.granted_at)} if consent.granted_at else {}
    return {"recordingConsent": {"type": consent.type, **granted}}


def customer(party: Party) -> Json:
    """The other end of a call; a SIP user is a number only if it looks like one."""
    shown: Json = {}
    if re.fullmatch(r"\+?[0-9]{3,20}", party.number):
        shown["number"] = party.number
    if party.uri:
        shown["sipUri"] = party.uri
    if party.name:
        shown["name"] = party.name
    return shown
