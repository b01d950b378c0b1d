"""The API's providers and their fields, in the words of our vendors: tables, and nothing else.

A provider that no table names can be stored and read back, but a call with it is refused. A field
that a table does not name has no meaning here yet, and is kept for whoever reads it back.
"""

from collections.abc import Callable
from typing import Any

from gateway.agent.brief import Choice

WORDS_PER_MINUTE = 165  # the embedded voice at speed 1

# What a field is called by the vendor, or what options it becomes.
Fields = dict[str, str | Callable[[Any], dict[str, Any]]]


def _words_per_minute(speed: float) -> dict[str, Any]:
    return {"words_per_minute": max(80, min(450, round(WORDS_PER_MINUTE * speed)))}


_CHAT: Fields = {
    "reasoningEffort": "reasoning_effort",
    "serviceTier": "service_tier",
    "promptCacheKey": "prompt_cache_key",
    "promptCacheRetention": "prompt_cache_retention",
}

HEARING: dict[str, Fields] = {
    "embedded": {},
    "deepgram": {
        "language": "language",
        "endpointing": "endpointing",
        "smartFormat": "smart_format",
        "numerals": "numerals",
        "profanityFilter": "profanity_filter",
        "mipOptOut": "mip_opt_out",
        "redaction": "redact",
        "keywords": "keywords",
        "keyterm": "keyterm",
        "confidenceThreshold": "confidence_threshold",
    },
}

THINKING: dict[str, Fields] = {
    "script": {"script": "script"},
    "openai": _CHAT,
    "custom-llm": {"url": "url", "headers": "headers"},
    "anthropic": {},
    "cerebras": {},
    "deep-seek": {},
    "deepinfra": {},
    "google": {},
    "groq": {},
    "minimax": {},
    "openrouter": {},
    "perplexity-ai": {},
    "together-ai": {},
    "xai": {},
}

SPEAKING: dict[str, Fields] = {
    "embedded": {"voiceId": "voice", "speed": _words_per_minute},
    "deepgram": {"voiceId": "voice", "speed": "speed", "mipOptOut": "mip_opt_out"},
    "openai": {"voiceId": "voice", "speed": "speed", "instructions": "instructions"},
}

# The hosted service's own choice of vendor: here, the operator's.
HOSTED = "vapi"


def choice(table: dict[str, Fields], part: dict[str, Any]) -> Choice | None:
    """The vendor that ``part`` of an assistant names, with its options; None if it is not here."""
    fields = table.get(part["provider"])
    if fields is None:
        return None
    options: dict[str, Any] = {}
    for name, ours in fields.items():
        value = part.get(name)
        if value is not None:
            options |= {ours: value} if isinstance(ours, str) else ours(value)
    return Choice(vendor=part["provider"], model=part.get("model") or "", options=options)
