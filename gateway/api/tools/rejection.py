"""Whether a tool may be called now: the documented ToolRejectionPlan. No IO.

Its conditions are about the conversation; if all of them hold, the call is refused.
"""

import re
from collections.abc import Sequence
from typing import Any

from gateway.calls.errand import Errand

Json = dict[str, Any]

_READ = 4000  # characters of a message that a pattern looks at


def rejected(errand: Errand) -> str:
    """Why the call is refused, or ""."""
    conditions = (errand.written.get("rejectionPlan") or {}).get("conditions") or ()
    if not conditions or not all(_holds(condition, errand) for condition in conditions):
        return ""
    return "the conditions of its rejectionPlan hold"


def _holds(condition: Json, errand: Errand) -> bool:
    match condition.get("type"):
        case "regex":
            said = _aimed(condition.get("target") or {}, errand)
            found = said is not None and _found(condition["regex"], said)
            return found is not bool(condition.get("negate"))
        case "liquid":
            messages = [{"role": role, "content": text} for role, text in _said(errand)]
            return errand.fill(condition["liquid"], {"messages": messages}).strip() == "true"
        case "group":
            inner = [_holds(one, errand) for one in condition["conditions"]]
            return any(inner) if condition["operator"] == "OR" else all(inner)
    return False


def _found(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text[-_READ:]) is not None
    except re.error:
        return False


def _said(errand: Errand) -> Sequence[tuple[str, str]]:
    spoken = ("user", "assistant")
    return [(line.role, line.text) for line in errand.record.transcript if line.role in spoken]


def _aimed(target: Json, errand: Errand) -> str | None:
    """The message that a pattern is about: the last, or by position of its role's."""
    role = target.get("role")
    texts = [text for who, text in _said(errand) if role in (None, who)]
    at = target.get("position")
    try:
        return texts[int(-1 if at is None else at)]
    except IndexError:
        return None
