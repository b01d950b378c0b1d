"""A model in the API's words becomes a choice of vendor, and of those that stand in for it."""

from typing import Any

import pytest

from gateway.agent.brief import Brief, Choice
from gateway.api.briefs import from_assistant
from gateway.api.models import THINKING
from gateway.api.shapes import reference
from gateway.api.shapes.check import problems
from gateway.speech import catalog


def brief(**model: Any) -> Brief:
    assistant = {"model": {"provider": "openai", "model": "gpt-4.1", **model}}
    assert problems(reference("CreateAssistantDto"), assistant) == []
    return from_assistant(assistant)


def test_the_table_names_the_vendors_that_there_are() -> None:
    assert set(THINKING) == set(catalog.THINKING)


def test_the_settings_of_an_openai_model() -> None:
    made = brief(
        toolStrictCompatibilityMode="strip-parameters-with-unsupported-validation",
        promptCacheRetention="24h",
        promptCacheKey="shop",
        serviceTier="priority",
        reasoningEffort="low",
        temperature=0.4,
        maxTokens=500,
        numFastTurns=2,
        api="responses",
    )
    assert made.thinking.options == {
        "strip": "parameters",
        "prompt_cache_retention": "24h",
        "prompt_cache_key": "shop",
        "service_tier": "priority",
        "reasoning_effort": "low",
        "api": "responses",
    }
    assert (made.temperature, made.max_tokens, made.fast_turns) == (0.4, 500, 2)


def test_their_defaults_are_the_documented_ones() -> None:
    made = brief()
    assert (made.temperature, made.max_tokens, made.fast_turns) == (0.0, 250, 0)
    assert (made.substitutes, made.thinking.options) == ((), {})


@pytest.mark.parametrize(
    ("model", "vendor", "name", "region"),
    [
        ("gpt-4.1-2025-04-14:eastus", "azure-openai", "gpt-4.1-2025-04-14", "eastus"),
        ("gpt-4.1", "openai", "gpt-4.1", None),
        ("ft:gpt-4o:org::id", "openai", "ft:gpt-4o:org::id", None),
    ],
)
def test_a_region_means_azure(model: str, vendor: str, name: str, region: str | None) -> None:
    made = from_assistant({"model": {"provider": "openai", "model": model}}).thinking
    assert (made.vendor, made.model, made.options.get("region")) == (vendor, name, region)


def test_a_name_with_a_colon_elsewhere_is_only_a_name() -> None:
    made = brief(provider="openrouter", model="deepseek/deepseek-r1:free").thinking
    assert made == Choice(vendor="openrouter", model="deepseek/deepseek-r1:free")


def test_substitutes_of_the_same_vendor_and_then_of_others() -> None:
    made = brief(
        promptCacheKey="shop",
        fallbackModels=["gpt-4o", "gpt-4.1-2025-04-14:eastus"],
        fallbackPlan={
            "models": [
                {"provider": "anthropic", "model": "claude-sonnet-4-6", "temperature": 0.2},
                {"provider": "ollama", "model": "llama3.2", "url": "http://gpu:11434/v1"},
            ],
            "order": "fastest",
        },
    )
    assert made.fastest_first
    same = {"prompt_cache_key": "shop"}
    assert made.substitutes == (
        Choice(vendor="openai", model="gpt-4o", options=same),
        Choice(
            vendor="azure-openai", model="gpt-4.1-2025-04-14", options=same | {"region": "eastus"}
        ),
        Choice(vendor="anthropic", model="claude-sonnet-4-6", options={"temperature": 0.2}),
        Choice(vendor="ollama", model="llama3.2", options={"url": "http://gpu:11434/v1"}),
    )


def test_a_budget_for_thoughts_and_a_server_of_ones_own() -> None:
    claude = brief(
        provider="anthropic", model="claude-sonnet-4-6", thinking={"type": "enabled",
                                                                   "budgetTokens": 2048},
    )  # fmt: skip
    assert claude.thinking.options == {"thinking_tokens": 2048}
    own = brief(provider="custom-llm", url="https://x", metadataSendMode="off", timeoutSeconds=7)
    assert own.thinking.options == {"url": "https://x", "metadata": "off", "timeout_s": 7}


def test_a_caller_is_listened_to_for_how_they_sound_only_if_that_is_wanted() -> None:
    assert brief(emotionRecognitionEnabled=True).emotion
    assert not brief().emotion
