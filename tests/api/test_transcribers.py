"""Every documented field of every transcriber, and what the vendor is told of it."""

from typing import Any

import pytest

from gateway.agent.brief import Choice
from gateway.api.briefs import Defaults, from_assistant
from gateway.api.shapes import shapes
from gateway.api.transcribers import HEARING
from gateway.api.vendors import choice
from gateway.errors import Fault
from gateway.reasons import transcriber_failed
from gateway.speech import catalog

MODEL = {"provider": "openai", "model": "gpt-4o"}
# What the vendors' own protocols have no word for, or no longer have.
UNUSED = {
    "provider", "model", "fallbackPlan",
    "wordFinalizationMaxWaitTime", "agentContextAutoUpdateEnabled",  # assembly-ai
    "transcriptionHint", "prosody",  # gladia, before its version 2
    "minimumSpeechDuration",  # speechmatics
}  # fmt: skip
OWN = {"embedded"}
SERVER = {"url": "wss://ear.example/x", "secret": "s", "headers": {"a": "b"}}
EXAMPLES: dict[str, Any] = {
    "realtimeUrl": "wss://streaming.eu.assemblyai.com/v3/ws",
    "server": SERVER, "languages": ["en"], "language": "en",
    "customVocabularyConfig": {"vocabulary": ["Trunkline"], "defaultIntensity": 0.7},
    "contextGeneral": [{"key": "a", "value": "b"}],
}  # fmt: skip


def documented() -> dict[str, dict[str, Any]]:
    known = shapes()
    mapping = known["AssistantTranscriber"]["discriminator"]["mapping"]
    return {
        provider: known[where.rpartition("/")[2]]["properties"]
        for provider, where in mapping.items()
        if provider not in {"vapi", *OWN}
    }


def example(name: str, vendor: str, shape: dict[str, Any]) -> Any:
    if name == "customVocabulary":
        return ["Trunkline"] if vendor == "soniox" else [{"content": "A", "soundsLike": ["b"]}]
    if name in EXAMPLES:
        return EXAMPLES[name]
    if "enum" in shape:
        return shape["enum"][0]
    match shape.get("type"):
        case "boolean":
            return True
        case "array":
            return ["pci"] if name == "redaction" else ["en"]
        case "number" | "integer":
            return shape.get("maximum", shape.get("minimum", 1))
    return "text"


def test_every_documented_transcriber_can_be_had() -> None:
    assert set(HEARING) == {*documented(), *OWN} == set(catalog.HEARING)


@pytest.mark.parametrize("vendor", sorted(documented()))
def test_each_documented_field_is_told_to_the_vendor_in_its_own_words(vendor: str) -> None:
    fields = documented()[vendor]
    assert set(HEARING[vendor]) == set(fields) - UNUSED
    for names in [set(fields), *({name} for name in fields)]:
        part = {n: example(n, vendor, fields[n]) for n in names if n not in UNUSED}
        if vendor == "custom-transcriber":
            part["server"] = SERVER
        made = choice(HEARING, {"provider": vendor, **part})
        assert made is not None
        catalog.check("hearing", vendor, made.model, made.options)


def test_some_fields_change_on_their_way() -> None:
    def options(**part: Any) -> dict[str, Any]:
        made = choice(HEARING, part)
        assert made is not None
        return made.options

    assert options(provider="speechmatics", maxDelay=700)["max_delay"] == 0.7
    assert options(provider="soniox", language="de") == {"language_hints": ["de"]}
    words = {"vocabulary": ["a"]}
    gladia = {"provider": "gladia", "customVocabularyConfig": words}
    assert options(**gladia)["custom_vocabulary"] == words
    assert options(**gladia, customVocabularyEnabled=False)["custom_vocabulary"] is None


def test_a_plan_says_who_hears_if_the_first_fails() -> None:
    plan: dict[str, Any] = {"transcribers": [{"provider": "assembly-ai", "language": "en"}]}
    part = {"provider": "deepgram", "fallbackPlan": plan}
    defaults = Defaults(spare_hearings=(Choice(vendor="deepgram"), Choice(vendor="openai")))
    made = from_assistant({"model": MODEL, "transcriber": part}, defaults)
    spare = Choice(vendor="assembly-ai", options={"language": "en"})
    assert made.hearing_substitutes == (spare,)
    plan["autoFallback"] = {"enabled": True}
    made = from_assistant({"model": MODEL, "transcriber": part, "vendorTag": "x"}, defaults)
    assert made.hearing_substitutes == (spare, Choice(vendor="openai"))
    assert made.vendor_tag == "x"


@pytest.mark.parametrize(
    ("vendor", "fault", "reason"),
    [
        ("deepgram", Fault.THEIRS, "pipeline-error-deepgram-transcriber-failed"),
        ("deepgram", Fault.AUTH, "pipeline-error-deepgram-returning-401-invalid-credentials"),
        ("assembly-ai", Fault.QUOTA, "pipeline-error-assembly-ai-returning-400-insufficent-funds"),
        ("azure", Fault.AUTH, "pipeline-error-azure-speech-transcriber-failed"),
        ("11labs", Fault.THEIRS, "pipeline-error-eleven-labs-transcriber-failed"),
        ("custom-transcriber", Fault.THEIRS, "pipeline-error-custom-transcriber-failed"),
        ("soniox", Fault.OVERLOAD, "pipeline-error-soniox-transcriber-rate-limited"),
        ("xai", Fault.AUTH, "pipeline-error-xai-transcriber-auth-failed"),
        ("xai", Fault.QUOTA, "pipeline-error-xai-transcriber-failed"),
    ],
)
def test_the_call_ends_with_the_documented_reason(vendor: str, fault: Fault, reason: str) -> None:
    assert transcriber_failed(vendor, fault) == reason
