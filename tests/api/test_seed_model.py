"""The published OpenAIModel schema: what it accepts is taken and read back, what it forbids is
refused with the field's name. Its tools and knowledge base are references without a definition,
so those come from our own shapes; names of models are deliberately not enumerated."""

from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.api.shapes import reference
from gateway.api.shapes.check import problems
from tests.api.maximal import maximal, members

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
    "fallbackModels": st.lists(st.sampled_from(["gpt-4o", "gpt-4.1:westus"])),
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
    {"provider": st.just("openai"), "model": st.sampled_from(["gpt-4o", "gpt-5.4", "o3"])},
    optional=KNOWN,
)
WRONG: dict[str, st.SearchStrategy[Any]] = {
    "messages": st.sampled_from(["x", 1, {}, [1], [{"role": "boss"}], [{"content": "x"}]]),
    "tools": st.sampled_from(["x", 1, {}, [1], [{}], [{"type": "laser"}]]),
    "toolIds": st.sampled_from(["x", 1, {}, [1], [None]]),
    "knowledgeBase": st.sampled_from(["x", 1, [], {"provider": "other"}]),
    "model": st.sampled_from([1, True, [], {}, ""]),
    "provider": st.sampled_from([1, True, [], {}, "", "nobody"]),
    "fallbackModels": st.sampled_from(["x", 1, {}, [1]]),
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
