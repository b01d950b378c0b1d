"""Vendors by the names that an assistant gives them. Their SDKs are imported at first use."""

from typing import Literal

from gateway.speech.choosing import Options
from gateway.speech.hearing import ROWS as HEARS
from gateway.speech.hearing import VENDORS as HEARING
from gateway.speech.hearing import hearing
from gateway.speech.settings import VendorSettings
from gateway.speech.speaking import ROWS as SPEAKS
from gateway.speech.speaking import VENDORS as SPEAKING
from gateway.speech.speaking import speaking
from gateway.speech.thinking import VENDORS as THINKING
from gateway.speech.thinking import thinking

__all__ = ["HEARING", "SPEAKING", "THINKING", "check", "close", "hearing", "speaking", "thinking",
           "warm_up"]  # fmt: skip

Part = Literal["hearing", "thinking", "speaking"]


def check(part: Part, vendor: str, model: str, options: Options) -> None:
    """Whether an assistant can be built so; ConfigError says which field is wrong."""
    make = {"hearing": hearing, "thinking": thinking, "speaking": speaking}[part]
    make(vendor, model, options, VendorSettings(base_url="http://unset.invalid"), "")


def warm_up(*vendors: str) -> None:
    """Import what these vendors need, half a second each for an SDK, before a call waits for it."""
    from importlib import import_module

    files = {"openai": ["chat", "responses"]}
    for name in ("driver", "voice_http", "voice_socket"):
        import_module(f"gateway.speech.{name}")
    for vendor in vendors:
        for row in (HEARS.get(vendor), SPEAKS.get(vendor)):
            if row:
                row.load()
        thinks = [THINKING[vendor].file] if vendor in THINKING else []
        for name in files.get(vendor, thinks):
            import_module(f"gateway.speech.vendors.{name}")


async def close() -> None:
    """At exit: close what the calls of this process shared."""
    from gateway.speech.vendors.shared import close_all

    await close_all()
