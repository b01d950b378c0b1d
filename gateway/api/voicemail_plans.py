"""From an assistant's ``voicemailDetection`` to a brief's plan.

Every provider's plan runs on the gateway's own detector; ``google`` and ``openai``, and the type
``transcript``, have the assistant's model judge the words, too.
"""

from math import log
from typing import Any

from gateway.agent.opening import MIDDLE_S, PAUSE_S, STEEPNESS, SURE
from gateway.agent.plans import VoicemailPlan

Json = dict[str, Any]

_DEFAULT_TYPES = ("machine_end_beep", "machine_end_silence")
_SILENCE_MS = 5000.0
# A machine is declared when the first utterance is this much longer than ``middle_s``.
_BEYOND_S = round(log(SURE / (1 - SURE)) / STEEPNESS, 2)


def voicemail_plan(assistant: Json) -> VoicemailPlan | None:
    """None: nothing is detected."""
    plan = assistant.get("voicemailDetection")
    if not isinstance(plan, dict) or plan.get("enabled") is False:  # absent or "off"
        return None
    message = assistant.get("voicemailMessage") or ""
    made = _twilio(plan) if plan["provider"] == "twilio" else _checked(plan)
    return VoicemailPlan(**{k: v for k, v in made.items() if v is not None}, message=message)


def _checked(plan: Json) -> Json:
    backoff = plan.get("backoffPlan") or {}
    by_model = plan["provider"] in ("google", "openai") or plan.get("type") == "transcript"
    return {
        "by": "transcript" if by_model else "sound",
        "beep_wait_s": plan.get("beepMaxAwaitSeconds"),
        "first_check_s": backoff.get("startAtSeconds"),
        "every_s": backoff.get("frequencySeconds"),
        "checks": None if backoff.get("maxRetries") is None else int(backoff["maxRetries"]),
    }


def _twilio(plan: Json) -> Json:
    types = plan.get("voicemailDetectionTypes") or _DEFAULT_TYPES
    speech_ms = plan.get("machineDetectionSpeechThreshold")
    pause_ms = plan.get("machineDetectionSpeechEndThreshold")
    silence_ms = plan.get("machineDetectionSilenceTimeout") or _SILENCE_MS
    return {
        "beep_wait_s": plan.get("machineDetectionTimeout"),
        "middle_s": MIDDLE_S if speech_ms is None else speech_ms / 1000 - _BEYOND_S,
        "pause_s": PAUSE_S if pause_ms is None else pause_ms / 1000,
        "silence_s": silence_ms / 1000 if "machine_end_silence" in types else 0.0,
        "fax": "fax" in types,
    }
