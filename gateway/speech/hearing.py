"""Transcribers by the names that an assistant gives them: a table."""

from typing import Any

from gateway.speech.choosing import Options, Row, made, unknown
from gateway.speech.contract import Hearing
from gateway.speech.settings import VendorSettings

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
    ear: Any = made(ROWS[vendor], vendor, model, options, settings, tag)
    if ROWS[vendor].module.startswith("transcribers."):
        from gateway.speech.driver import DrivenHearing

        ear = DrivenHearing(ear, settings)
    hearing: Hearing = ear
    return hearing
