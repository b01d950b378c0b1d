"""The API's voices and their fields, in the words of our vendors: a table."""

from dataclasses import asdict
from typing import Any

from gateway.agent.brief import Choice
from gateway.api.targets import backoff
from gateway.api.transcribers import server
from gateway.api.vendors import Fields, choice

Json = dict[str, Any]

WORDS_PER_MINUTE = 165  # the embedded voice at speed 1


def _words_per_minute(speed: float) -> Json:
    return {"words_per_minute": max(80, min(450, round(WORDS_PER_MINUTE * speed)))}


def _locators(locators: list[Json]) -> Json:
    names = {"pronunciationDictionaryId": "pronunciation_dictionary_id", "versionId": "version_id"}
    return {
        "pronunciation_dictionary_locators": [
            {ours: one[theirs] for theirs, ours in names.items() if one.get(theirs)}
            for one in locators
        ]
    }


def _controls(controls: Json) -> Json:
    """Cartesia's emotions are a list there, and one here."""
    known = {"speed": controls.get("speed"), "emotion": controls.get("emotion")}
    known["emotion"] = [known["emotion"]] if isinstance(known["emotion"], str) else known["emotion"]
    return {"controls": {name: value for name, value in known.items() if value is not None}}


def _generation(config: Json) -> Json:
    known = {name: config[name] for name in ("speed", "volume") if config.get(name) is not None}
    accent = (config.get("experimental") or {}).get("accentLocalization")
    if accent is not None:
        known["experimental"] = {"accent_localization": accent}
    return {"generation": known}


def _server(given: Json) -> Json:
    plan = asdict(backoff(given["backoffPlan"])) if given.get("backoffPlan") else None
    return server(given) | ({"backoff": plan | {"never": sorted(plan["never"])}} if plan else {})


def _whole(name: str) -> Any:
    return lambda value: {name: int(value)}


SPEAKING: dict[str, Fields] = {
    "11labs": {
        "voiceId": "voice",
        "language": "language",
        "stability": "stability",
        "similarityBoost": "similarity_boost",
        "style": "style",
        "useSpeakerBoost": "use_speaker_boost",
        "speed": "speed",
        "optimizeStreamingLatency": _whole("optimize_streaming_latency"),
        "enableSsmlParsing": "enable_ssml_parsing",
        "autoMode": "auto_mode",
        "pronunciationDictionaryLocators": _locators,
    },
    "azure": {"voiceId": "voice", "speed": "speed"},
    "cartesia": {
        "voiceId": "voice",
        "language": "language",
        "experimentalControls": _controls,
        "generationConfig": _generation,
        "pronunciationDictId": "pronunciation_dict_id",
    },
    "custom-voice": {"voiceId": "voice", "server": _server},
    "deepgram": {"voiceId": "voice", "speed": "speed", "mipOptOut": "mip_opt_out"},
    "embedded": {"voiceId": "voice", "speed": _words_per_minute},
    "hume": {"voiceId": "voice", "isCustomHumeVoice": "custom", "description": "description"},
    "inworld": {
        "voiceId": "voice",
        "languageCode": "language",
        "temperature": "temperature",
        "speakingRate": "speaking_rate",
    },
    "lmnt": {"voiceId": "voice", "speed": "speed", "language": "language"},
    "microsoft": {
        "voiceId": "voice",
        "speed": "speed",
        "style": "style",
        "styleDegree": "style_degree",
        "role": "role",
    },
    "minimax": {
        "voiceId": "voice",
        "emotion": "emotion",
        "pitch": _whole("pitch"),
        "speed": "speed",
        "volume": "volume",
        "region": "datacentre",
        "languageBoost": "language_boost",
        "textNormalizationEnabled": "text_normalization",
    },
    "neuphonic": {"voiceId": "voice", "language": "language", "speed": "speed"},
    "openai": {"voiceId": "voice", "speed": "speed", "instructions": "instructions"},
    "playht": {
        "voiceId": "voice",
        "speed": "speed",
        "temperature": "temperature",
        "emotion": "emotion",
        "voiceGuidance": "voice_guidance",
        "styleGuidance": "style_guidance",
        "textGuidance": "text_guidance",
        "language": "language",
    },
    "rime-ai": {
        "voiceId": "voice",
        "speed": "speed",
        "pauseBetweenBrackets": "pause_between_brackets",
        "phonemizeBetweenBrackets": "phonemize_between_brackets",
        "reduceLatency": "reduce_latency",
        "inlineSpeedAlpha": "inline_speed_alpha",
        "language": "language",
    },
    "sherpa-onnx": {"speaker": "speaker", "speed": "speed", "threads": "threads"},
    "smallest-ai": {"voiceId": "voice", "speed": "speed"},
    "xai": {"voiceId": "voice", "language": "language", "speed": "speed"},
}


def voice_choice(part: Json) -> Choice | None:
    """The voice that a part of an assistant names; None if it is not here."""
    found = choice(SPEAKING, part)
    if found and part.get("cachingEnabled") is False:
        return found.model_copy(update={"options": found.options | {"caching": False}})
    return found


def substitutes(assistant: Json) -> tuple[Choice, ...]:
    """Those of ``voice.fallbackPlan`` that this gateway has, in their order."""
    plan = (assistant.get("voice") or {}).get("fallbackPlan") or {}
    named = [voice_choice(one) for one in plan.get("voices") or ()]
    return tuple(one for one in named if one is not None)
