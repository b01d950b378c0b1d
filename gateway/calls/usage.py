"""What a call's vendors have used, added up by vendor and model."""

from gateway.agent.messages import Used
from gateway.calls.record import Usage


def add(usage: list[Usage], used: Used, analysis: str = "") -> None:
    """Enter one request into the account of a call, which keeps the order of first use;
    ``analysis``: the part of it that the request is for, once the call is over."""
    part = "analysis" if analysis else used.part
    name = (part, used.vendor, used.model, analysis)
    entry = next((u for u in usage if _name(u) == name), None)
    if entry is None:
        entry = Usage(part=part, vendor=used.vendor, model=used.model, answers=analysis)
        usage.append(entry)
    entry.requests += 1
    entry.failed += bool(used.fault)
    entry.thrown_away += not used.finish and not used.fault
    entry.tokens_in += used.tokens_in
    entry.tokens_out += used.tokens_out
    entry.tokens_cached += used.tokens_cached
    entry.tokens_estimated += used.tokens_in + used.tokens_out if used.estimated else 0
    entry.characters += used.characters
    entry.seconds = round(entry.seconds + used.seconds, 3)


def _name(usage: Usage) -> tuple[str, str, str, str]:
    return usage.part, usage.vendor, usage.model, usage.answers
