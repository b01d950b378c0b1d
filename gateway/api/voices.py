"""The API's voices and their fields, in the words of our vendors: a table."""

from typing import Any

from gateway.api.vendors import Fields

WORDS_PER_MINUTE = 165  # the embedded voice at speed 1


def _words_per_minute(speed: float) -> dict[str, Any]:
    return {"words_per_minute": max(80, min(450, round(WORDS_PER_MINUTE * speed)))}


SPEAKING: dict[str, Fields] = {
    "embedded": {"voiceId": "voice", "speed": _words_per_minute},
    "deepgram": {"voiceId": "voice", "speed": "speed", "mipOptOut": "mip_opt_out"},
    "sherpa-onnx": {"speaker": "speaker", "speed": "speed", "threads": "threads"},
    "openai": {"voiceId": "voice", "speed": "speed", "instructions": "instructions"},
}
