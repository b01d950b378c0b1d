"""How a voice is to read: ``voice.chunkPlan`` and the ``formatPlan`` in it, as plans of ours."""

import re
from typing import Any

from gateway.speech.spoken.plan import ChunkPlan, FormatPlan, Replacement

Json = dict[str, Any]


def chunks(assistant: Json) -> ChunkPlan:
    plan = _plan(assistant)
    boundaries = plan.get("punctuationBoundaries")
    shortest = plan.get("minCharacters")
    return ChunkPlan(
        enabled=plan.get("enabled") is not False,
        shortest=None if shortest is None else int(shortest),
        boundaries=None if boundaries is None else tuple(boundaries),
    )


def format_plan(assistant: Json) -> FormatPlan:
    plan = _plan(assistant).get("formatPlan") or {}
    formatters, cutoff = plan.get("formattersEnabled"), plan.get("numberToDigitsCutoff")
    values: Json = {
        "enabled": plan.get("enabled") is not False,
        "formatters": None if formatters is None else tuple(formatters),
        "cutoff": None if cutoff is None else int(cutoff),
        "replacements": tuple(_replacement(one) for one in plan.get("replacements") or ()),
        "language": language(assistant),
    }
    return FormatPlan(**{name: value for name, value in values.items() if value is not None})


def language(assistant: Json) -> str | None:
    """The language that the assistant speaks, as far as it says: its voice's, else that which its
    transcriber expects."""
    for part in ("voice", "transcriber"):
        given = (assistant.get(part) or {}).get("language")
        if isinstance(given, str) and given and given.lower() not in ("multi", "auto"):
            return given
    return None


def _plan(assistant: Json) -> Json:
    return (assistant.get("voice") or {}).get("chunkPlan") or {}


def _replacement(one: Json) -> Replacement:
    if one.get("type") == "exact" or "key" in one:
        every = bool(one.get("replaceAllEnabled"))
        return Replacement(pattern=re.escape(one["key"]), value=one["value"], all=every)
    options = {o["type"] for o in one.get("options") or () if o.get("enabled")}
    pattern = rf"\b(?:{one['regex']})\b" if "whole-word" in options else one["regex"]
    flags = tuple(sorted(options & {"ignore-case", "multi-line"}))
    return Replacement.model_validate({"pattern": pattern, "value": one["value"], "flags": flags})
