"""Tools of other services against simulators of their HTTP APIs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.api.tools.accounts import Accounts
from gateway.api.tools.office import DEEDS, do
from gateway.api.tools.workers import Worker
from gateway.calls.ports import ToolReply
from gateway.calls.record import Party
from gateway.speech.settings import VendorSettings
from gateway.store import Store
from tests.api.errands import run
from tests.api.hooks import a_call, wire
from tests.api.site import Asked, Site, a_site

LIVE = {"accessToken": "T", "expiresAt": "2999-01-01T00:00:00Z"}
SERVICES = (
    "google-calendar",
    "google-sheets",
    "google-oauth",
    "slack",
    "gohighlevel",
    "twilio",
    "make",
)
WHEN = {"startDateTime": "2026-03-02T10:00:00", "endDateTime": "2026-03-02T11:00:00"}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with a_site() as site:
        yield site


async def use(
    store: Store, site: Site, kind: str, /, *, more: dict[str, Any] | None = None, **arguments: Any
) -> ToolReply:
    to = wire()
    settings = VendorSettings(base_url=site.url)
    accounts = Accounts(store, to, dict.fromkeys(SERVICES, settings))

    async def worker(errand: Any) -> ToolReply:
        return await do(accounts, errand)

    workers: dict[str, Worker] = dict.fromkeys(DEEDS, worker)
    record = a_call(customer=Party(number="+4930123"), dialled="+4930999")
    try:
        return await run({"type": kind, **(more or {})}, arguments, to, workers, record)
    finally:
        await to.close()


async def trust(store: Store, provider: str, **body: Any) -> str:
    return (await store.credentials.create({"provider": provider, **body})).id


async def test_google_calendar(store: Store, site: Site) -> None:
    await trust(store, "google.calendar.oauth2-authorization", authenticationSession=LIVE)
    site.once = [(200, {"id": "e1", "status": "confirmed", "etag": "x"})]
    reply = await use(
        store, site, "google.calendar.event.create", summary="Haircut", timeZone="Europe/Berlin",
        attendees=["a@b.test"], calendarId="a b", **WHEN,
    )  # fmt: skip
    assert (reply.ok, reply.content) == (True, '{"id": "e1", "status": "confirmed"}')
    (asked,) = site.asked
    assert (asked.method, asked.target) == ("POST", "/calendars/a%20b/events")
    assert asked.headers["authorization"] == "Bearer T"
    assert asked.json == {
        "summary": "Haircut",
        "start": {"dateTime": WHEN["startDateTime"], "timeZone": "Europe/Berlin"},
        "end": {"dateTime": WHEN["endDateTime"], "timeZone": "Europe/Berlin"},
        "attendees": [{"email": "a@b.test"}],
    }
    busy = [{"start": "2026-03-02T10:30:00Z", "end": "2026-03-02T10:45:00Z"}]
    site.once = [(200, {"calendars": {"primary": {"busy": busy}}})]
    kind = "google.calendar.availability.check"
    reply = await use(store, site, kind, timeZone="Europe/Berlin", **WHEN)
    assert reply.content.startswith('{"available": false, "busy": [{"start"')
    assert site.asked[-1].json["timeMin"] == "2026-03-02T10:00:00+01:00"
    site.once = [(200, {"calendars": {"primary": {"errors": [{"reason": "notFound"}]}}})]
    assert "notFound" in (await use(store, site, kind, **WHEN)).content
    reply = await use(store, site, kind, startDateTime="soon", endDateTime="later")
    assert "'soon' in 'UTC' is no ISO 8601 time" in reply.content
    reply = await use(store, site, kind, startDateTime="2026-03-02T10:00:00")
    assert reply.content.endswith("the argument 'endDateTime' is missing.")


async def test_a_token_that_has_ended_is_renewed_and_kept(store: Store, site: Site) -> None:
    session = {
        "accessToken": "old", "expiresAt": "2001-01-01T00:00:00Z", "refreshToken": "R",
        "clientId": "me", "clientSecret": "S",
    }  # fmt: skip
    credential_id = await trust(
        store, "google.sheets.oauth2-authorization", authenticationSession=session
    )

    def rule(asked: Asked) -> tuple[int, Any]:
        if asked.path == "/token":
            return 200, {"access_token": "new", "expires_in": 3600}
        return 200, {"updates": {"updatedRange": "A!A2:B2"}}

    site.rule = rule
    row = {"spreadsheetId": "s/1", "range": "A!A:Z", "values": ["Ann", "7"]}
    for _ in range(2):
        reply = await use(store, site, "google.sheets.row.append", **row)
        assert (reply.ok, reply.content) == (True, '{"updatedRange": "A!A2:B2"}')
    first, *rest = site.asked
    assert first.form == {
        "grant_type": "refresh_token", "refresh_token": "R", "client_id": "me",
        "client_secret": "S",
    }  # fmt: skip
    path = "/spreadsheets/s%2F1/values/A%21A%3AZ:append"
    assert [(a.path, a.headers["authorization"]) for a in rest] == [(path, "Bearer new")] * 2
    stored = await store.credentials.get(credential_id)
    assert stored
    kept = stored.body["authenticationSession"]
    assert (kept["accessToken"], kept["refreshToken"]) == ("new", "R")


# What is asked with an OAuth credential, of whom, and an answer.
OAUTH: list[tuple[str, str, dict[str, Any], Any]] = [
    ("google.calendar.event.create", "google.calendar", {"summary": "x", **WHEN}, {"id": "e"}),
    ("google.sheets.row.append", "google.sheets",
     {"spreadsheetId": "s", "range": "A", "values": ["1"]}, {"updates": {}}),
    ("slack.message.send", "slack", {"message": "Hi", "channel": "#a"}, {"ok": True}),
    ("gohighlevel.contact.create", "ghl", {"locationId": "L"}, {"contact": {"id": "c"}}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "service", "arguments", "answer"), OAUTH)
async def test_a_token_that_is_refused_is_renewed_once(
    store: Store, site: Site, kind: str, service: str, arguments: dict[str, Any], answer: Any
) -> None:
    """A 401 though its time has not come: the service has taken it back."""
    provider = f"{service}.oauth2-authorization"
    session = LIVE | {"refreshToken": "R", "clientId": "me", "clientSecret": "S"}
    credential_id = await trust(store, provider, authenticationSession=session)
    good = "Bearer new"

    def rule(asked: Asked) -> tuple[int, Any]:
        if "refresh_token" in asked.form:
            return 200, {"access_token": "new", "refresh_token": "R2", "expires_in": 3600}
        shown = asked.headers["authorization"]
        return (200, answer) if shown == good else (401, {"error": "invalid_token"})

    site.rule = rule
    for _ in range(2):
        reply = await use(store, site, kind, **arguments)
        assert reply.ok, reply.content
    shown = [a.headers.get("authorization", "renewal") for a in site.asked]
    assert shown == ["Bearer T", "renewal", good, good]
    stored = await store.credentials.get(credential_id)
    assert stored
    kept = stored.body["authenticationSession"]
    assert (kept["accessToken"], kept["refreshToken"]) == ("new", "R2")
    good = "Bearer of nobody"
    reply = await use(store, site, kind, **arguments)
    assert not reply.ok
    assert "HTTP status 401" in reply.content
    assert len(site.asked) == 6  # refused, and renewed to the same: that was it


async def test_a_refused_token_that_cannot_be_renewed_is_told(store: Store, site: Site) -> None:
    await trust(store, "google.sheets.oauth2-authorization", authenticationSession=LIVE)
    site.rule = lambda asked: (401, {"error": "invalid_token"})
    row = {"spreadsheetId": "s", "range": "A", "values": ["1"]}
    reply = await use(store, site, "google.sheets.row.append", **row)
    assert 'HTTP status 401: {"error": "invalid_token"}' in reply.content
    assert len(site.asked) == 1


async def test_slack_tells_of_a_token_that_has_ended_with_status_200(
    store: Store, site: Site
) -> None:
    session = LIVE | {"refreshToken": "R"}
    await trust(store, "slack.oauth2-authorization", authenticationSession=session)
    site.once = [
        (200, {"ok": False, "error": "token_expired"}), (200, {"access_token": "new"}),
        (200, {"ok": True}),
    ]  # fmt: skip
    reply = await use(store, site, "slack.message.send", message="Hi", channel="#a")
    assert reply.content == "Sent."
    assert site.asked[-1].headers["authorization"] == "Bearer new"


@pytest.mark.parametrize("kind", DEEDS)
async def test_a_service_that_is_silent_is_told_in_the_tool_s_own_time(
    store: Store, site: Site, kind: str
) -> None:
    async def never(asked: Asked) -> tuple[int, Any]:
        await asyncio.Event().wait()
        return 200, {}

    for provider in ("gohighlevel", "make", "twilio"):
        await trust(store, provider, apiKey="K", apiSecret="S", accountSid="A", region="eu1")
    for name in ("google.calendar", "google.sheets", "slack"):
        await trust(store, f"{name}.oauth2-authorization", authenticationSession=LIVE)
    site.rule = never
    more = {"metadata": {"scenarioId": 1, "workflowId": "w"}, "server": {"timeoutSeconds": 0.05}}
    fields = {name: "2026-03-02T10:00:00Z" for name, _, _ in DEEDS[kind].fields}
    reply = await use(
        store, site, kind, more=more, **fields | {"timeZone": "UTC", "timezone": "UTC"}
    )
    assert not reply.ok
    assert "did not answer within 0.05 s" in reply.content


async def test_slack(store: Store, site: Site) -> None:
    kind = "slack.message.send"
    reply = await use(store, site, kind, message="Hi")
    assert "there is no credential of the provider slack.oauth2-authorization" in reply.content
    await trust(store, "slack-webhook", webhookUrl=f"{site.url}/hook")
    site.once = [(200, b"ok")]
    assert (await use(store, site, kind, message="Hi")).content == "ok"
    assert (site.asked[-1].path, site.asked[-1].json) == ("/hook", {"text": "Hi"})
    await trust(store, "slack.oauth2-authorization", authenticationSession={"accessToken": "T"})
    site.once = [(200, {"ok": True}), (200, {"ok": False, "error": "channel_not_found"})]
    assert (await use(store, site, kind, message="Hi", channel="#a")).content == "Sent."
    assert site.asked[-1].json == {"channel": "#a", "text": "Hi"}
    reply = await use(store, site, kind, message="Hi", channel="#b")
    assert "Slack refuses it: channel_not_found" in reply.content


async def test_gohighlevel(store: Store, site: Site) -> None:
    await trust(store, "gohighlevel", apiKey="K")
    site.once = [
        (200, {"contacts": [{"id": "c1"}]}),
        (200, {"contacts": []}),
        (201, {"contact": {"id": "c2"}}),
        (200, {"2026-03-02": {"slots": ["10:00"]}}),
        (201, {"id": "a1", "status": "new"}),
        (422, {"message": "no"}),
    ]
    place = {"locationId": "L"}
    said = [
        await use(store, site, "gohighlevel.contact.get", email="a@b.test", **place),
        await use(store, site, "gohighlevel.contact.get", phone="+49301", **place),
        await use(store, site, "gohighlevel.contact.create", firstName="Ann", **place),
        await use(store, site, "gohighlevel.calendar.availability.check", calendarId="C",
                  startDate="2026-03-02T00:00:00Z", endDate="2026-03-03T00:00:00Z"),
        await use(store, site, "gohighlevel.calendar.event.create", calendarId="C", contactId="c1",
                  startTime="2026-03-02T10:00:00Z", endTime="2026-03-02T11:00:00Z", **place),
        await use(store, site, "gohighlevel.contact.create", **place),
    ]  # fmt: skip
    assert [reply.content for reply in said[:5]] == [
        '{"contacts": [{"id": "c1"}]}',
        "There is no such contact.",
        '{"id": "c2"}',
        '{"2026-03-02": {"slots": ["10:00"]}}',
        '{"id": "a1", "status": "new"}',
    ]
    assert 'HTTP status 422: {"message": "no"}' in said[5].content
    assert [asked.path for asked in site.asked[:5]] == [
        "/contacts/", "/contacts/", "/contacts/", "/calendars/C/free-slots",
        "/calendars/events/appointments",
    ]  # fmt: skip
    assert site.asked[0].query == {"locationId": "L", "query": "a@b.test"}
    assert site.asked[3].query == {"startDate": "1772409600000", "endDate": "1772496000000"}
    assert {a.headers["authorization"] for a in site.asked} == {"Bearer K"}
    assert {a.headers["version"] for a in site.asked} == {"2021-07-28"}


async def test_a_workflow_of_gohighlevel_begins_for_the_caller(store: Store, site: Site) -> None:
    await trust(store, "gohighlevel", apiKey="K")
    more = {"metadata": {"workflowId": "w/1", "locationId": "L"}}
    site.once = [(200, {"contacts": [{"id": "c1"}]}), (200, {"succeded": True})]
    assert (await use(store, site, "ghl", more=more)).content == "The workflow has begun."
    looked, began = site.asked
    assert looked.query == {"locationId": "L", "query": "+4930123"}
    assert (began.method, began.path) == ("POST", "/contacts/c1/workflow/w%2F1")
    site.once = [(200, {"contacts": []})]
    reply = await use(store, site, "ghl", more=more, email="a@b.test")
    assert (reply.ok, "there is no contact a@b.test" in reply.content) == (False, True)
    reply = await use(store, site, "ghl", more={"metadata": {}})
    assert "no workflowId" in reply.content


async def test_a_scenario_of_make_is_run_and_its_outputs_are_the_result(
    store: Store, site: Site
) -> None:
    await trust(store, "make", apiKey="K", region="eu1", teamId="7")
    more: dict[str, Any] = {"metadata": {"scenarioId": 12.0}}
    site.once = [
        (200, {"executionId": "e", "status": "1", "outputs": {"price": 7}}),
        (200, {"executionId": "e"}),
        (200, {"executionId": "e", "status": "3"}),
        (403, {"message": "no"}),
    ]
    said = [await use(store, site, "make", more=more, data={"size": "L"}) for _ in range(4)]
    assert [reply.content for reply in said[:2]] == ['{"price": 7}', "The scenario was run."]
    assert "ended with an error" in said[2].content
    assert 'HTTP status 403: {"message": "no"}' in said[3].content
    asked = site.asked[0]
    assert (asked.method, asked.path) == ("POST", "/scenarios/12/run")
    assert asked.headers["authorization"] == "Token K"
    assert asked.json == {"data": {"size": "L"}, "responsive": True}
    function = {"name": "price", "parameters": {"type": "object", "properties": {"size": {}}}}
    await use(store, site, "make", more=more | {"function": function}, size="S")
    assert site.asked[-1].json["data"] == {"size": "S"}


async def test_a_scenario_of_make_is_started_by_its_hook(store: Store, site: Site) -> None:
    await trust(store, "make", apiKey="K", region="eu1", teamId="7")
    more = {"metadata": {"triggerHookId": 3}}
    hook = {"hook": {"url": f"{site.url}/secret"}}
    site.once = [(200, hook), (200, b"Accepted"), (200, hook), (200, b""), (200, {})]
    said = [await use(store, site, "make", more=more, data={"a": 1}) for _ in range(3)]
    expected = ["Accepted", "The scenario was started."]
    assert [reply.content for reply in said[:2]] == expected
    assert "no URL of the hook" in said[2].content
    looked, sent = site.asked[:2]
    assert (looked.method, looked.path) == ("GET", "/hooks/3")
    assert (sent.path, sent.json) == ("/secret", {"a": 1})
    assert "authorization" not in sent.headers
    assert "neither" in (await use(store, site, "make", more={"metadata": {}})).content


async def test_a_text_message_goes_to_the_caller_from_the_number_called(
    store: Store, site: Site
) -> None:
    await trust(store, "twilio", accountSid="AC1", authToken="secret")
    site.once = [(201, {"sid": "SM1", "status": "queued"})]
    reply = await use(store, site, "sms", message="See you.")
    assert (reply.ok, reply.content) == (True, '{"status": "queued", "sid": "SM1"}')
    (asked,) = site.asked
    assert asked.path == "/Accounts/AC1/Messages.json"
    assert asked.form == {"To": "+4930123", "From": "+4930999", "Body": "See you."}
    assert asked.headers["authorization"] == "Basic QUMxOnNlY3JldA=="


async def test_another_organisation_s_account_is_not_used(store: Store, site: Site) -> None:
    await store.of("another").credentials.create({"provider": "gohighlevel", "apiKey": "K"})
    reply = await use(store, site, "gohighlevel.contact.get", locationId="L", email="x")
    assert "there is no credential of the provider" in reply.content
    assert site.asked == []


async def test_a_session_is_stored_sealed_and_never_shown(api: httpx.AsyncClient) -> None:
    for provider in ("google.calendar", "google.sheets", "slack"):
        body = {
            "provider": f"{provider}.oauth2-authorization",
            "authenticationSession": LIVE | {"refreshToken": "R", "clientSecret": "S"},
        }
        made = await api.post("/credential", json=body)
        assert made.status_code == 201, made.text
        assert "authenticationSession" not in made.json()


@pytest.mark.parametrize("kind", DEEDS)
async def test_a_service_that_fails_is_told_and_ends_nothing(
    store: Store, site: Site, kind: str
) -> None:
    for provider in ("gohighlevel", "make", "twilio"):
        await trust(store, provider, apiKey="K", apiSecret="S", accountSid="A", region="eu1")
    for name in ("google.calendar", "google.sheets", "slack"):
        await trust(store, f"{name}.oauth2-authorization", authenticationSession=LIVE)
    more = {"metadata": {"scenarioId": 1, "workflowId": "w"}}
    fields = {name: "2026-03-02T10:00:00Z" for name, _, _ in DEEDS[kind].fields}
    fields |= {"timeZone": "UTC", "timezone": "UTC"}
    for status, body, told in (
        (500, b"down", "HTTP status 500: down"),
        (403, {"error": "no"}, 'HTTP status 403: {"error": "no"}'),
        (200, b"[no JSON", "is not JSON"),
    ):
        site.rule = lambda asked, answer=(status, body): answer  # type: ignore[misc]
        reply = await use(store, site, kind, more=more, **fields)
        assert told in reply.content
        assert not reply.ok
