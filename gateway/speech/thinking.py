"""Models' vendors by the names that an assistant gives them: a table, one row each.

A row says whose protocol the vendor speaks and how it differs from the others who speak it. The
file that speaks the protocol, and its SDK, are imported at first use.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from gateway.errors import ConfigError
from gateway.speech.choosing import Options, unknown
from gateway.speech.contract import Thinking
from gateway.speech.settings import VendorSettings

MUST_SAY = ""  # a ``url`` that the operator or the assistant must give


@dataclass(frozen=True)
class Row:
    """A vendor of models.

    ``file`` of gateway.speech.vendors has a ``make``. ``url`` is where it is, None what its SDK
    knows. ``limit`` is what it calls the limit of tokens in a reply, ``name`` the field that
    takes the call's name (a dot leads into an object), ``usage`` whether it takes
    ``stream_options``. ``fast`` is its small model, for ``numFastTurns``.
    """

    file: str = "chat"
    url: str | None = MUST_SAY
    limit: str = "max_tokens"
    name: str = ""
    usage: bool = True
    keyless: bool = False  # a server of one's own, which may want no key
    fast: str = ""


_OPENAI_LIMIT = "max_completion_tokens"

VENDORS: dict[str, Row] = {
    "anthropic": Row("anthropic", "https://api.anthropic.com", fast="claude-haiku-4-5-20251001"),
    "anthropic-bedrock": Row("bedrock", None, fast="claude-haiku-4-5-20251001"),
    "anyscale": Row(url="https://api.endpoints.anyscale.com/v1", name="user"),
    "azure-openai": Row(limit=_OPENAI_LIMIT, name="user", fast="gpt-4.1-nano"),
    "cerebras": Row(url="https://api.cerebras.ai/v1", name="user", fast="llama3.1-8b"),
    "custom-llm": Row(keyless=True, name="metadata.call"),
    "deep-seek": Row(url="https://api.deepseek.com", fast="deepseek-chat"),
    "deepinfra": Row(url="https://api.deepinfra.com/v1/openai", name="user"),
    "google": Row("gemini", "https://generativelanguage.googleapis.com/v1beta",
                  fast="gemini-2.5-flash-lite"),
    "groq": Row(url="https://api.groq.com/openai/v1", name="user", fast="llama-3.1-8b-instant"),
    "inflection-ai": Row(url="https://api.inflection.ai/v1"),
    "llama-cpp": Row(url="http://127.0.0.1:8080/v1", keyless=True),
    "minimax": Row(url="https://api.minimax.io/v1"),
    "mistral": Row(url="https://api.mistral.ai/v1", usage=False, fast="mistral-small-latest"),
    "ollama": Row(url="http://127.0.0.1:11434/v1", keyless=True),
    "openai": Row(url=None, limit=_OPENAI_LIMIT, name="user", fast="gpt-4.1-nano"),
    "openrouter": Row(url="https://openrouter.ai/api/v1", name="user"),
    "perplexity-ai": Row(url="https://api.perplexity.ai"),
    "runpod": Row(),
    "script": Row("script"),
    "together-ai": Row(url="https://api.together.xyz/v1"),
    "vllm": Row(url="http://127.0.0.1:8000/v1", keyless=True, name="user"),
    "xai": Row(url="https://api.x.ai/v1", name="user", fast="grok-4-fast-non-reasoning"),
}  # fmt: skip

# Models that OpenAI serves, or serves with tools, by its responses alone.
_RESPONSES = re.compile(r"o\d+-pro|gpt-5(\.\d+)?-(pro|codex)|gpt-5\.[4-9]|gpt-[6-9]")

Make = Callable[[str, Row, str, Options, VendorSettings, str], Thinking]


def thinking(
    vendor: str, model: str, options: Options, settings: VendorSettings, call_id: str
) -> Thinking:
    """A call's language model. ConfigError names an unknown vendor or a wrong option."""
    row = VENDORS.get(vendor)
    if row is None:
        raise unknown("thinking", vendor, VENDORS)
    make: Make = import_module(f"gateway.speech.vendors.{protocol(vendor, model, options)}").make
    return make(vendor, row, model, options, settings, call_id)


def protocol(vendor: str, model: str, options: Options) -> str:
    """The file that speaks it: OpenAI has two protocols, and ``api`` or the model decides."""
    row = VENDORS[vendor]
    if vendor not in ("openai", "azure-openai"):
        return row.file
    asked = options.get("api")
    if asked not in (None, "chat", "responses"):
        raise ConfigError(f"{vendor}: api: is chat or responses, not {asked!r}")
    return asked or ("responses" if _RESPONSES.match(model) else "chat")


def fast_model(vendor: str) -> str:
    """The vendor's small model; empty if none is known."""
    return VENDORS[vendor].fast if vendor in VENDORS else ""
