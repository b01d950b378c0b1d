"""Voices by the names that an assistant gives them: a table, as that of the transcribers."""

from typing import Any

from gateway.speech.choosing import Options, Row, made, unknown
from gateway.speech.contract import Speaking
from gateway.speech.settings import VendorSettings

ROWS = {
    "11labs": Row("voices.elevenlabs", "dialect"),
    "azure": Row("voices.azure", "Azure"),
    "cartesia": Row("voices.cartesia", "Cartesia"),
    "custom-voice": Row("voices.custom", "Custom"),
    "deepgram": Row("vendors.deepgram", "DeepgramSpeaking", "SpeakOptions"),
    "embedded": Row("vendors.espeak", "speaking", "Voice"),
    "hume": Row("voices.hume", "Hume"),
    "inworld": Row("voices.inworld", "Inworld"),
    "lmnt": Row("voices.lmnt", "LMNT"),
    "microsoft": Row("voices.azure", "Microsoft"),
    "minimax": Row("voices.minimax", "MiniMax"),
    "neuphonic": Row("voices.neuphonic", "Neuphonic"),
    "openai": Row("vendors.openai", "OpenAISpeaking", "VoiceOptions"),
    "playht": Row("voices.playht", "PlayHT"),
    "rime-ai": Row("voices.rime", "Rime"),
    "sherpa-onnx": Row("local.speaking", "voice"),
    "smallest-ai": Row("voices.smallest", "Smallest"),
    "xai": Row("voices.xai", "Xai"),
}
VENDORS = tuple(ROWS)


def speaking(
    vendor: str, model: str, options: Options, settings: VendorSettings, tag: str
) -> Speaking:
    """A call's voice. ConfigError names an unknown vendor or a wrong option."""
    if vendor not in ROWS:
        raise unknown("speaking", vendor, VENDORS)
    voice: Any = made(ROWS[vendor], vendor, model, options, settings, tag)
    if ROWS[vendor].module.startswith("voices."):
        from gateway.speech.voice_dialect import SocketVoice

        if isinstance(voice, SocketVoice):
            from gateway.speech.voice_socket import SocketSpeaking

            return SocketSpeaking(voice)
        from gateway.speech.voice_http import PostedSpeaking

        return PostedSpeaking(voice)
    speaking: Speaking = voice
    return speaking
