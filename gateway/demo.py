"""The assistant behind ``sip:demo``: embedded and offline, or the cloud's where there are keys."""

import json
from importlib.resources import files
from pathlib import Path

from gateway.api.briefs import from_assistant
from gateway.calls.ports import Route
from gateway.speech.settings import VendorSettings

# In a checkout the assistants lie beside the configuration; a wheel carries them as package data.
_CHECKOUT = Path(__file__).parent.parent / "config" / "assistants"


def demo_route(vendors: dict[str, VendorSettings]) -> Route:
    """With keys for both OpenAI and Deepgram, their models hold the call."""
    cloud = all(name in vendors and vendors[name].key for name in ("openai", "deepgram"))
    name = "demo-cloud.json" if cloud else "demo.json"
    folder = _CHECKOUT if _CHECKOUT.is_dir() else files("gateway") / "assistants"
    assistant = json.loads((folder / name).read_text())
    return Route(
        brief=from_assistant(assistant), assistant=assistant, papers={"assistant": assistant}
    )
