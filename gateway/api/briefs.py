"""From an assistant, in the API's JSON, to the brief that an agent is given."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NoReturn

from gateway.agent.brief import Brief, Choice, VendorKey
from gateway.agent.plans import ScreenPlan
from gateway.agent.screening import Screen
from gateway.api.consent_plans import consent_plan
from gateway.api.hook_plans import hook_plans
from gateway.api.introductions import Introductions
from gateway.api.models import THINKING, model_choice, substitutes
from gateway.api.targets import demanded, wanted
from gateway.api.tool_briefs import elsewhere, tool_briefs
from gateway.api.tools.knowledge import knowledge
from gateway.api.transcribers import HEARING
from gateway.api.turn_plans import turn_plans
from gateway.api.unusable import Unusable
from gateway.api.vendors import HOSTED, Fields, choice
from gateway.api.voice_plans import chunks, format_plan
from gateway.api.voicemail_plans import voicemail_plan
from gateway.api.voices import SPEAKING, voice_choice
from gateway.api.voices import substitutes as speaking_substitutes
from gateway.errors import ConfigError
from gateway.speech.spoken.plan import FormatPlan
from gateway.speech.spoken.writing import Writing

Assistant = dict[str, Any]


# Who thinks where nobody can.
_NOTICE = "No language model has been set up on this gateway, so I cannot answer you."
_NOBODY = {"script": {"start": "only", "states": {"only": {"unsure": [_NOTICE]}}}}


@dataclass(frozen=True)
class Defaults:
    """Who hears, thinks and speaks where the assistant does not say, or leaves it to the
    service."""

    hearing: Choice = field(default_factory=lambda: Choice(vendor="embedded"))
    speaking: Choice = field(default_factory=lambda: Choice(vendor="embedded"))
    spare_hearings: tuple[Choice, ...] = ()  # who else could hear: there is a key
    thinking: Choice = field(default_factory=lambda: Choice(vendor="script", options=_NOBODY))
    introductions: Introductions | None = None  # None: no server is shown a credential


# Of recordingFormat; the last is ours.
RECORDED_AS = {"wav;l16": "wav", "mp3": "mp3", "ogg;opus": "opus"}

_MODES: dict[str, Literal["speak", "wait", "generate"]] = {
    "assistant-speaks-first": "speak",
    "assistant-waits-for-user": "wait",
    "assistant-speaks-first-with-model-generated-message": "generate",
}


def resolve(assistant: Assistant, overrides: dict[str, Any] | None) -> Assistant:
    """The assistant with overrides laid over it: each replaces a whole field, but
    ``tools:append`` adds to the model's tools."""
    overrides = {k: v for k, v in (overrides or {}).items() if v is not None}
    more_tools = overrides.pop("tools:append", [])
    overrides.pop("variableValues", None)
    resolved = assistant | overrides
    if more_tools and resolved.get("model"):
        model = resolved["model"]
        resolved["model"] = model | {"tools": [*(model.get("tools") or []), *more_tools]}
    return resolved


async def brief_of(
    assistant: Assistant,
    defaults: Defaults,
    keys: Mapping[str, VendorKey],
    org_id: str,
) -> Brief:
    """The same for a call of this organisation: servers of its own are shown the credentials that
    they are to be shown. Raises Unusable."""
    brief = from_assistant(assistant, defaults, keys)
    if defaults.introductions is None:
        return brief
    if plan := brief.consent:
        asking = await defaults.introductions.made(plan.brief, org_id)
        plan = plan.model_copy(update={"brief": asking})
    made = await defaults.introductions.made(brief, org_id)
    return made.model_copy(update={"consent": plan}) if plan else made


