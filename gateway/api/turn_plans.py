"""From an assistant's plans for speaking and keys to those of a brief."""

import re
from typing import Any

from gateway.agent.brief import Choice
from gateway.agent.plans import Endpointing, KeypadPlan, Pattern, Rule
from gateway.agent.tongues import tongue
from gateway.agent.wait_function import wait_function
from gateway.api.unusable import Unusable

Json = dict[str, Any]

# The documented default of a LiveKit plan.
WAIT_FUNCTION = "20 + 500 * sqrt(x) + 2500 * x^3"

_FLAGS = {"ignore-case": re.IGNORECASE, "multi-line": re.MULTILINE}


def turn_plans(assistant: Json, hearing: Choice) -> dict[str, Any]:
    """Fields of the brief; None where the assistant leaves one to it. Raises Unusable."""
    start = assistant.get("startSpeakingPlan") or {}
    stop = assistant.get("stopSpeakingPlan") or {}
    spoken = tongue(str(hearing.options.get("language") or "en"))
    if not spoken.acknowledgements:
        spoken = tongue("en")
    words = stop.get("numWords")
    wait_s = start.get("waitSeconds")
    return {
        "wait_s": assistant.get("responseDelaySeconds") if wait_s is None else wait_s,
        "endpointing": _endpointing(_with_delay(start, assistant), hearing),
        "early": start.get("earlyReply"),
        "early_after_s": start.get("earlyReplySeconds"),
        "hedge_after_s": start.get("hedgeAfterSeconds"),
        "interrupt_words": None if words is None else int(words),
        "interrupt_voice_s": stop.get("voiceSeconds"),
        "backoff_s": stop.get("backoffSeconds"),
        "acknowledgements": _phrases(stop, "acknowledgementPhrases", spoken.acknowledgements),
        "interruptions": _phrases(stop, "interruptionPhrases", spoken.interruptions),
        "keypad": _keypad(assistant.get("keypadInputPlan")),
    }


def _with_delay(start: Json, assistant: Json) -> Json:
    """``llmRequestDelaySeconds`` is what older clients call the wait after punctuation."""
    delay_s = assistant.get("llmRequestDelaySeconds")
    if delay_s is None or start.get("transcriptionEndpointingPlan"):
        return start
    return start | {"transcriptionEndpointingPlan": {"onPunctuationSeconds": delay_s}}


def _phrases(stop: Json, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """An empty list is a wish; none at all is the default of the transcriber's language."""
    return default if stop.get(name) is None else tuple(stop[name])


def _keypad(plan: Json | None) -> KeypadPlan | None:
    if plan is None:
        return None
    given = {
        "enabled": bool(plan.get("enabled")),
        "timeout_s": plan.get("timeoutSeconds"),
        "delimiters": plan.get("delimiters"),
    }
    return KeypadPlan(**{name: value for name, value in given.items() if value is not None})


def _endpointing(start: Json, hearing: Choice) -> Endpointing:
    smart = start.get("smartEndpointingPlan")
    older = start.get("smartEndpointingEnabled")
    if smart is None and older:
        smart = {"provider": "livekit" if older == "livekit" else "vapi"}
    given: Json = {"rules": _rules(start.get("customEndpointingRules") or ())}
    if text := start.get("transcriptionEndpointingPlan"):
        given |= {
            "punctuation_s": text.get("onPunctuationSeconds"),
            "no_punctuation_s": text.get("onNoPunctuationSeconds"),
            "number_s": text.get("onNumberSeconds"),
        }
    if smart is not None:
        given |= _smart(smart)
    elif _knows_the_end(hearing):
        given["by"] = "transcriber"
    elif text or older is False:
        given["by"] = "text"
    return Endpointing(**{name: value for name, value in given.items() if value is not None})


def _smart(plan: Json) -> Json:
    match plan["provider"]:
        case "livekit":
            function = plan.get("waitFunction") or WAIT_FUNCTION
            try:
                wait_function(function)
            except ValueError as error:
                where = "startSpeakingPlan.smartEndpointingPlan.waitFunction"
                raise Unusable(f"{where} {error}") from None
            return {"by": "function", "function": function}
        case "custom-endpointing-model":
            return {"by": "server", "server": plan.get("server")}
    return {"by": "estimate"}


def _knows_the_end(hearing: Choice) -> bool:
    """Whether the transcriber says by itself when a turn is over."""
    flux = hearing.vendor == "deepgram" and hearing.model.startswith("flux")
    return flux or hearing.vendor == "assembly-ai"


def _rules(rules: Any) -> tuple[Rule, ...]:
    made = []
    for index, rule in enumerate(rules):
        where = f"startSpeakingPlan.customEndpointingRules[{index}]"
        sides: dict[str, Pattern] = {}
        for side in ("assistant", "customer"):
            if rule.get("type") == side:
                sides[side] = _pattern(rule["regex"], rule.get("regexOptions"), f"{where}.regex")
            elif rule.get("type") == "both":
                name = f"{side}Regex"
                options = rule.get(f"{name}Options")
                sides[side] = _pattern(rule[name], options, f"{where}.{name}")
        made.append(Rule(wait_s=rule["timeoutSeconds"], **sides))
    return tuple(made)


def _pattern(regex: str, options: list[Json] | None, where: str) -> Pattern:
    chosen = {option["type"] for option in options or () if option.get("enabled")}
    if "whole-word" in chosen:
        regex = rf"\b(?:{regex})\b"
    flags = 0
    for name, flag in _FLAGS.items():
        flags |= flag if name in chosen else 0
    try:
        re.compile(regex, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unusable(f"{where} is not a regular expression: {error}") from None
    return Pattern(regex=regex, flags=int(flags))
