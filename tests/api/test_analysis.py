"""What a call was about: asked of its own model when it is over."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.agent.brief import Brief, Choice
from gateway.api.analysis import Analyst
from gateway.api.call_view import CallView
from gateway.api.server_messages import Messages
from gateway.calls.record import CallRecord, Line, Status
from gateway.speech.settings import VendorSettings
from tests.api.hooks import a_call
from tests.api.site import Asked, Site, a_site

PATIENT = {
    "summaryPlan": {"timeoutSeconds": 60},
    "successEvaluationPlan": {"timeoutSeconds": 60},
}
SCHEMA = {"type": "object", "properties": {"day": {"type": "string"}}}


def reply(text: str) -> tuple[int, bytes]:
    """As OpenAI streams it."""
    common = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [
        {**common, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]},
        {**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return 200, f"{body}data: [DONE]\n\n".encode()


def model(asked: Asked) -> tuple[int, bytes]:
    told = asked.json["messages"][0]["content"]
    if "note-taker" in told:
        return reply("A table was booked.")
    if "data extractor" in told:
        return reply('```json\n{"day": "Monday"}\n```')
    return reply("true")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with a_site(model) as site:
        yield site


def over(*said: str) -> CallRecord:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    record = a_call(Status.ENDED, ended_reason="customer-ended-call", answered_at=at, ended_at=at)
    record.transcript = [
        Line(role="user" if n % 2 else "assistant", text=text, at=at, began_s=0, ended_s=0)
        for n, text in enumerate(said)
    ]
    return record


async def analyse(
    site: Site, plan: Any, record: CallRecord | None = None, vendor: str = "openai"
) -> dict[str, Any]:
    settings = VendorSettings.model_validate({"base_url": f"{site.url}/v1", "api_key": "k"})
    choice = Choice(vendor="embedded")
    thinking = Choice(vendor=vendor, model="m")
    brief = Brief(hearing=choice, thinking=thinking, speaking=choice)
    told = {"role": "system", "content": "Book tables."}
    assistant = {"analysisPlan": plan, "model": {"messages": [told]}}
    record = record or over("When?", "On Monday {{ x }}.")
    analyst = Analyst({"openai": settings})
    try:
        return (await analyst.analyse(record, {"assistant": assistant}, brief)).analysis
    finally:
        await analyst.close()


async def test_a_summary_and_an_evaluation_are_the_usual_parts(site: Site) -> None:
    assert await analyse(site, PATIENT) == {
        "summary": "A table was booked.",
        "successEvaluation": "true",
    }
    contents = [json.dumps(asked.json["messages"]) for asked in site.asked]
    for part in ("AI: When?\\nUser: On Monday {{ x }}.", "customer-ended-call", "Book tables."):
        assert any(part in content for content in contents), part


async def test_data_comes_by_its_schema_and_prompts_may_be_the_owner_s(site: Site) -> None:
    own = [{"role": "system", "content": "data extractor {{endedReason}} {{schema}}"}]
    plan = {
        "summaryPlan": {"enabled": False},
        "successEvaluationPlan": {"enabled": False},
        "structuredDataPlan": {"enabled": True, "schema": SCHEMA, "timeoutSeconds": 60},
        "structuredDataMultiPlan": [
            {"key": "a", "plan": {"enabled": True, "messages": own, "timeoutSeconds": 60}},
            {"key": "b", "plan": {"schema": SCHEMA}},
        ],
    }
    assert await analyse(site, plan) == {
        "structuredData": {"day": "Monday"},
        "structuredDataMulti": [{"key": "a", "data": {"day": "Monday"}}],
    }
    told = [asked.json["messages"][0]["content"] for asked in site.asked]
    assert "data extractor customer-ended-call {}" in told
    assert any(json.dumps(SCHEMA) in text for text in told)


async def test_each_part_is_counted_for_itself(site: Site) -> None:
    several = [{"key": k, "plan": {"enabled": True, "timeoutSeconds": 60}} for k in ("a", "b")]
    record = over("When?", "On Monday.")
    await analyse(site, {**PATIENT, "structuredDataMultiPlan": several}, record)
    used = {entry.answers: entry for entry in record.usage}
    assert {name: entry.requests for name, entry in used.items()} == {
        "summary": 1, "successEvaluation": 1, "structuredData": 2
    }  # fmt: skip
    assert {entry.part for entry in record.usage} == {"analysis"}
    assert all(entry.tokens_in and entry.tokens_out for entry in record.usage)
    assert (used["summary"].vendor, used["summary"].model) == ("openai", "m")


@pytest.mark.parametrize(
    ("plan", "said", "vendor"),
    [
        (None, ("a", "b", "c"), "openai"),
        ({}, ("a",), "openai"),
        ({"minMessagesThreshold": 4}, ("a", "b", "c"), "openai"),
        ({}, ("a", "b"), "script"),
    ],
)
async def test_nothing_is_asked_where_nothing_is_wanted(
    site: Site, plan: Any, said: tuple[str, ...], vendor: str
) -> None:
    assert await analyse(site, plan, over(*said), vendor) == {}
    assert site.asked == []


async def test_what_fails_is_left_out(site: Site) -> None:
    late = asyncio.Event()

    async def answer(asked: Asked) -> Any:
        told = asked.json["messages"][0]["content"]
        if "note-taker" in told:
            await late.wait()
        return reply("no JSON") if "data extractor" in told else reply("false")

    site.rule = answer
    plan = {
        "summaryPlan": {"timeoutSeconds": 0.05},
        "structuredDataPlan": {"enabled": True, "schema": SCHEMA, "timeoutSeconds": 60},
        "successEvaluationPlan": {"timeoutSeconds": 60},
    }
    assert await analyse(site, plan) == {"successEvaluation": "false"}
    late.set()
    site.rule = lambda asked: (401, {"error": {"message": "no"}})
    assert await analyse(site, {}) == {}
    assert await analyse(site, {}, vendor="no-such") == {}


def test_the_report_shows_it() -> None:
    record = over("a", "b")
    record.analysis = {"summary": "Short."}
    view = CallView("org", "http://gateway.test")
    assert view.show(record, {})["analysis"] == {"summary": "Short."}
    report = Messages(view).end_of_call_report(record, {})["message"]
    assert (report["analysis"], report["summary"]) == ({"summary": "Short."}, "Short.")