def from_assistant(
    assistant: Assistant,
    defaults: Defaults | None = None,
    keys: Mapping[str, VendorKey] = MappingProxyType({}),
) -> Brief:
    """The brief of a checked assistant; ``keys`` are its owner's. Raises Unusable."""
    defaults = defaults or Defaults()
    model = assistant.get("model") or {}
    artifacts = assistant.get("artifactPlan") or {}
    hearing = _vendor("transcriber", HEARING, assistant, defaults.hearing)
    compliance = assistant.get("compliancePlan") or {}
    discreet = any(compliance.get(wish) for wish in ("hipaaEnabled", "pciEnabled"))
    hooks, hook_tools = hook_plans(assistant)
    language = _language(assistant)
    values: dict[str, Any] = {
        "language": language,
        "name": assistant.get("name"),
        "hearing": hearing,
        "hearing_substitutes": _hearing_substitutes(assistant, defaults),
        "vendor_tag": assistant.get("vendorTag"),
        "thinking": _thinking(assistant, defaults.thinking),
        "substitutes": substitutes(model),
        "fastest_first": _fastest(model),
        "fastest_voice_first": _fastest(assistant.get("voice") or {}),
        "emotion": model.get("emotionRecognitionEnabled"),
        "fast_turns": _whole(model.get("numFastTurns")),
        "speaking": _voice(assistant, defaults.speaking),
        "speaking_substitutes": speaking_substitutes(assistant),
        "keys": dict(keys),
        "system": tuple(_system(model)),
        "tools": tool_briefs(model, language),
        "elsewhere": elsewhere(model),
        "knowledge": knowledge(model),
        "temperature": model.get("temperature"),
        "max_tokens": _whole(model.get("maxTokens")),
        "greeting": assistant.get("firstMessage"),
        "greeting_mode": _greeting_mode(assistant),
        "greeting_interruptible": assistant.get("firstMessageInterruptionsEnabled"),
        **turn_plans(assistant, hearing),
        "silence_timeout_s": assistant.get("silenceTimeoutSeconds"),
        "max_duration_s": assistant.get("maxDurationSeconds"),
        "end_phrases": assistant.get("endCallPhrases"),
        "end_message": assistant.get("endCallMessage"),
        "silence_message": (assistant.get("messagePlan") or {}).get("silenceTimeoutMessage"),
        "voicemail": voicemail_plan(assistant),
        "voicemail_message": assistant.get("voicemailMessage"),
        "hooks": hooks,
        "hook_tools": hook_tools,
        "denoise": _denoised(assistant),
        "background": _background(assistant),
        "record": False if discreet else _recorded(assistant),
        "discreet": discreet,
        "screen": _screen(compliance),
        "capture": artifacts.get("pcapEnabled"),
        "chunks": chunks(assistant),
        "format": _format(assistant),
        "live": demanded(wanted({"assistant": assistant})),
        "record_as": RECORDED_AS.get(artifacts.get("recordingFormat") or ""),
    }
    # The brief knows the defaults of whatever is absent.
    brief = Brief(**{name: value for name, value in values.items() if value is not None})
    own = (compliance.get("recordingConsentPlan") or {}).get("voice")
    voice = _voice({"voice": own}, defaults.speaking) if own else None
    if plan := consent_plan(assistant, brief, voice):
        return brief.model_copy(update={"consent": plan})
    return brief


def _format(assistant: Assistant) -> FormatPlan:
    plan = format_plan(assistant)
    try:
        Writing(plan)
    except ConfigError as error:
        raise Unusable(f"voice.chunkPlan.formatPlan.{error}") from None
    return plan


def _vendor(name: str, table: dict[str, Fields], assistant: Assistant, default: Choice) -> Choice:
    part = assistant.get(name) or {"provider": HOSTED}
    if part["provider"] == HOSTED:
        return default
    return choice(table, part) or _stranger(name, part["provider"], table)


def _voice(assistant: Assistant, default: Choice) -> Choice:
    part = assistant.get("voice") or {"provider": HOSTED}
    if part["provider"] == HOSTED:
        return default
    return voice_choice(part) or _stranger("voice", part["provider"], SPEAKING)


