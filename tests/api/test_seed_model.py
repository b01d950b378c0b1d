"""The published OpenAIModel schema: what it accepts is taken and read back, what it forbids is
refused with the field's name; both are generated from the schema. Its tools, messages and knowledge
base are references without a definition, so those are our own shapes.

Two things that it does not say are as the hosted service has them: a field that nobody documented
is refused, and null for a field that may be absent is as if it were.

``EXAMPLES=20000 pytest tests/api/test_seed_model.py`` tries so many.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.api.model_names import admit_models
from gateway.api.shapes import Schema, reference, shapes
from gateway.api.shapes.check import problems
from gateway.speech.settings import VendorSettings
from tests.api.generated import accepted, flaws, published
from tests.api.maximal import maximal, members

SCHEMA = json.loads((Path(__file__).parent.parent / "vectors/openai_model.schema.json").read_text())
NAMES = SCHEMA["properties"]["model"]["enum"]
UNKNOWN = ["a-model-of-next-year", "GPT-4o", "gpt-4o ", "gpt-4o:mars", "ft:gpt-4o:org::id"]
TOOLS = [maximal({"$ref": f"#/$defs/{shape}"}) for shape in members("Tool")]
EXAMPLES = int(os.environ.get("EXAMPLES", "80"))


def defined(schema: Any) -> Any:
    """The same, with references to our shapes."""
    if isinstance(schema, list):
        return [defined(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: defined(part) for name, part in schema.items()}
    if "$ref" in found:
        found["$ref"] = f"#/$defs/{published(found['$ref'].rpartition('/')[2])}"
    return found


PUBLISHED = defined(SCHEMA)
MODELS = accepted(PUBLISHED)


def found_in(model: dict[str, Any]) -> list[str]:
    return problems(reference("CreateAssistantDto"), {"model": model})


@pytest.fixture
def operator() -> Iterator[None]:
    """The operator's settings may change what is taken; then all is as it was."""
    before = dict(shapes())
    shapes()["OpenAiModelName"] = dict(before["OpenAiModelName"])
    yield
    shapes().update(before)


def test_every_published_name_is_taken() -> None:
    assert len(NAMES) == 118
    for name in NAMES:
        assert found_in({"provider": "openai", "model": name, "fallbackModels": [name]}) == []


@pytest.mark.parametrize("name", UNKNOWN)
async def test_another_name_is_refused_and_the_way_out_is_shown(
    api: httpx.AsyncClient, name: str
) -> None:
    for field, model in (
        ("model.model", {"model": name}),
        ("model.fallbackModels.0", {"fallbackModels": [name]}),
    ):
        body = {"model": {"provider": "openai", "model": "o3"} | model}
        answer = await api.post("/assistant", json=body)
        assert answer.status_code == 400
        (said,) = answer.json()["message"]
        assert f"{field} must be one of" in said
        assert "custom-llm" in said


@pytest.mark.usefixtures("operator")
def test_the_operator_adds_names() -> None:
    admit_models({"openai": VendorSettings(models=("mine",))})
    assert found_in({"provider": "openai", "model": "mine", "fallbackModels": ["o3"]}) == []
    assert found_in({"provider": "openai", "model": "yours"})


@pytest.mark.usefixtures("operator")
def test_another_server_has_names_of_its_own() -> None:
    admit_models({"openai": VendorSettings(base_url="https://api.openai.com/v1")})
    assert found_in({"provider": "openai", "model": "mine"})
    admit_models({"openai": VendorSettings(base_url="http://127.0.0.1:8000/v1")})
    assert found_in({"provider": "openai", "model": "mine"}) == []
    assert found_in({"provider": "openai", "model": ""})


@given(MODELS)
@settings(max_examples=EXAMPLES)
def test_what_the_schema_accepts_is_accepted(model: dict[str, Any]) -> None:
    assert found_in(model) == []


@given(MODELS, st.data())
@settings(max_examples=EXAMPLES)
def test_what_the_schema_forbids_is_refused_with_the_field_s_name(
    model: dict[str, Any], data: st.DataObject
) -> None:
    flaw = data.draw(st.sampled_from(list(flaws(PUBLISHED, model))))
    found = found_in(flaw.put(model))
    assert any(f"model.{flaw.path}".rstrip(".") in problem for problem in found), (flaw, found)


