"""A transfer's destination, from the API's JSON to what a call can be sent to."""

import re
from typing import Any

from gateway.api.said import text_of
from gateway.api.unusable import Unusable
from gateway.calls.destination import Destination, Meeting

Json = dict[str, Any]

ANNOUNCED = "Transferring the call now."
_E164 = re.compile(r"^\+[1-9][0-9]{6,14}$")

# How the documented modes have the destination meet the caller, and whether with a summary.
MODES: dict[str, tuple[Meeting, bool]] = {
    "blind-transfer": ("blind", False),
    "blind-transfer-add-summary-to-sip-header": ("blind", True),
    "warm-transfer-say-message": ("told", False),
    "warm-transfer-say-summary": ("told", True),
    "warm-transfer-wait-for-operator-to-speak-first-and-then-say-message": ("greets", False),
    "warm-transfer-wait-for-operator-to-speak-first-and-then-say-summary": ("greets", True),
    "warm-transfer-experimental": ("accepts", False),
}


def destination(given: Json, language: str, *, announced: bool = False) -> Destination:
    """``announced``: the tool has messages of its own, so the usual one is not said. Raises
    Unusable."""
    given = {name: value for name, value in given.items() if value is not None}
    name, target = _target(given)
    plan = {k: v for k, v in (given.get("transferPlan") or {}).items() if v is not None}
    mode = plan.get("mode") or "blind-transfer"
    if mode not in MODES:
        raise Unusable(f"transferPlan.mode {mode} is not available on this gateway")
    meeting, summary = MODES[mode]
    summing = plan.get("summaryPlan") or {}
    if meeting == "accepts":
        summary = bool(summing) and summing.get("enabled") is not False and not plan.get("message")
    fallback = plan.get("fallbackPlan") or {}
    usual = "" if announced else ANNOUNCED
    return Destination(
        name=name,
        target=target,
        assistant=given.get("assistantName") or "",
        verb=_verb(plan, meeting),
        meeting=meeting,
        caller=given.get("callerId") or "",
        extension=given.get("extension") or "",
        headers=tuple((k, str(v)) for k, v in (given.get("sipHeaders") or {}).items()),
        headers_in_uri=bool(plan.get("sipHeadersInReferToEnabled")),
        announcement=text_of(given["message"], language) if "message" in given else usual,
        message=text_of(plan.get("message"), language),
        summary=summary,
        summary_prompt=tuple(
            {"role": m.get("role") or "system", "content": m.get("content") or ""}
            for m in summing.get("messages") or ()
        ),
        ring_s=plan.get("dialTimeout") or 60.0,
        patience_s=plan.get("timeout") or 60.0,
        music=plan.get("holdAudioUrl") or "",
        chime=plan.get("transferCompleteAudioUrl") or "",
        apology=text_of(fallback.get("message"), language),
        end_on_failure=bool(fallback) and fallback.get("endCallEnabled") is not False,
        papers=given,
    )


def _target(given: Json) -> tuple[str, str]:
    """What the model calls it, and what is to be called."""
    match given:
        case {"type": "number", "number": str(number)}:
            checked = given.get("numberE164CheckEnabled", True) and "{{" not in number
            if checked and not _E164.match(number):
                raise Unusable(
                    f"destination.number {number!r} must be in E.164 format, e.g. +14155550100, "
                    "unless numberE164CheckEnabled is false"
                )
            return number, number
        case {"type": "sip", "sipUri": str(uri)}:
            if not uri.lower().startswith(("sip:", "sips:", "tel:", "{{", "<", '"')):
                raise Unusable(f"destination.sipUri {uri!r} must be a SIP URI, e.g. sip:a@b.org")
            return uri, uri
        case {"type": "assistant", "assistantName": str(name)}:
            return name, ""
    raise Unusable("destination must be of type number, sip or assistant")


def _verb(plan: Json, meeting: Meeting) -> Any:
    verb = plan.get("sipVerb") or ("refer" if meeting == "blind" else "dial")
    if isinstance(verb, dict):  # so it is documented, and nothing is said of what is in it
        return _verb(plan | {"sipVerb": None}, meeting)
    if verb not in ("refer", "bye", "dial"):
        raise Unusable(f"transferPlan.sipVerb {verb!r} is none of refer, bye, dial")
    return "dial" if verb == "bye" and meeting != "blind" else verb
