"""What a call cost, as the API shows it: itemised, and summed by part."""

from typing import Any

from gateway.calls.record import CallRecord, Status, Usage

Json = dict[str, Any]

PARTS = {"hearing": "stt", "thinking": "llm", "speaking": "tts"}
_ANALYSES = ("summary", "structuredData", "successEvaluation", "structuredOutput")


def of(record: CallRecord) -> Json:
    """``cost``, ``costs`` and ``costBreakdown``; a call that goes on has cost nothing yet."""
    ended = record.status is Status.ENDED
    breakdown = _breakdown(record)
    return {
        "cost": breakdown["total"],
        "costs": _items(record) if ended else [],
        "costBreakdown": breakdown,
    }


def _items(record: CallRecord) -> list[Json]:
    minutes = round(record.minutes, 4)
    return [
        {
            "type": "transport",
            "provider": "vapi.sip",
            "minutes": minutes,
            "cost": record.transport_cost,
        },
        *map(_item, record.usage),
        # The gateway is the owner's own.
        {"type": "vapi", "subType": "normal", "minutes": minutes, "cost": 0},
    ]


def _item(usage: Usage) -> Json:
    """One vendor's; ``unpriced`` is ours: the list of prices does not have it."""
    who = {"provider": usage.vendor} | ({"model": usage.model} if usage.model else {})
    cost: Json = {"cost": usage.cost or 0}
    if usage.cost is None:
        cost["unpriced"] = True
    match usage.part:
        case "hearing":
            minutes = round(usage.seconds / 60, 4)
            return {"type": "transcriber", "transcriber": who, "minutes": minutes, **cost}
        case "speaking":
            return {"type": "voice", "voice": who, "characters": usage.characters, **cost}
    kind: Json = {"type": "model"}
    if usage.part == "analysis":
        kind = {"type": "analysis", "analysisType": usage.answers}
    return {
        **kind,
        "model": who,
        "promptTokens": usage.tokens_in,
        "completionTokens": usage.tokens_out,
        "cachedPromptTokens": usage.tokens_cached,
        "usageComplete": not usage.tokens_estimated,
        **cost,
    }


def _breakdown(record: CallRecord) -> Json:
    def total(of: str, part: str) -> float:
        return sum(getattr(u, of) or 0 for u in record.usage if u.part == part)

    parts = {name: round(total("cost", part), 6) for part, name in PARTS.items()}
    return {
        "transport": record.transport_cost,
        **parts,
        "vapi": 0,
        "total": record.cost,
        "llmPromptTokens": total("tokens_in", "thinking"),
        "llmCompletionTokens": total("tokens_out", "thinking"),
        "llmCachedPromptTokens": total("tokens_cached", "thinking"),
        "ttsCharacters": total("characters", "speaking"),
        "analysisCostBreakdown": _analyses(record),
    }


def _analyses(record: CallRecord) -> Json:
    answering = [usage for usage in record.usage if usage.answers]

    def total(of: str, analysis: str) -> float:
        return sum(getattr(u, of) or 0 for u in answering if u.answers == analysis)

    return {
        f"{analysis}{name}": round(total(of, analysis), 6)
        for analysis in _ANALYSES
        for name, of in (
            ("", "cost"),
            ("PromptTokens", "tokens_in"),
            ("CompletionTokens", "tokens_out"),
            ("CachedPromptTokens", "tokens_cached"),
        )
    }
