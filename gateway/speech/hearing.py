"""Transcribers by the names that an assistant gives them: a table.

A vendor is a row; its module is imported at first use. ``make`` is a name in the module that is
given the model, the options, the settings and the call's name for the vendor's bills and logs, and
gives a dialect or a whole hearing.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from gateway.speech.choosing import Options, read, unknown
from gateway.speech.contract import Hearing
from gateway.speech.settings import VendorSettings


@dataclass(frozen=True)
class Row:
    module: str  # below gateway.speech
    make: str
    options: str = "Options"


ROWS = {
    "11labs": Row("transcribers.elevenlabs", "Scribe"),
    "assembly-ai": Row("transcribers.assemblyai", "AssemblyAI"),
    "azure": Row("transcribers.azure", "Azure"),
    "cartesia": Row("transcribers.cartesia", "dialect"),
    "custom-transcriber": Row("transcribers.custom", "Custom"),
    "deepgram": Row("vendors.deepgram_hearing", "hearing", "ListenOptions"),
    "embedded": Row("vendors.embedded", "EmbeddedHearing", "EarOptions"),
    "faster-whisper": Row("local.hearing", "whisper"),
    "gladia": Row("transcribers.gladia", "Gladia"),
    "google": Row("vendors.google_hearing", "GeminiHearing"),
    "openai": Row("transcribers.openai", "Realtime"),
    "sherpa-onnx": Row("local.hearing", "sherpa"),
    "soniox": Row("transcribers.soniox", "Soniox"),
    "speechmatics": Row("transcribers.speechmatics", "Speechmatics"),
    "talkscriber": Row("transcribers.talkscriber", "Talkscriber"),
    "xai": Row("transcribers.xai", "Xai"),
}
VENDORS = tuple(ROWS)


def hearing(
    vendor: str, model: str, options: Options, settings: VendorSettings, tag: str
) -> Hearing:
    """A call's ear. ConfigError names an unknown vendor or a wrong option."""
    if vendor not in ROWS:
        raise unknown("hearing", vendor, VENDORS)
    module = load(vendor)
    row = ROWS[vendor]
    made: Any = getattr(module, row.make)(
        model, read(getattr(module, row.options), options, vendor), settings, tag
    )
    if row.module.startswith("transcribers."):
        from gateway.speech.driver import DrivenHearing

        made = DrivenHearing(made, settings)
    hearing: Hearing = made
    return hearing


def load(vendor: str) -> Any:
    """The module of a vendor."""
    return import_module(f"gateway.speech.{ROWS[vendor].module}")
