"""Vendors by the names that an assistant gives them. Their SDKs are imported at first use."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.errors import ConfigError
from gateway.speech.contract import Hearing, Speaking, Thinking
from gateway.speech.settings import VendorSettings

HEARING = ("deepgram", "embedded")
SPEAKING = ("deepgram", "embedded", "openai")
# A row of gateway.speech.vendors.openai.COMPATIBLE each, and the script.
THINKING = (
    "anthropic", "cerebras", "custom-llm", "deep-seek", "deepinfra", "google", "groq", "minimax",
    "openai", "openrouter", "perplexity-ai", "script", "together-ai", "xai",
)  # fmt: skip

Part = Literal["hearing", "thinking", "speaking"]
Options = Mapping[str, Any]
Model = TypeVar("Model", bound=BaseModel)


def hearing(
    vendor: str, model: str, options: Options, settings: VendorSettings, call_id: str
) -> Hearing:
    """A call's ear. ConfigError names an unknown vendor or a wrong option."""
    match vendor:
        case "deepgram":
            from gateway.speech.vendors import deepgram

            listen = _read(deepgram.ListenOptions, options, vendor)
            return deepgram.DeepgramHearing(model, listen, settings, call_id)
        case "embedded":
            from gateway.speech.vendors import embedded

            return embedded.EmbeddedHearing(_read(embedded.EarOptions, options, vendor), settings)
    raise _unknown("hearing", vendor, HEARING)


def thinking(
    vendor: str, model: str, options: Options, settings: VendorSettings, call_id: str
) -> Thinking:
    """A call's language model. ConfigError names an unknown vendor or a wrong option."""
    if vendor not in THINKING:
        raise _unknown("thinking", vendor, THINKING)
    if vendor == "script":
        from gateway.speech.vendors import script

        chosen = _read(script.ScriptOptions, options, vendor)
        return script.ScriptThinking(chosen.script, {"callId": call_id} | chosen.variables)
    from gateway.speech.vendors import openai

    chat = _read(openai.ChatOptions, options, vendor)
    return openai.OpenAIThinking(vendor, model, chat, settings, call_id)


def speaking(
    vendor: str, model: str, options: Options, settings: VendorSettings, call_id: str
) -> Speaking:
    """A call's voice. ConfigError names an unknown vendor or a wrong option."""
    match vendor:
        case "deepgram":
            from gateway.speech.vendors import deepgram

            speak = _read(deepgram.SpeakOptions, options, vendor)
            return deepgram.DeepgramSpeaking(model, speak, settings, call_id)
        case "openai":
            from gateway.speech.vendors import openai

            voice = _read(openai.VoiceOptions, options, vendor)
            return openai.OpenAISpeaking(model, voice, settings, call_id)
        case "embedded":
            from gateway.speech.vendors import espeak

            return espeak.EspeakSpeaking(_read(espeak.Voice, options, vendor))
    raise _unknown("speaking", vendor, SPEAKING)


def check(part: Part, vendor: str, model: str, options: Options) -> None:
    """Whether an assistant can be built so; ConfigError says which field is wrong."""
    make = {"hearing": hearing, "thinking": thinking, "speaking": speaking}[part]
    make(vendor, model, options, VendorSettings(base_url="http://unset.invalid"), "")


def warm_up(*vendors: str) -> None:
    """Import what these vendors need, half a second each for an SDK, before a call waits for it."""
    from importlib import import_module

    files = {"deepgram": ["deepgram"], "embedded": ["embedded", "espeak"], "script": ["script"]}
    for vendor in vendors:
        for name in files.get(vendor, ["openai"]):
            import_module(f"gateway.speech.vendors.{name}")


async def close() -> None:
    """At exit: close what the calls of this process shared."""
    from gateway.speech.vendors.shared import close_all

    await close_all()


def _read(kind: type[Model], options: Options, vendor: str) -> Model:
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ConfigError(f"{vendor}: {place}: {first['msg']}{more}") from None


def _unknown(part: str, vendor: str, known: tuple[str, ...]) -> ConfigError:
    return ConfigError(f"unknown vendor for {part}: {vendor!r}; known are {', '.join(known)}")
