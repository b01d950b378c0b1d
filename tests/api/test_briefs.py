"""An assistant in the API's words becomes a brief in ours."""

from typing import Any

import pytest

from gateway.agent.brief import Brief, Choice, Condition
from gateway.agent.phrases import phrases
from gateway.agent.plans import Hook, HookAction
from gateway.agent.tongues import tongue
from gateway.api.briefs import Defaults, from_assistant, resolve
from gateway.api.models import THINKING
from gateway.api.transcribers import HEARING
from gateway.api.unusable import Unusable
from gateway.api.vendors import choice
from gateway.api.voices import SPEAKING
from gateway.speech import catalog
from gateway.speech.spoken.plan import FormatPlan

SCRIPT = {"provider": "script", "script": {"start": "hello"}}
DEEPGRAM = {"provider": "deepgram", "model": "nova-3"}
OPENAI = {"provider": "openai", "model": "gpt-4o"}


def brief(**fields: Any) -> Brief:
    return from_assistant({"model": OPENAI, **fields})


def test_the_smallest_assistant_has_the_documented_defaults() -> None:
    made = from_assistant({"model": SCRIPT})
    assert made.thinking == Choice(vendor="script", options={"script": {"start": "hello"}})
    assert made.hearing == made.speaking == Choice(vendor="embedded")
    assert (made.temperature, made.max_tokens) == (0.0, 250)
    assert (made.silence_timeout_s, made.max_duration_s) == (30.0, 600.0)
    assert (made.wait_s, made.interrupt_words, made.interrupt_voice_s) == (0.4, 0, 0.2)
    assert made.acknowledgements == tongue("en").acknowledgements
    assert made.record
    assert made.greeting_mode == "wait"


@pytest.mark.parametrize(
    ("fields", "denoised"),
    [
        ({}, False),
        ({"backgroundSpeechDenoisingPlan": {}}, False),
        ({"backgroundSpeechDenoisingPlan": {"smartDenoisingPlan": {}}}, True),
        ({"backgroundSpeechDenoisingPlan": {"smartDenoisingPlan": {"enabled": False}}}, False),
        ({"backgroundSpeechDenoisingPlan": {"fourierDenoisingPlan": {}}}, False),
        ({"backgroundSpeechDenoisingPlan": {"fourierDenoisingPlan": {"enabled": True}}}, True),
        ({"backgroundDenoisingEnabled": True}, True),
    ],
)
def test_denoising_is_asked_for_in_three_ways(fields: dict[str, Any], denoised: bool) -> None:
    assert brief(**fields).denoise is denoised


@pytest.mark.parametrize(
    ("given", "form"), [(None, None), ("wav;l16", "wav"), ("mp3", "mp3"), ("ogg;opus", "opus")]
)
def test_the_form_of_the_recording(given: str | None, form: str | None) -> None:
    assert brief(artifactPlan={"recordingFormat": given}).record_as == form


