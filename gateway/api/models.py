"""The API's models and their fields, in the words of our vendors: a table."""

from gateway.api.vendors import Fields

_CHAT: Fields = {
    "reasoningEffort": "reasoning_effort",
    "serviceTier": "service_tier",
    "promptCacheKey": "prompt_cache_key",
    "promptCacheRetention": "prompt_cache_retention",
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
