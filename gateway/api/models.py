"""The API's models and their fields, in the words of our vendors: a table."""

from typing import Any

from gateway.agent.brief import Choice
from gateway.api.vendors import Fields, choice

_OPENAI: Fields = {
    "reasoningEffort": "reasoning_effort",
    "serviceTier": "service_tier",
    "promptCacheKey": "prompt_cache_key",
    "promptCacheRetention": "prompt_cache_retention",
    "toolStrictCompatibilityMode": lambda mode: {
        "strip": "parameters" if mode.startswith("strip-parameters") else "validation"
    },
    "api": "api",
}

_ANTHROPIC: Fields = {
    "thinking": lambda config: {"thinking_tokens": int(config["budgetTokens"])},
}

THINKING: dict[str, Fields] = {
    "anthropic": _ANTHROPIC,
    "anthropic-bedrock": _ANTHROPIC,
    "anyscale": {},
    "azure-openai": _OPENAI,
    "cerebras": {},
    "custom-llm": {
        "url": "url",
        "headers": "headers",
        "timeoutSeconds": "timeout_s",
        "metadataSendMode": "metadata",
    },
    "deep-seek": {},
    "deepinfra": {},
    "google": {},
    "groq": {},
    "inflection-ai": {},
    "llama-cpp": {"url": "url"},
    "minimax": {},
    "mistral": {},
    "ollama": {"url": "url"},
    "openai": _OPENAI,
    "openrouter": {},
    "perplexity-ai": {},
    "runpod": {"url": "url"},
    "script": {"script": "script"},
    "together-ai": {},
    "vllm": {"url": "url"},
    "xai": {},
}


def model_choice(model: dict[str, Any]) -> Choice | None:
    """Who thinks; None if the provider is not here."""
    chosen = choice(THINKING, model)
    return chosen and _by_region(chosen)


def substitutes(model: dict[str, Any]) -> tuple[Choice, ...]:
    """Who thinks instead when the model fails, in order: ``fallbackModels`` of the same provider
    with the same settings, then those of ``fallbackPlan``, each with its own."""
    same = [model | {"model": name} for name in model.get("fallbackModels") or ()]
    others = (model.get("fallbackPlan") or {}).get("models") or ()
    choices = [*map(model_choice, same), *map(with_its_own, others)]
    return tuple(chosen for chosen in choices if chosen)


def with_its_own(model: dict[str, Any]) -> Choice | None:
    """A model of another vendor has a temperature and a limit of its own."""
    chosen = model_choice(model)
    own = {"temperature": model.get("temperature"), "max_tokens": model.get("maxTokens")}
    own = {name: value for name, value in own.items() if value is not None}
    return chosen and chosen.model_copy(update={"options": chosen.options | own})


def _by_region(chosen: Choice) -> Choice:
    """``gpt-4.1-2025-04-14:eastus`` is to be had from Azure, in that region and nowhere else. (A
    model of one's own at OpenAI has colons, too: ``ft:gpt-4o:...``.)"""
    model, colon, region = chosen.model.partition(":")
    if chosen.vendor != "openai" or not colon or model == "ft":
        return chosen
    options = chosen.options | {"region": region}
    return Choice(vendor="azure-openai", model=model, options=options)
