"""Structured outputs: by a model, by a pattern, under conditions."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.agent.brief import Brief, Choice
from gateway.api import structured_outputs
from gateway.api.analysis import Analyst
from gateway.api.artifact import of as artifact_of
from gateway.calls.ports import Findings
from gateway.speech.settings import VendorSettings
from tests.api.site import Asked, Site, a_site
from tests.api.test_analysis import over, reply

BOOKED = {
    "name": "Booked",
    "description": "Whether a table was booked.",
    "schema": {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]},
}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with a_site(lambda asked: reply('```json\n{"day": "Monday"}\n```')) as site:
        yield site


async def found(site: Site, *plans: dict[str, Any], vendor: str = "openai") -> Any:
    choice = Choice(vendor="embedded")
    thinking = Choice(vendor=vendor, model="m")
    brief = Brief(hearing=choice, thinking=thinking, speaking=choice)
    settings = VendorSettings.model_validate({"base_url": f"{site.url}/v1", "api_key": "k"})
    record = over("When?", "On Monday, my number is 4711.")
    analyst = Analyst({"openai": settings})
    try:
        papers = {"assistant": {"artifactPlan": {"structuredOutputs": list(plans)}}}
        findings = await analyst.analyse(record, papers, brief)
    finally:
        await analyst.close()
    record.outputs = findings.outputs
    return artifact_of(record, papers, "http://gateway.test")


def results(artifact: Any) -> dict[str, Any]:
    return {one["name"]: one["result"] for one in artifact["structuredOutputs"].values()}


async def test_a_model_answers_by_the_schema_and_the_artifact_has_it_by_id(site: Site) -> None:
    artifact = await found(site, BOOKED)
    assert results(artifact) == {"Booked": {"day": "Monday"}}
    (once,), (again,) = (
        artifact["structuredOutputs"],
        structured_outputs.wanted({"artifactPlan": {"structuredOutputs": [BOOKED]}}),
    )
    assert once == again
    assert artifact["structuredOutputsLastUpdatedAt"]
    (asked,) = site.asked
    told = str(asked.json["messages"])
    for part in ("Whether a table", "Booked", '"day"', "User: On Monday"):
        assert part in told


async def test_the_owner_s_model_and_messages_are_used(site: Site) -> None:
    own = {
        "provider": "openai",
        "model": "other",
        "messages": [{"role": "user", "content": "{{ endedReason }}, {{ structuredOutput.name }}"}],
        "temperature": 0.5,
        "maxTokens": 60,
    }
    assert results(await found(site, BOOKED | {"model": own}, vendor="script"))
    (asked,) = site.asked
    assert asked.json["model"] == "other"
    limit = asked.json.get("max_tokens") or asked.json.get("max_completion_tokens")
    assert (asked.json["temperature"], limit) == (0.5, 60)
    assert asked.json["messages"][0]["content"] == "customer-ended-call, Booked"


@pytest.mark.parametrize("answer", ['{"day": 7}', "{}", "no JSON", "[]"])
async def test_an_answer_that_the_schema_forbids_is_none(site: Site, answer: str) -> None:
    def model(asked: Asked) -> tuple[int, bytes]:
        return reply(answer)

    site.rule = model
    assert results(await found(site, BOOKED)) == {"Booked": None}


@pytest.mark.parametrize(
    ("kind", "regex", "value"),
    [
        ("boolean", "Monday", True),
        ("boolean", "Tuesday", False),
        ("string", r"number is (\d+)", "4711"),
        ("integer", r"\d+", 4711),
        ("array", r"On|Monday", ["On", "Monday"]),
        ("object", r"On (?P<day>\w+)", {"day": "Monday"}),
        ("string", "Tuesday", None),
        ("integer", "Monday", None),
        ("string", "(", None),
    ],
)
async def test_a_pattern_asks_nobody(site: Site, kind: str, regex: str, value: Any) -> None:
    plan = {"name": "N", "type": "regex", "regex": regex, "schema": {"type": kind}}
    assert results(await found(site, plan)) == {"N": value}
    assert site.asked == []


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"type": "minMessages", "count": 2}, True),
        ({"type": "minMessages", "count": 3}, False),
        ({"type": "minCallDuration", "seconds": 0}, True),
        ({"type": "minCallDuration", "seconds": 1}, False),
        ({"type": "endedReason", "operator": "oneOf", "values": ["customer-ended-call"]}, True),
        ({"type": "endedReason", "operator": "notOneOf", "values": ["customer-ended-call"]}, False),
    ],
)
async def test_an_output_whose_condition_does_not_hold_is_skipped(
    site: Site, condition: dict[str, Any], holds: bool
) -> None:
    artifact = await found(site, BOOKED | {"conditions": [condition]})
    assert ("structuredOutputs" in artifact) is holds
    if not holds:
        (skipped,) = artifact["skippedStructuredOutputs"].values()
        assert skipped == {"name": "Booked", "unmetCondition": condition}
        assert site.asked == []


async def test_where_none_is_wanted_there_are_none(site: Site) -> None:
    record = over("a", "b")
    brief = Brief.model_validate(
        {n: {"vendor": "script"} for n in ("hearing", "thinking", "speaking")}
    )
    assert await Analyst({}).analyse(record, {}, brief) == Findings()