def test_every_field_that_a_brief_has_comes_from_its_documented_place() -> None:
    made = from_assistant(
        {
            "name": "Ann",
            "firstMessage": "Hello {{name}}",
            "firstMessageInterruptionsEnabled": True,
            "serverMessages": ["model-output"],
            "transcriber": {
                "provider": "deepgram",
                "model": "nova-3",
                "language": "de",
                "smartFormat": True,
                "redaction": ["pci"],
                "endpointing": 255,
            },
            "model": {
                **OPENAI,
                "temperature": 0.7,
                "maxTokens": 99,
                "systemPrompt": "Be brief.",
                "messages": [{"role": "system", "content": "And kind."}],
                "reasoningEffort": "low",
            },
            "voice": {"provider": "openai", "voiceId": "nova", "model": "tts-1", "speed": 1.5},
            "silenceTimeoutSeconds": 11,
            "maxDurationSeconds": 60,
            "endCallPhrases": ["bye"],
            "endCallMessage": "So long.",
            "startSpeakingPlan": {"waitSeconds": 0.9},
            "stopSpeakingPlan": {
                "numWords": 2,
                "voiceSeconds": 0.3,
                "backoffSeconds": 2,
                "acknowledgementPhrases": ["aha"],
                "interruptionPhrases": ["halt"],
            },
            "artifactPlan": {"recordingEnabled": False},
            "messagePlan": {
                "idleMessages": ["Still there?"],
                "idleTimeoutSeconds": 6,
                "silenceTimeoutMessage": "Gone?",
            },
        }
    )
    assert made == Brief(
        name="Ann",
        language="de",
        hearing=Choice(
            vendor="deepgram",
            model="nova-3",
            options={"language": "de", "smart_format": True, "redact": ["pci"], "endpointing": 255},
        ),
        thinking=Choice(vendor="openai", model="gpt-4o", options={"reasoning_effort": "low"}),
        speaking=Choice(vendor="openai", model="tts-1", options={"voice": "nova", "speed": 1.5}),
        system=(
            {"role": "system", "content": "Be brief."},
            {"role": "system", "content": "And kind."},
        ),
        temperature=0.7,
        max_tokens=99,
        greeting="Hello {{name}}",
        greeting_interruptible=True,
        wait_s=0.9,
        interrupt_words=2,
        interrupt_voice_s=0.3,
        backoff_s=2,
        acknowledgements=("aha",),
        silence_timeout_s=11,
        max_duration_s=60,
        end_phrases=("bye",),
        end_message="So long.",
        interruptions=("halt",),
        silence_message="Gone?",
        hooks=(
            Hook(
                on="silence",
                after_s=6,
                do=(HookAction(do="say", texts=("Still there?",), in_order=True),),
            ),
        ),
        record=False,
        format=FormatPlan(language="de"),
        live=("model",),
    )


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({"firstMessage": "Hi"}, "speak"),
        ({}, "wait"),
        ({"firstMessage": "Hi", "firstMessageMode": "assistant-waits-for-user"}, "wait"),
        ({"firstMessageMode": "assistant-speaks-first-with-model-generated-message"}, "generate"),
        ({"firstMessage": None, "firstMessageMode": None}, "wait"),
    ],
)
def test_who_speaks_first(fields: dict[str, Any], mode: str) -> None:
    assert brief(**fields).greeting_mode == mode


def test_tools_are_told_with_what_they_say_meanwhile() -> None:
    model = {
        **OPENAI,
        "tools": [
            {
                "type": "function",
                "async": True,
                "server": {"url": "https://x", "timeoutSeconds": 5},
                "messages": [
                    {"type": "request-start", "content": "One moment."},
                    {"type": "request-response-delayed", "timingMilliseconds": 2000,
                     "contents": [{"type": "text", "text": "Moment!", "language": "de"},
                                  {"type": "text", "text": "Still on it.", "language": "en"}]},
                    {"type": "request-start", "content": "On it.", "blocking": True,
                     "conditions": [{"param": "day", "operator": "eq", "value": "today"}]},
                    {"type": "request-complete", "content": "Praise.", "role": "system"},
                    {"type": "request-failed", "content": "!", "endCallAfterSpokenEnabled": True},
                ],
                "function": {
                    "name": "book", "description": "Books.", "strict": True,
                    "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
                },
            },
            {"type": "endCall"},
            {"type": "dtmf", "function": {"name": "press"}},
            {"type": "make"},
        ],
        "functions": [{"name": "older"}],
    }  # fmt: skip
    book, end, press, _, older = from_assistant({"model": model}).tools
    assert (book.kind, book.name, book.description) == ("function", "book", "Books.")
    assert book.parameters["properties"] == {"day": {"type": "string"}}
    assert (book.wait, book.timeout_s, book.server) == (
        False, 5, {"url": "https://x", "timeoutSeconds": 5})  # fmt: skip
    said = [(m.at, m.content, m.after_ms) for m in book.messages]
    assert said == [
        ("start", "One moment.", 0), ("delayed", "Still on it.", 2000), ("start", "On it.", 0),
        ("complete", "Praise.", 0), ("failed", "!", 0),
    ]  # fmt: skip
    _, _, on_it, complete, failed = book.messages
    assert on_it.conditions == (Condition(param="day", operator="eq", value="today"),)
    assert (on_it.blocking, complete.to_model, failed.end_call, book.strict) == (True,) * 4
    german = from_assistant({"model": model, "transcriber": {**DEEPGRAM, "language": "de-AT"}})
    assert german.tools[0].messages[1].content == "Moment!"
    assert (end.kind, end.name) == ("endCall", "endCall")
    assert (press.kind, press.name) == ("dtmf", "press")
    assert press.parameters["properties"]
    assert (older.kind, older.name, older.timeout_s) == ("function", "older", 20)
    # Where nobody wrote what is said meanwhile, there is something documented.
    assert {(m.at, m.content, m.own) for m in older.messages} == {
        ("start", text, True) for text in phrases("en").moments
    }