def test_every_keyword_of_every_field_is_heeded() -> None:
    """One flaw after the other, in a model that has every field and every kind of tool."""
    model = {
        name: part
        for name, part in maximal({"$ref": "#/$defs/OpenAiModel"}).items()
        if name in SCHEMA["properties"]
    }
    kinds = [maximal(kind) for kind in PUBLISHED["properties"]["tools"]["items"]["oneOf"]]
    assert len({tool["type"] for tool in kinds}) == 23
    tried: Counter[str] = Counter()
    fields = set()
    for whole in [model | {"tools": []}, *({"tools": [tool]} for tool in kinds)]:
        base = {"provider": "openai", "model": "o3"} | whole
        for flaw in flaws(PUBLISHED, base):
            if len(flaw.at) > 3:  # within a tool's own fields: the generated ones come to these
                continue
            found = found_in(flaw.put(base))
            assert any(f"model.{flaw.path}".rstrip(".") in one for one in found), (flaw, found)
            tried[flaw.keyword] += 1
            fields |= {flaw.at[0]} if flaw.at else set()
    assert fields == set(SCHEMA["properties"])
    assert tried.keys() >= {"type", "enum", "minimum", "maximum", "maxLength", "required"}


def test_an_unknown_field_is_refused() -> None:
    said = found_in({"provider": "openai", "model": "o3", "unheardOf": 1})
    assert said == ["model.property unheardOf should not exist"]


def flawed(schema: Schema, value: Any) -> bool:
    """By a validator that is not ours."""
    whole = standard(schema) | {"$id": "urn:model", "$defs": standard(shapes())}
    return not Draft202012Validator(whole).is_valid(value)


def standard(schema: Any) -> Any:
    """In the words of JSON Schema alone: it has no discriminator."""
    if isinstance(schema, list):
        return [standard(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "mapping" in schema.get("discriminator", ()):
        field, mapping = schema["discriminator"]["propertyName"], schema["discriminator"]["mapping"]
        chosen = [
            {"if": {"properties": {field: {"const": kind}}}, "then": {"$ref": target}}
            for kind, target in mapping.items()
        ]
        known = {field: {"enum": list(mapping)}}
        return {"type": "object", "required": [field], "properties": known, "allOf": chosen}
    return {name: standard(part) for name, part in schema.items()}


@given(MODELS, st.data())
@settings(max_examples=EXAMPLES // 4)
def test_another_validator_agrees_about_what_was_generated(
    model: dict[str, Any], data: st.DataObject
) -> None:
    assert not flawed(PUBLISHED, model)
    flaw = data.draw(st.sampled_from(list(flaws(PUBLISHED, model))))
    if flaw.keyword != "format":
        assert flawed(PUBLISHED, flaw.put(model)), flaw


async def test_what_the_schema_accepts_is_read_back(api: httpx.AsyncClient) -> None:
    made: list[Any] = []

    @seed(6)
    @given(MODELS)
    @settings(max_examples=EXAMPLES // 4, phases=[Phase.generate], database=None)
    def collect(model: dict[str, Any]) -> None:
        made.append(model)

    collect()
    for model in made:
        answer = await api.post("/assistant", json={"model": model})
        assert answer.status_code == 201, answer.text
        read = await api.get(f"/assistant/{answer.json()['id']}")
        assert read.json()["model"] == model


@pytest.mark.parametrize("required", ["provider", "model"])
def test_what_the_schema_requires_is_required(required: str) -> None:
    model = {"provider": "openai", "model": "gpt-4o"}
    del model[required]
    assert any(
        required in one for one in problems(reference("CreateAssistantDto"), {"model": model})
    )


async def test_a_model_with_everything_is_read_back(api: httpx.AsyncClient) -> None:
    model = maximal({"$ref": "#/$defs/OpenAiModel"}) | {"tools": TOOLS}
    made = await api.post("/assistant", json={"model": model})
    assert made.status_code == 201, made.text
    assert (await api.get(f"/assistant/{made.json()['id']}")).json()["model"] == model
