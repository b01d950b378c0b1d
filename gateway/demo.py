"""What needs no choice by the owner: the assistant behind ``sip:demo``, and whose ears, mind and
voice an assistant has that names none. Embedded and offline, or the cloud's, if there are keys."""

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from gateway.agent.brief import Choice
from gateway.api.briefs import Defaults, from_assistant
from gateway.api.models import THINKING
from gateway.api.transcribers import HEARING
from gateway.calls.ports import Route
from gateway.errors import ConfigError
from gateway.speech.settings import VendorSettings

# In a checkout the assistants lie beside the configuration; a wheel carries them as package data.
_CHECKOUT = Path(__file__).parent.parent / "config" / "assistants"


# Who thinks for the hosted service's own provider: the first of these that has a key.
_MODELS = {
    "openai": "gpt-4.1-mini", "anthropic": "claude-haiku-4-5-20251001",
    "google": "gemini-2.5-flash", "groq": "llama-3.3-70b-versatile",
    "mistral": "mistral-small-latest", "xai": "grok-4-fast-non-reasoning",
}  # fmt: skip


def defaults(vendors: dict[str, VendorSettings], model: str = "") -> Defaults:
    """Deepgram hears, and Deepgram or else OpenAI speaks, where their keys are set. ``model`` is
    ``vendor/model``; empty: by the keys, too. Raises ConfigError."""
    deepgram, openai = _key(vendors, "deepgram"), _key(vendors, "openai")
    voice = "deepgram" if deepgram else "openai" if openai else "embedded"
    found = Defaults(
        hearing=Choice(vendor="deepgram" if deepgram else "embedded"),
        speaking=Choice(vendor=voice),
        spare_hearings=tuple(Choice(vendor=name) for name in HEARING if _key(vendors, name)),
    )
    thinking = _thinking(vendors, model)
    return replace(found, thinking=thinking) if thinking else found


def _thinking(vendors: dict[str, VendorSettings], named: str) -> Choice | None:
    vendor, _, model = named.partition("/")
    if not named:
        vendor = next((name for name in _MODELS if _key(vendors, name)), "")
        model = _MODELS.get(vendor, "")
    elif vendor not in THINKING or not model:
        known = ", ".join(sorted(THINKING))
        raise ConfigError(f"[api] default_model is vendor/model, with a vendor of: {known}")
    return Choice(vendor=vendor, model=model) if vendor else None


def _key(vendors: dict[str, VendorSettings], name: str) -> bool:
    return name in vendors and bool(vendors[name].key)


def demo_route(vendors: dict[str, VendorSettings]) -> Route:
    """With keys for both OpenAI and Deepgram, their models hold the call."""
    cloud = _key(vendors, "openai") and _key(vendors, "deepgram")
    name = "demo-cloud.json" if cloud else "demo.json"
    folder = _CHECKOUT if _CHECKOUT.is_dir() else files("gateway") / "assistants"
    assistant = json.loads((folder / name).read_text())
    return Route(
        brief=from_assistant(assistant), assistant=assistant, papers={"assistant": assistant}
    )
