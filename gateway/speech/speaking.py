"""Voices by the names that an assistant gives them; an SDK is imported at first use."""

from gateway.speech.choosing import Options, read, unknown
from gateway.speech.contract import Speaking
from gateway.speech.settings import VendorSettings

VENDORS = ("deepgram", "embedded", "openai", "sherpa-onnx")


def speaking(
    vendor: str, model: str, options: Options, settings: VendorSettings, call_id: str
) -> Speaking:
    """A call's voice. ConfigError names an unknown vendor or a wrong option."""
    match vendor:
        case "deepgram":
            from gateway.speech.vendors import deepgram

            speak = read(deepgram.SpeakOptions, options, vendor)
            return deepgram.DeepgramSpeaking(model, speak, settings, call_id)
        case "openai":
            from gateway.speech.vendors import openai

            voice = read(openai.VoiceOptions, options, vendor)
            return openai.OpenAISpeaking(model, voice, settings, call_id)
        case "embedded":
            from gateway.speech.vendors import espeak

            return espeak.EspeakSpeaking(read(espeak.Voice, options, vendor))
        case "sherpa-onnx":  # as a row of a table: Row("local.speaking", "voice")
            from gateway.speech.local import speaking as local

            return local.LocalSpeaking(model, read(local.Options, options, vendor), settings)
    raise unknown("speaking", vendor, VENDORS)
