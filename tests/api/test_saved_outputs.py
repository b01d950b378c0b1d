"""Structured outputs and scorecards that are saved: for the calls of the assistants that name them,
or that they name; and run again for calls that are over."""

from typing import Any

import httpx
import pytest

from gateway.agent.brief import Brief, Choice
from gateway.api.analysis import Analyst
from gateway.api.saved_outputs import Saved
from gateway.api.scorecards import result
from gateway.calls.record import CallRecord, Status
from gateway.store import Store
from tests.api.test_analysis import over

Json = dict[str, Any]
ASSISTANT = "22222222-2222-4222-8222-222222222222"
NUMBER: Json = {
    "name": "Number",
    "type": "regex",
    "regex": r"/NUMBER is (\d+)/i",
    "schema": {"type": "integer"},
}
BOOKED: Json = {
    "name": "Booked",
    "type": "regex",
    "regex": "Monday",
    "schema": {"type": "boolean"},
}
NOBODY = "11111111-1111-4111-8111-111111111111"
NONE = Choice(vendor="script")


async def made(api: httpx.AsyncClient, path: str, **body: Any) -> str:
    answer = await api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def a_record(**fields: Any) -> CallRecord:
    record = over("When?", "On Monday, my number is 4711.")
    record.org_id = ""
    return record.model_copy(update=fields)


async def found(store: Store, plan: Json, **fields: Any) -> Json:
    analyst = Analyst({}, saved=Saved(store))
    brief = Brief(hearing=NONE, thinking=NONE, speaking=NONE)
    papers = {"assistant": {"artifactPlan": plan}}
    return dict((await analyst.analyse(a_record(**fields), papers, brief)).outputs)


async def test_an_assistant_names_what_is_saved(api: httpx.AsyncClient, store: Store) -> None:
    one = await made(api, "/structured-output", **NUMBER)
    await made(api, "/structured-output", **BOOKED)
    outputs = await found(store, {"structuredOutputIds": [one, NOBODY]})
    assert outputs["structuredOutputs"] == {one: {"name": "Number", "result": 4711}}


async def test_what_names_the_assistant_is_meant_as_well(
    api: httpx.AsyncClient, store: Store
) -> None:
    linked = {"assistantIds": [ASSISTANT]}
    one = await made(api, "/structured-output", **NUMBER, **linked)
    card = await made(api, "/observability/scorecard", metrics=[], **linked)
    outputs = await found(store, {}, assistant_id=ASSISTANT)
    assert list(outputs["structuredOutputs"]) == [one]
    assert list(outputs["scorecards"]) == [card]
    assert await found(store, {}, assistant_id=NOBODY) == {}
    assert await found(store, {}) == {}


async def test_another_organisation_s_are_not_found(store: Store) -> None:
    theirs = await store.of("another").structured_outputs.create(NUMBER)
    assert await found(store, {"structuredOutputIds": [theirs.id]}) == {}


async def test_a_scorecard_gives_points_for_outputs(api: httpx.AsyncClient, store: Store) -> None:
    number = await made(api, "/structured-output", **NUMBER)
    booked = await made(api, "/structured-output", **BOOKED)
    metrics = [
        {"structuredOutputId": booked, "conditions": [
            {"type": "comparator", "comparator": "=", "value": True, "points": 70}]},
        {"structuredOutputId": number, "conditions": [
            {"type": "comparator", "comparator": ">", "value": 5000, "points": 30}]},
    ]  # fmt: skip
    card = await made(api, "/observability/scorecard", name="QA", metrics=metrics)
    plan = {
        "structuredOutputIds": [number, booked],
        "scorecardIds": [card],
        "scorecards": [{"metrics": metrics[:1]}],
    }
    outputs = await found(store, plan)
    assert outputs["scorecards"].pop(card) == {
        "name": "QA", "score": 70, "scoreNormalized": 70,
        "metricPoints": {booked: 70, number: 0},
    }  # fmt: skip
    (inline,) = outputs["scorecards"].values()
    assert inline == {"score": 70, "scoreNormalized": 100, "metricPoints": {booked: 70}}


@pytest.mark.parametrize(
    ("comparator", "value", "said", "earned"),
    [
        ("=", 8, 8, 5), ("!=", 8, 8, 0), (">", 8, 8, 0), ("<", 8, 7, 5), (">=", 8, 8.0, 5),
        ("<=", 8, 9, 0), ("=", True, True, 5), ("=", False, True, 0), ("=", 1, True, 0),
        ("=", True, 1, 0), ("=", 8, None, 0), ("=", 8, "8", 0),
    ],
)  # fmt: skip
def test_points_of_a_condition(comparator: str, value: Any, said: Any, earned: int) -> None:
    condition = {"type": "comparator", "comparator": comparator, "value": value, "points": 5}
    card = {"metrics": [{"structuredOutputId": "o", "conditions": [condition]}]}
    assert result(card, {"o": said})["score"] == earned