@pytest.mark.parametrize(
    ("sound", "background"),
    [
        (None, ""),
        ("off", ""),
        ("office", "office"),
        ("https://a.example/1.mp3", "https://a.example/1.mp3"),
    ],
)
def test_a_background_is_ours_or_a_url(sound: str | None, background: str) -> None:
    assert brief(backgroundSound=sound).background == background


@pytest.mark.parametrize(
    ("assistant", "said"),
    [
        ({}, "model should not be empty"),
        ({"model": {"provider": "acme"}}, "model.provider acme is not"),
        ({"model": OPENAI, "voice": {"provider": "sesame"}}, "voice.provider sesame is not avail"),
        ({"model": OPENAI, "transcriber": {"provider": "acme"}}, "transcriber.provider acme"),
        ({"model": OPENAI, "backgroundSound": "sea"}, "backgroundSound 'sea' is neither off"),
    ],
)
def test_an_assistant_that_cannot_hold_a_call_says_which_field(
    assistant: dict[str, Any], said: str
) -> None:
    with pytest.raises(Unusable, match=said):
        from_assistant(assistant)


def test_the_services_own_voice_is_the_operators_choice() -> None:
    defaults = Defaults(hearing=Choice(vendor="deepgram"), speaking=Choice(vendor="openai"))
    made = from_assistant({"model": SCRIPT, "voice": {"provider": "vapi"}}, defaults)
    assert made.speaking.vendor == "openai"
    assert made.hearing.vendor == "deepgram"


def test_overrides_replace_whole_fields_and_may_append_tools() -> None:
    assistant = {"name": "A", "firstMessage": "Hi", "model": {**OPENAI, "tools": [{"type": "a"}]}}
    overrides = {
        "firstMessage": "Ho",
        "voice": {"provider": "embedded"},
        "tools:append": [{"type": "b"}],
        "variableValues": {"x": 1},
        "name": None,
    }
    assert resolve(assistant, overrides) == {
        "name": "A",
        "firstMessage": "Ho",
        "voice": {"provider": "embedded"},
        "model": {**OPENAI, "tools": [{"type": "a"}, {"type": "b"}]},
    }
    assert assistant["model"]["tools"] == [{"type": "a"}]
    assert resolve(assistant, None) == assistant


FULL: dict[str, Any] = {
    "language": "en", "endpointing": 10, "smartFormat": True, "numerals": True,
    "profanityFilter": True, "mipOptOut": True, "redaction": ["pci"], "keywords": ["a:1"],
    "keyterm": ["a"], "confidenceThreshold": 0.4, "reasoningEffort": "low", "serviceTier": "auto",
    "promptCacheKey": "k", "promptCacheRetention": "24h", "url": "http://x", "headers": {"a": "b"},
    "script": {"rules": []}, "voiceId": "x", "speed": 1.0, "instructions": "Softly.",
}  # fmt: skip
SCRIPTED = ("script",)  # its options are a whole script, which its own tests know


@pytest.mark.parametrize(
    ("part", "table"),
    [("hearing", HEARING), ("thinking", THINKING), ("speaking", SPEAKING)],
)
def test_every_vendor_understands_the_options_it_is_given(part: Any, table: Any) -> None:
    for vendor in set(table) - set(SCRIPTED):
        made = choice(table, {"provider": vendor, "model": "m", **FULL})
        assert made is not None
        catalog.check(part, made.vendor, made.model, made.options)
    assert set(table) == set(getattr(catalog, part.upper()))
