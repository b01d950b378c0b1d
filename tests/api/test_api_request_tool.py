"""The apiRequest tool against a web server."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.api.tool_briefs import tool_briefs
from gateway.api.tools.api_request import ApiRequests
from gateway.api.wire import Wire
from gateway.calls.ports import ToolReply
from gateway.calls.record import CallRecord, Line, Party
from gateway.fence import Fence
from tests.api.errands import run
from tests.api.hooks import a_call, wire
from tests.api.site import Asked, Site, a_site

CREDENTIALS = {"bearer": {"authenticationPlan": {"type": "bearer", "token": "T"}}}
BODY = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "description": "which day"},
        "people": {"type": "integer"},
        "caller": {"type": "string", "value": "{{customer.number}}"},
        "table": {"type": "integer", "value": "{{ table }}"},
    },
    "required": ["day", "caller"],
}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with a_site() as site:
        yield site


@pytest.fixture
async def to() -> AsyncIterator[Wire]:
    to = wire(CREDENTIALS)
    yield to
    await to.close()


def record(**more: Any) -> CallRecord:
    return a_call(
        customer=Party(number="+4930123"), variables={"table": 7, "town": "Berlin"}, **more
    )


def request(site: Site, **more: Any) -> dict[str, Any]:
    return {"type": "apiRequest", "name": "book", "method": "POST", "url": f"{site.url}/b", **more}


async def call(
    tool: dict[str, Any], to: Wire, record: CallRecord | None = None, **arguments: Any
) -> ToolReply:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    return await run(tool, arguments, to, {"apiRequest": ApiRequests(to, sleep)}, record)


def test_the_model_is_shown_what_it_is_to_fill_in_and_no_more() -> None:
    written = {
        "type": "apiRequest",
        "name": "book a table",
        "method": "POST",
        "url": "https://x.test/",
        "description": "Books.",
        "body": BODY,
        "timeoutSeconds": 3,
    }
    (brief,) = tool_briefs({"tools": [written]})
    assert (brief.name, brief.description, brief.timeout_s) == ("book_a_table", "Books.", 3)
    assert set(brief.parameters["properties"]) == {"day", "people"}
    assert brief.parameters["required"] == ["day"]


async def test_url_headers_and_body_are_templates_over_variables_and_arguments(
    site: Site, to: Wire
) -> None:
    site.once = [(201, {"id": "r1"})]
    tool = request(
        site,
        url=f"{site.url}/{{{{town}}}}/{{{{day}}}}?n={{{{people}}}}",
        headers={
            "type": "object",
            "properties": {"X-Town": {"type": "string", "value": "{{town}}"}},
        },
        body=BODY,
        parameters=[{"key": "source", "value": "call {{call.id}}"}, {"key": "vip", "value": True}],
    )
    known = record()
    reply = await call(tool, to, known, day="next Monday/../x", people=2)
    assert (reply.ok, reply.content) == (True, '{"id": "r1"}')
    (asked,) = site.asked
    assert asked.method == "POST"
    assert asked.target == "/Berlin/next%20Monday%2F..%2Fx?n=2"
    assert asked.headers["x-town"] == "Berlin"
    assert asked.headers["content-type"] == "application/json"
    assert asked.json == {
        "day": "next Monday/../x",
        "people": 2,
        "caller": "+4930123",
        "table": 7,
        "source": f"call {known.id}",
        "vip": True,
    }


async def test_a_get_has_its_arguments_in_the_url(site: Site, to: Wire) -> None:
    tool = request(site, method="GET", url=f"{site.url}/w/{{{{day}}}}", headers={"X-A": "b"})
    await call(tool, to, day="mo", unit="C")
    (asked,) = site.asked
    assert (asked.path, asked.query, asked.body) == ("/w/mo", {"unit": "C"}, b"")
    assert asked.headers["x-a"] == "b"


async def test_a_credential_of_the_organisation_is_shown(site: Site, to: Wire) -> None:
    assert (await call(request(site, credentialId="bearer"), to)).ok
    assert site.asked[0].headers["authorization"] == "Bearer T"
    reply = await call(request(site, credentialId="gone"), to)
    assert reply.content == "The tool book failed: there is no credential gone."


TWICE = {"type": "fixed", "maxRetries": 2, "baseDelaySeconds": 1}


@pytest.mark.parametrize(
    ("plan", "answers", "asked", "content"),
    [
        (None, [(503, b"busy")], 1, "HTTP status 503: busy"),
        (TWICE, [(503, b"")] * 2, 3, "{}"),
        (TWICE | {"maxRetries": 1}, [(503, b"")] * 2, 2, "HTTP status 503"),
        (TWICE | {"excludedStatusCodes": [503]}, [(503, b"no")], 1, "HTTP status 503: no"),
        (TWICE, [(404, b"none")], 1, "HTTP status 404: none"),
    ],
)
async def test_it_is_tried_again_as_its_plan_says(
    site: Site, to: Wire, plan: Any, answers: Any, asked: int, content: str
) -> None:
    site.once = list(answers)
    reply = await call(request(site, backoffPlan=plan), to)
    assert (len(site.asked), reply.content) == (asked, content)


async def test_its_failures_are_sentences(site: Site, to: Wire) -> None:
    async def never(asked: Asked) -> Any:
        await asyncio.Event().wait()

    site.rule = never
    reply = await call(request(site, timeoutSeconds=0.02), to)
    assert reply.content == "The tool book failed: its server did not answer within 0.02 s."
    reply = await call(request(site, url="{{nowhere}}/x"), to)
    assert "its URL is not one of http or https: {{nowhere}}/x" in reply.content
    reply = await call(request(site, headers={"X-A": "{{a}}"}), to, a="b\r\nX-Evil: 1")
    assert "line break" in reply.content
    guarded = wire(fence=Fence())
    reply = await call(request(site), guarded)
    assert "127.0.0.1 is not a public address" in reply.content
    await guarded.close()


async def test_variables_come_out_of_the_answer(site: Site, to: Wire) -> None:
    answer = {"order": {"id": 17, "items": [{"name": "tea"}, {"name": "cake"}]}, "note": "x"}
    site.rule = lambda asked: (200, answer)
    plan = {
        "schema": {
            "type": "object",
            "properties": {"order": {"type": "object"}, "lacking": {"type": "string"}},
        },
        "aliases": [
            {"key": "number", "value": "{{$.order.id}}"},
            {"key": "second", "value": "{{ $.order.items[1].name }}"},
            {
                "key": "told",
                "value": "Order {{ $.order.id }} to {{town}}: {{ order.items[0].name }}",
            },
            {"key": "none", "value": "{{$.nothing.here}}"},
        ],
    }
    reply = await call(request(site, variableExtractionPlan=plan), to, record())
    assert reply.variables == {
        "order": answer["order"],
        "number": 17,
        "second": "cake",
        "told": "Order 17 to Berlin: tea",
    }
    site.rule = lambda asked: (200, ["10115", "10117"])
    plan = {"schema": {"type": "array", "title": "zips"}}
    reply = await call(request(site, variableExtractionPlan=plan), to)
    assert reply.variables == {"zips": ["10115", "10117"]}
    site.rule = lambda asked: (500, {"order": 1})
    assert (await call(request(site, variableExtractionPlan=plan), to)).variables == {}


def said(*lines: tuple[str, str]) -> CallRecord:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return a_call(
        transcript=[
            Line(role=role, text=text, at=at, began_s=0, ended_s=0)  # type: ignore[arg-type]
            for role, text in lines
        ]
    )


YES = {"type": "regex", "regex": "(?i)\\byes\\b", "negate": True}
NEVER = {"type": "liquid", "liquid": "false"}


@pytest.mark.parametrize(
    ("conditions", "rejected"),
    [
        ([], False),
        ([YES], True),
        ([YES | {"target": {"role": "user", "position": 0}}], False),
        ([YES | {"target": {"role": "user", "position": 9}}], True),
        ([{"type": "regex", "regex": "("}], False),
        ([{"type": "liquid", "liquid": "{% if town == 'Berlin' %}true{% endif %}"}], True),
        ([{"type": "liquid", "liquid": "{{ messages | size | minus: 3 }}"}], False),
        ([YES, NEVER], False),
        ([{"type": "group", "operator": "OR", "conditions": [YES, NEVER]}], True),
        ([{"type": "group", "operator": "AND", "conditions": [YES, NEVER]}], False),
    ],
)
async def test_a_rejection_plan_looks_at_the_conversation(
    site: Site, to: Wire, conditions: Any, rejected: bool
) -> None:
    known = said(("user", "yes please"), ("assistant", "Shall I?"), ("user", "hm"))
    known.variables = {"town": "Berlin"}
    tool = request(site, rejectionPlan={"conditions": conditions})
    reply = await call(tool, to, known)
    assert reply.ok is not rejected
    assert len(site.asked) == (0 if rejected else 1)