def test_tiers_of_a_metric_add_up_and_are_scaled() -> None:
    conditions = [{"comparator": ">=", "value": n, "points": 1} for n in (1, 5, 9)]
    card = {"metrics": [{"structuredOutputId": "o", "conditions": conditions}]}
    assert result(card, {"o": 6}) == {
        "score": 2, "metricPoints": {"o": 2}, "scoreNormalized": 67,
    }  # fmt: skip
    assert result({"metrics": []}, {})["scoreNormalized"] == 0


async def test_the_list_is_by_pages_and_takes_a_name(api: httpx.AsyncClient) -> None:
    for plan in (NUMBER, BOOKED):
        await made(api, "/structured-output", **plan)
    page = (await api.get("/structured-output", params={"limit": 1})).json()
    assert [one["name"] for one in page["results"]] == ["Booked"]
    assert page["metadata"]["totalItems"] == 2
    page = (await api.get("/structured-output", params={"name": "Number"})).json()
    assert [one["name"] for one in page["results"]] == ["Number"]
    cards = (await api.get("/observability/scorecard", params={"id": NOBODY})).json()
    assert cards["results"] == []
    assert (await api.get("/observability/scorecard", params={"name": "x"})).status_code == 400


async def test_a_schema_keeps_its_type_unless_the_query_says_so(api: httpx.AsyncClient) -> None:
    where = f"/structured-output/{await made(api, '/structured-output', **NUMBER)}"
    patch = {"schema": {"type": "string"}}
    answer = await api.patch(where, json=patch)
    assert (answer.status_code, "schemaOverride=true" in answer.text) == (400, True)
    answer = await api.patch(where, json=patch, params={"schemaOverride": "true"})
    assert (answer.status_code, answer.json()["schema"]) == (200, {"type": "string"})
    answer = await api.patch(where, json={"name": "N"}, params={"schemaOverride": "false"})
    assert answer.json()["name"] == "N"


def keep(store: Store, **fields: Any) -> str:
    record = a_record(**fields)
    assistant = {"model": {"provider": "script", "script": {}}}
    store.calls.save(record.kept(), {"assistant": assistant})
    return record.id


async def test_a_run_puts_the_result_into_the_calls(api: httpx.AsyncClient, store: Store) -> None:
    other = {"structuredOutputs": {"x": {"name": "X", "result": 1}}}
    call_id = keep(store, outputs=other)
    output = await made(api, "/structured-output", **NUMBER)
    for _ in range(2):
        body: Json = {"callIds": [call_id], "structuredOutputId": output}
        answer = await api.post("/structured-output/run", json=body)
        assert (answer.status_code, "1 calls" in answer.text) == (201, True)
        artifact = (await api.get(f"/call/{call_id}")).json()["artifact"]
        results = {one["name"]: one["result"] for one in artifact["structuredOutputs"].values()}
        assert results == {"X": 1, "Number": 4711}


async def test_a_preview_answers_and_keeps_nothing(api: httpx.AsyncClient, store: Store) -> None:
    call_id = keep(store)
    body: Json = {"callIds": [call_id], "structuredOutput": NUMBER, "previewEnabled": True}
    answer = await api.post("/structured-output/run", json=body)
    assert list(answer.json().values()) == [{"name": "Number", "result": 4711}]
    condition = {"type": "minMessages", "count": 9}
    body["structuredOutput"] = NUMBER | {"conditions": [condition]}
    (skipped,) = (await api.post("/structured-output/run", json=body)).json()["skipped"].values()
    assert skipped == {"name": "Number", "unmetCondition": condition}
    assert "structuredOutputs" not in (await api.get(f"/call/{call_id}")).json()["artifact"]


async def test_a_run_that_cannot_be_says_why(api: httpx.AsyncClient, store: Store) -> None:
    call_id = keep(store)
    live = keep(store, id=NOBODY, status=Status.IN_PROGRESS)
    plan = {"structuredOutput": NUMBER}
    for body, said in (
        ({"callIds": [], **plan}, "callIds"),
        ({"callIds": [call_id]}, "either structuredOutputId or structuredOutput"),
        ({"callIds": [call_id], "structuredOutputId": NOBODY}, "does not exist"),
        ({"callIds": [ASSISTANT], **plan}, f"call {ASSISTANT} does not exist"),
        ({"callIds": [live], **plan}, "has not ended"),
        ({"callIds": [call_id, live], "previewEnabled": True, **plan}, "exactly 1 element"),
    ):
        answer = await api.post("/structured-output/run", json=body)
        assert (answer.status_code, said in answer.text) == (400, True), answer.text
