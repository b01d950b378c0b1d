"""The API's transcribers and their fields, in the words of our vendors: a table."""

from collections.abc import Callable
from typing import Any

from gateway.api.vendors import Fields


def _listed(name: str) -> Callable[[Any], dict[str, Any]]:
    """One value where the vendor takes a list."""
    return lambda value: {name: [value]}


def _seconds(name: str) -> Callable[[Any], dict[str, Any]]:
    """Milliseconds where the vendor takes seconds."""
    return lambda value: {name: value / 1000}


def server(given: dict[str, Any]) -> dict[str, Any]:
    """A Server object, for a vendor that is somebody's own."""
    known = {name: given.get(name) for name in ("url", "secret", "headers")}
    known["timeout_s"] = given.get("timeoutSeconds")
    known["credential_id"] = given.get("credentialId")
    return {name: value for name, value in known.items() if value}


def _gladia_behaviour(behaviour: str) -> dict[str, Any]:
    """``manual`` means the language named; the automatic ones need none, and one of them follows
    a caller from one language into another."""
    return {"code_switching": behaviour == "automatic multiple languages"}


def _speechmatics_words(words: list[dict[str, Any]]) -> dict[str, Any]:
    def one(word: dict[str, Any]) -> dict[str, Any]:
        like = word.get("soundsLike")
        return {"content": word["content"]} | ({"sounds_like": like} if like else {})

    return {"additional_vocab": [one(word) for word in words]}


def _gladia_words(config: dict[str, Any]) -> dict[str, Any]:
    words = {"vocabulary": config["vocabulary"]}
    if config.get("defaultIntensity") is not None:
        words["default_intensity"] = config["defaultIntensity"]
    return {"custom_vocabulary": words}


HEARING: dict[str, Fields] = {
    "embedded": {},
    "11labs": {
        "language": "language",
        "silenceThresholdSeconds": "vad_silence_threshold_secs",
        "confidenceThreshold": "vad_threshold",
        "minSpeechDurationMs": "min_speech_duration_ms",
        "minSilenceDurationMs": "min_silence_duration_ms",
    },
    "assembly-ai": {
        "language": "language",
        "confidenceThreshold": "confidence_threshold",
        "formatTurns": "format_turns",
        "endOfTurnConfidenceThreshold": "end_of_turn_confidence_threshold",
        "minEndOfTurnSilenceWhenConfident": "min_turn_silence",
        "endUtteranceSilenceThreshold": "max_turn_silence",
        "maxTurnSilence": "max_turn_silence",
        "vadAssistedEndpointingEnabled": "force_endpoint",
        "mode": "mode",
        "prompt": "prompt",
        "agentContext": "agent_context",
        "languageCodes": "language_codes",
        "speechModel": "speech_model",
        "realtimeUrl": "url",
        "wordBoost": "keyterms_prompt",
        "keytermsPrompt": "keyterms_prompt",
        "disablePartialTranscripts": lambda off: {"partials": not off},
    },
    "azure": {
        "language": "language",
        "segmentationStrategy": "segmentation_strategy",
        "segmentationSilenceTimeoutMs": "segmentation_silence_timeout_ms",
        "segmentationMaximumTimeMs": "segmentation_maximum_time_ms",
    },
    "cartesia": {"language": "language"},
    "custom-transcriber": {"server": server},
    "deepgram": {
        "language": "language",
        "languages": "languages",
        "endpointing": "endpointing",
        "eotThreshold": "eot_threshold",
        "eotTimeoutMs": "eot_timeout_ms",
        "smartFormat": "smart_format",
        "numerals": "numerals",
        "profanityFilter": "profanity_filter",
        "mipOptOut": "mip_opt_out",
        "redaction": "redact",
        "keywords": "keywords",
        "keyterm": "keyterm",
        "confidenceThreshold": "confidence_threshold",
    },
    "faster-whisper": {"language": "language", "threads": "threads"},
    "gladia": {
        "languageBehaviour": _gladia_behaviour,
        "language": _listed("languages"),
        "languages": "languages",
        "audioEnhancer": "audio_enhancer",
        "confidenceThreshold": "confidence_threshold",
        "endpointing": "endpointing",
        "speechThreshold": "speech_threshold",
        "customVocabularyConfig": _gladia_words,
        "customVocabularyEnabled": lambda on: {} if on else {"custom_vocabulary": None},
        "region": "datacentre",
        "receivePartialTranscripts": "partials",
    },
    "google": {"language": "language"},
    "openai": {"language": "language"},
    "sherpa-onnx": {"language": "language", "threads": "threads"},
    "soniox": {
        "language": _listed("language_hints"),
        "languages": "language_hints",
        "languageHintsStrict": "language_hints_strict",
        "maxEndpointDelayMs": "max_endpoint_delay_ms",
        "endpointSensitivity": "endpoint_sensitivity",
        "endpointLatencyAdjustmentLevel": "endpoint_latency_adjustment_level",
        "customVocabulary": "terms",
        "contextGeneral": "general",
        "confidenceThreshold": "confidence_threshold",
    },
    "speechmatics": {
        "language": "language",
        "operatingPoint": "operating_point",
        "region": "datacentre",
        "enableDiarization": "diarization",
        "maxDelay": _seconds("max_delay"),
        "customVocabulary": _speechmatics_words,
        "numeralStyle": "numerals",
        "endOfTurnSensitivity": "end_of_turn_sensitivity",
        "removeDisfluencies": "remove_disfluencies",
    },
    "talkscriber": {"language": "language"},
    "xai": {"language": "language"},
}
