"""What needs no choice by the owner: the assistant behind ``sip:demo``, and whose ears and voice
an assistant has that names none. Embedded and offline, or the cloud's where there are keys."""

import json
from importlib.resources import files
from pathlib import Path

from gateway.agent.brief import Choice
from gateway.api.briefs import Defaults, from_assistant
from gateway.api.transcribers import HEARING
from gateway.calls.ports import Route
from gateway.speech.settings import VendorSettings

# In a checkout the assistants lie beside the configuration; a wheel carries them as package data.
_CHECKOUT = Path(__file__).parent.parent / "config" / "assistants"


def defaults(vendors: dict[str, VendorSettings]) -> Defaults:
    """Deepgram hears, and Deepgram or else OpenAI speaks, where their keys are set."""
    deepgram, openai = _key(vendors, "deepgram"), _key(vendors, "openai")
    voice = "deepgram" if deepgram else "openai" if openai else "embedded"
    return Defaults(
        hearing=Choice(vendor="deepgram" if deepgram else "embedded"),
        speaking=Choice(vendor=voice),
        spare_hearings=tuple(Choice(vendor=name) for name in HEARING if _key(vendors, name)),
    )


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
