"""The published OpenAIModel schema: what it accepts is taken and read back, what it forbids is
refused with the field's name. Its tools and knowledge base are references without a definition,
so those come from our own shapes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.api.model_names import admit_models
from gateway.api.shapes import reference, shapes
from gateway.api.shapes.check import problems
from gateway.speech.settings import VendorSettings
from tests.api.maximal import maximal, members

SCHEMA = json.loads((Path(__file__).parent.parent / "vectors/openai_model.schema.json").read_text())
NAMES = SCHEMA["properties"]["model"]["enum"]
UNKNOWN = ["a-model-of-next-year", "GPT-4o", "gpt-4o ", "gpt-4o:mars", "ft:gpt-4o:org::id"]
WORDS = st.text(min_size=1, max_size=20)
TOOLS = [maximal({"$ref": f"#/$defs/{shape}"}) for shape in members("Tool")]
KNOWN = {
    "messages": st.lists(
        st.fixed_dictionaries(
            {"role": st.sampled_from(["assistant", "system", "user", "function", "tool"])},
            optional={"content": WORDS},
        )
    ),
    "tools": st.lists(st.sampled_from(TOOLS), max_size=3),
    "toolIds": st.lists(WORDS),
    "knowledgeBase": st.just(maximal({"$ref": "#/$defs/CreateCustomKnowledgeBaseDto"})),
    "fallbackModels": st.lists(st.sampled_from(NAMES), max_size=3),
    "toolStrictCompatibilityMode": st.sampled_from(
        ["strip-unsupported-validation", "strip-parameters-with-unsupported-validation"]
    ),
    "promptCacheRetention": st.sampled_from(["in_memory", "24h"]),
    "promptCacheKey": st.text(max_size=64),
    "temperature": st.floats(0, 2),
    "maxTokens": st.integers(50, 10_000),
    "emotionRecognitionEnabled": st.booleans(),
    "numFastTurns": st.integers(0, 100),
}
MODELS = st.fixed_dictionaries(
    {"provider": st.just("openai"), "model": st.sampled_from(NAMES)},
    optional=KNOWN,
)
WRONG: dict[str, st.SearchStrategy[Any]] = {
    "messages": st.sampled_from(["x", 1, {}, [1], [{"role": "boss"}], [{"content": "x"}]]),
    "tools": st.sampled_from(["x", 1, {}, [1], [{}], [{"type": "laser"}]]),
    "toolIds": st.sampled_from(["x", 1, {}, [1], [None]]),
    "knowledgeBase": st.sampled_from(["x", 1, [], {"provider": "other"}]),
    "model": st.sampled_from([1, True, [], {}, "", *UNKNOWN]),
    "provider": st.sampled_from([1, True, [], {}, "", "nobody"]),
    "fallbackModels": st.sampled_from(["x", 1, {}, [1], *([name] for name in UNKNOWN)]),
    "toolStrictCompatibilityMode": st.sampled_from([1, "x", []]),
    "promptCacheRetention": st.sampled_from([1, "48h", []]),
    "promptCacheKey": st.one_of(st.integers(), st.text(min_size=65, max_size=70)),
    "temperature": st.one_of(
        st.floats(max_value=-0.001, allow_infinity=False),
        st.floats(min_value=2.001, allow_infinity=False),
        WORDS,
        st.booleans(),
    ),
    "maxTokens": st.one_of(st.integers(max_value=49), st.integers(min_value=10_001), WORDS),
    "emotionRecognitionEnabled": st.sampled_from([1, "true", []]),
    "numFastTurns": st.one_of(st.integers(max_value=-1), WORDS),
    "unheardOf": WORDS,
}


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
@settings(max_examples=60, deadline=None)
def test_what_the_schema_accepts_is_accepted(model: dict[str, Any]) -> None:
    assert problems(reference("CreateAssistantDto"), {"model": model}) == []


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_what_the_schema_forbids_is_refused_with_the_field_s_name(data: st.DataObject) -> None:
    model = data.draw(MODELS)
    field = data.draw(st.sampled_from(sorted(WRONG)))
    wrong = model | {field: data.draw(WRONG[field])}
    found = problems(reference("CreateAssistantDto"), {"model": wrong})
    assert found
    assert all("model" in problem and field in problem for problem in found), found


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
