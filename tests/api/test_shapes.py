"""What the API takes and refuses, and that it says which field is wrong."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.api.shapes import open_api, reference, shapes
from gateway.api.shapes.check import DEEPEST, MOST, optional, problems

ASSISTANT = reference("CreateAssistantDto")
FUNCTION = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"foo": 1}, "property foo should not exist"),
        (
            {"model": {"provider": "openai", "model": "gpt-4o", "foo": 1}},
            "model.property foo should not exist",
        ),
        ({"firstMessage": 3}, "firstMessage must be a string"),
        ({"firstMessageInterruptionsEnabled": "yes"}, "must be a boolean value"),
        ({"maxDurationSeconds": "600"}, "maxDurationSeconds must be a number"),
        ({"maxDurationSeconds": True}, "maxDurationSeconds must be a number"),
        ({"maxDurationSeconds": 9}, "maxDurationSeconds must not be less than 10"),
        ({"maxDurationSeconds": 43201}, "maxDurationSeconds must not be greater than 43200"),
        ({"name": "x" * 41}, "name must be shorter than or equal to 40 characters"),
        ({"endCallPhrases": "bye"}, "endCallPhrases must be an array"),
        ({"endCallPhrases": ["bye", 1]}, "endCallPhrases.1 must be a string"),
        ({"endCallPhrases": ["x" * 141]}, "endCallPhrases.0 must be shorter"),
        ({"metadata": []}, "metadata must be an object"),
        ({"firstMessageMode": "shout"}, "firstMessageMode must be one of the following values: "),
        ({"serverMessages": ["nonsense"]}, "serverMessages.0 must be one of"),
        ({"model": {}}, "model.provider must be one of the following values: anthropic"),
        ({"model": "gpt"}, "model must be an object"),
        ({"model": {"provider": "openai"}}, "model.model should not be empty"),
        ({"voice": {"provider": "nobody"}}, "voice.provider must be one of"),
        (
            {"transcriber": {"provider": "deepgram", "endpointing": 9}},
            "transcriber.endpointing must not be less than 10",
        ),
        (
            {"transcriber": {"provider": "deepgram", "language": "klingon"}},
            "transcriber.language must be one of",
        ),
        (
            {"model": {"provider": "openai", "model": "o3", "tools": [FUNCTION, {"type": "x"}]}},
            "model.tools.1.type must be one of",
        ),
        (
            {"hooks": [{"on": "call.ending", "do": [], "filters": [{"type": "oneOf"}]}]},
            "hooks.0.filters.0.key should not be empty",
        ),
        ({"server": {"url": "http://x", "timeoutSeconds": 0}}, "server.timeoutSeconds must not"),
        ({"stopSpeakingPlan": {"numWords": 11}}, "stopSpeakingPlan.numWords must not be greater"),
    ],
)
def test_a_wrong_field_is_named_by_its_path(body: dict[str, Any], said: str) -> None:
    found = problems(ASSISTANT, body)
    assert said in found[0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": None, "model": None, "voice": None},
        {"model": {"provider": "groq", "model": "a-model-of-next-year", "tools": [FUNCTION]}},
        {"model": {"provider": "script", "script": {"any": ["thing"]}}},
        {"transcriber": {"provider": "embedded"}, "voice": {"provider": "embedded", "speed": 1.2}},
        {"voice": {"provider": "openai", "voiceId": "a-voice-of-next-year"}},
        {"backgroundSound": "https://example.org/rain.mp3"},
        {"voicemailDetection": "off"},
        {"voicemailDetection": {"provider": "vapi"}},
        {"metadata": {"any": {"thing": [1, None]}}},
        {"silenceTimeoutSeconds": 30, "serverUrl": "https://example.org", "recordingEnabled": True},
        {"server": {"url": "https://x", "secret": "s", "headers": {"X-A": "b"}}},
        {"server": {"backoffPlan": {"type": "fixed", "maxRetries": 2, "baseDelaySeconds": 1}}},
        {
            "model": {
                "provider": "openai",
                "model": "gpt-4o",
                "messages": [{"role": "system", "content": "Be brief."}],
                "tools": [
                    {
                        "type": "function",
                        "async": False,
                        "server": {"url": "https://example.org/tool"},
                        "messages": [{"type": "request-start", "content": "One moment."}],
                        "function": {
                            "name": "book",
                            "parameters": {
                                "type": "object",
                                "properties": {"day": {"type": "string", "minLength": 1}},
                                "additionalProperties": False,
                            },
                        },
                    },
                    {"type": "endCall"},
                    {"type": "dtmf"},
                ],
            }
        },
        {
            "hooks": [
                {
                    "on": "customer.speech.timeout",
                    "options": {"timeoutSeconds": 5, "triggerMaxCount": 2},
                    "do": [{"type": "say", "exact": ["Are you there?", "Hello?"]}],
                }
            ]
        },
        {"startSpeakingPlan": {"waitSeconds": 0.4, "smartEndpointingEnabled": "livekit"}},
    ],
)
def test_what_is_documented_is_taken(body: dict[str, Any]) -> None:
    assert problems(ASSISTANT, body) == []


def test_of_many_problems_each_is_told_but_not_without_end() -> None:
    assert len(problems(ASSISTANT, {"a": 1, "b": 2, "name": 3})) == 3
    assert len(problems(ASSISTANT, {str(n): n for n in range(1000)})) == MOST


def test_a_patch_needs_nothing_but_checks_the_rest() -> None:
    patch = optional({"$ref": "#/$defs/CreateByoPhoneNumberDto"})
    assert problems(patch, {"name": "Desk"}) == []
    assert problems(patch, {"name": 1}) == ["name must be a string"]


def test_nesting_has_an_end() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/Nest"}}}
    shapes()["Nest"] = schema
    try:
        value: dict[str, Any] = {}
        for _ in range(DEEPEST * 2):
            value = {"a": value}
        assert problems(schema, value)[0].endswith("is nested too deeply")
    finally:
        del shapes()["Nest"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(sorted(shapes()["CreateAssistantDto"]["properties"])), JSON))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_the_answer_is_a_list_of_sentences(body: dict[str, Any]) -> None:
    found = problems(ASSISTANT, body)
    assert all(isinstance(problem, str) and problem for problem in found)
    for field in body:
        if not any(problem.startswith((field, f"property {field}")) for problem in found):
            assert problems(ASSISTANT, {field: body[field]}) == [] or len(found) == MOST


def example(schema: dict[str, Any], depth: int = 0) -> Any:
    """A value that fits, with every field that is not too deep."""
    if "$ref" in schema:
        schema = shapes()[schema["$ref"].rpartition("/")[2]]
    if "discriminator" in schema:
        kind, member = next(iter(schema["discriminator"]["mapping"].items()))
        made = example({"$ref": member}, depth)
        return {**made, schema["discriminator"]["propertyName"]: kind}
    if "anyOf" in schema:
        return example(schema["anyOf"][0], depth)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][-1]
    match schema.get("type"):
        case "string":
            text = "2026-01-02T03:04:05Z" if schema.get("format") else "x"
            return text * max(1, schema.get("minLength", 1)) if text == "x" else text
        case "number" | "integer":
            return schema.get("minimum", schema.get("maximum", 1))
        case "boolean":
            return True
        case "array":
            return [] if depth > 6 else [example(schema["items"], depth + 1)]
        case "object":
            required = schema.get("required", ())
            return {
                name: example(part, depth + 1)
                for name, part in schema.get("properties", {}).items()
                if depth <= 6 or name in required
            }
    return {}


@pytest.mark.parametrize("name", sorted(shapes()))
def test_every_shape_takes_its_own_example_and_no_unknown_field(name: str) -> None:
    schema = reference(name)
    value = example(schema)
    assert problems(schema, value) == []
    resolved = shapes()[name]
    if resolved.get("additionalProperties") is False:
        assert problems(schema, {**value, "n0t a field": 1}) == [
            "property n0t a field should not exist"
        ]


def test_the_open_api_form_has_no_reference_that_leads_nowhere() -> None:
    described = open_api()
    text = json.dumps(described)
    assert "$defs" not in text
    targets = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert targets <= set(described)