def _thinking(assistant: Assistant, default: Choice) -> Choice:
    model = assistant.get("model")
    if not model:
        raise Unusable("model should not be empty: the assistant cannot hold a call without it")
    if model["provider"] == HOSTED:
        return default
    return model_choice(model) or _stranger("model", model["provider"], THINKING)


def _stranger(name: str, provider: str, table: dict[str, Fields]) -> NoReturn:
    raise Unusable(
        f"{name}.provider {provider} is not available on this gateway; "
        f"there are: {', '.join(sorted(table))}"
    )


def _hearing_substitutes(assistant: Assistant, defaults: Defaults) -> tuple[Choice, ...]:
    """Those that the plan names and this gateway has; then, if they are to be found automatically,
    the operator's others."""
    part = assistant.get("transcriber") or {}
    plan = part.get("fallbackPlan") or {}
    named = [choice(HEARING, one) for one in plan.get("transcribers") or ()]
    found = [one for one in named if one is not None]
    if (plan.get("autoFallback") or {}).get("enabled"):
        known = {part["provider"], *(one.vendor for one in found)}
        found += [one for one in defaults.spare_hearings if one.vendor not in known]
    return tuple(found)


def _background(assistant: Assistant) -> str:
    """A sound of the gateway's own, a URL, or none."""
    sound = assistant.get("backgroundSound") or "off"
    if sound in ("off", "office"):
        return "" if sound == "off" else sound
    if not sound.startswith(("http://", "https://")):
        raise Unusable(f"backgroundSound {sound!r} is neither off, office nor a URL")
    return str(sound)


def _language(assistant: Assistant) -> str:
    """The transcriber's, if it is a single one."""
    transcriber = assistant.get("transcriber") or {}
    language = transcriber.get("language") or ""
    several = not language or language.lower().startswith(("multi", "auto"))
    return "en" if several else str(language)


def _greeting_mode(assistant: Assistant) -> str:
    mode = _MODES[assistant.get("firstMessageMode") or "assistant-speaks-first"]
    return "wait" if mode == "speak" and not assistant.get("firstMessage") else mode


def _system(model: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if model.get("systemPrompt"):
        yield {"role": "system", "content": model["systemPrompt"]}
    for message in model.get("messages") or ():
        yield {"role": message["role"], "content": message.get("content") or ""}


def _denoised(assistant: Assistant) -> bool:
    """One suppressor serves all that the API names; their finer settings are for others."""
    plan = assistant.get("backgroundSpeechDenoisingPlan") or {}
    smart, fourier = plan.get("smartDenoisingPlan"), plan.get("fourierDenoisingPlan") or {}
    wishes = [
        smart is not None and smart.get("enabled") is not False,
        fourier.get("enabled"),
        assistant.get("backgroundDenoisingEnabled"),
    ]
    return any(wishes)


def _screen(compliance: dict[str, Any]) -> ScreenPlan | None:
    plan = compliance.get("securityFilterPlan") or {}
    if not plan.get("enabled"):
        return None
    filters = plan.get("filters") or ()
    made = ScreenPlan(
        kinds=tuple(f["type"] for f in filters if f.get("type", "regex") != "regex"),
        regexes=tuple(f["regex"] for f in filters if f.get("regex")),
        mode=plan.get("mode") or "sanitize",
        replacement=_given(plan, "replacementText", "[FILTERED]"),
    )
    try:
        Screen(made)
    except re.error as error:
        raise Unusable(
            f"compliancePlan.securityFilterPlan.filters: a regex is not valid: {error}"
        ) from None
    return made


def _given(plan: dict[str, Any], name: str, default: str) -> str:
    return default if plan.get(name) is None else str(plan[name])


def _recorded(assistant: Assistant) -> bool | None:
    plan = assistant.get("artifactPlan") or {}
    wish = plan.get("recordingEnabled")
    return assistant.get("recordingEnabled") if wish is None else bool(wish)


def _fastest(part: dict[str, Any]) -> bool:
    """Whether it and its substitutes are equals, of which the quickest is wanted."""
    return (part.get("fallbackPlan") or {}).get("order") == "fastest"


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
