"""Tools of other services: Google Calendar and Sheets, Slack, GoHighLevel, Make, text messages by
Twilio.

A row each: what the model fills in, and the request that is made of it.
"""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.api.tools.accounts import Accounts, Service
from gateway.api.tools.errand import Json, ToolFailed, text_of
from gateway.calls.errand import Errand
from gateway.calls.ports import ToolReply

CALENDAR = Service("google-calendar", "https://www.googleapis.com/calendar/v3")
SHEETS = Service("google-sheets", "https://sheets.googleapis.com/v4")
GOOGLE_LOGIN = Service("google-oauth", "https://oauth2.googleapis.com")
SLACK = Service("slack", "https://slack.com/api")
HIGHLEVEL = Service("gohighlevel", "https://services.leadconnectorhq.com")
MAKE = Service("make", "https://{region}.make.com/api/v2")
TWILIO = Service("twilio", "https://api.twilio.com/2010-04-01")

Field = tuple[str, str, bool]  # name, description, required
_WHEN: tuple[Field, ...] = (
    ("startDateTime", "the beginning, ISO 8601", True),
    ("endDateTime", "the end, ISO 8601", True),
    ("timeZone", "e.g. Europe/Berlin", False),
    ("calendarId", "whose calendar; by default the account's own", False),
)


@dataclass(frozen=True)
class Deed:
    about: str
    fields: tuple[Field, ...]
    do: Callable[[Accounts, Errand], Awaitable[Any]]
    schemas: tuple[tuple[str, Json], ...] = ()  # of fields that are no strings

    @property
    def described(self) -> Json:
        """What the model is told."""
        schemas = dict(self.schemas)
        properties = {
            name: {**schemas.get(name, {"type": "string"}), "description": about}
            for name, about, _ in self.fields
        }
        required = [name for name, _, needed in self.fields if needed]
        return {
            "description": self.about,
            "parameters": {"type": "object", "properties": properties, "required": required},
        }


async def do(accounts: Accounts, errand: Errand) -> ToolReply:
    """Raises ToolFailed and wire.FAILURES."""
    deed = DEEDS[errand.tool.kind]
    lacking = [n for n, _, needed in deed.fields if needed and not errand.arguments.get(n)]
    if lacking:
        raise ToolFailed(f"the argument {lacking[0]!r} is missing")
    return ToolReply(True, text_of(await deed.do(accounts, errand)))


async def _google(accounts: Accounts, errand: Errand, kind: str, url: str, body: Json) -> Any:
    credential = await accounts.credential(errand, f"google.{kind}.oauth2-authorization")
    login = f"{accounts.url(GOOGLE_LOGIN)}/token"
    return await accounts.ask_as(errand, credential, login, "POST", url, body)


async def _create_event(accounts: Accounts, errand: Errand) -> Any:
    given = errand.arguments
    zone = {"timeZone": given["timeZone"]} if given.get("timeZone") else {}
    event: Json = {
        "summary": given["summary"],
        "start": {"dateTime": given["startDateTime"], **zone},
        "end": {"dateTime": given["endDateTime"], **zone},
    }
    if given.get("description"):
        event["description"] = given["description"]
    if given.get("attendees"):
        event["attendees"] = [{"email": email} for email in given["attendees"]]
    calendar = quote(given.get("calendarId") or "primary", safe="")
    url = f"{accounts.url(CALENDAR)}/calendars/{calendar}/events"
    made = await _google(accounts, errand, "calendar", url, event)
    return {n: made[n] for n in ("id", "status", "htmlLink", "start", "end") if n in made}


async def _free_times(accounts: Accounts, errand: Errand) -> Any:
    given = errand.arguments
    calendar = given.get("calendarId") or "primary"
    zone = given.get("timeZone") or "UTC"
    asked: Json = {
        "timeMin": _instant(given["startDateTime"], zone).isoformat(),
        "timeMax": _instant(given["endDateTime"], zone).isoformat(),
        "timeZone": zone,
        "items": [{"id": calendar}],
    }
    url = f"{accounts.url(CALENDAR)}/freeBusy"
    found = await _google(accounts, errand, "calendar", url, asked)
    shown = found.get("calendars", {}).get(calendar, {})
    if shown.get("errors"):
        raise ToolFailed(f"the calendar {calendar}: {shown['errors'][0].get('reason')}")
    busy = shown.get("busy", [])
    return {"available": not busy, "busy": busy}


async def _append_row(accounts: Accounts, errand: Errand) -> Any:
    given = errand.arguments
    place = f"{quote(given['spreadsheetId'], safe='')}/values/{quote(given['range'], safe='')}"
    url = f"{accounts.url(SHEETS)}/spreadsheets/{place}:append?valueInputOption=USER_ENTERED"
    body = {"values": [given["values"]]}
    made = await _google(accounts, errand, "sheets", url, body)
    return {"updatedRange": (made.get("updates") or {}).get("updatedRange")}


async def _say_in_slack(accounts: Accounts, errand: Errand) -> Any:
    given, limit_s = errand.arguments, errand.tool.timeout_s
    credential = await accounts.credential(errand, "slack.oauth2-authorization", "slack-webhook")
    if hook := credential[1].get("webhookUrl"):
        text = {"text": given["message"]}
        return await accounts.ask("POST", hook, {}, text, limit_s, words=True) or "Sent."
    if not given.get("channel"):
        raise ToolFailed("the argument 'channel' is missing")
    url = accounts.url(SLACK)
    made = await accounts.ask_as(
        errand,
        credential,
        f"{url}/oauth.v2.access",
        "POST",
        f"{url}/chat.postMessage",
        {"channel": given["channel"], "text": given["message"]},
        ended=lambda answer: answer.get("error") == "token_expired",  # with status 200
    )
    if not made.get("ok"):
        raise ToolFailed(f"Slack refuses it: {made.get('error')}")
    return "Sent."


async def _highlevel(
    accounts: Accounts, errand: Errand, method: str, path: str, query: Json, body: Any = None
) -> Any:
    credential = await accounts.credential(errand, "ghl.oauth2-authorization", "gohighlevel")
    url = accounts.url(HIGHLEVEL)
    headers = {"Version": "2021-07-28"}
    known = {n: v for n, v in query.items() if v}
    address = f"{url}{path}" + (f"?{urlencode(known)}" if known else "")
    if key := credential[1].get("apiKey"):
        headers |= {"Authorization": f"Bearer {key}"}
        return await accounts.ask(method, address, headers, body, errand.tool.timeout_s)
    login = f"{url}/oauth/token"
    return await accounts.ask_as(errand, credential, login, method, address, body, headers)


async def _find_contact(accounts: Accounts, errand: Errand) -> Any:
    given = errand.arguments
    wanted = given.get("email") or given.get("phone")
    if not wanted:
        raise ToolFailed("the argument 'email' is missing, or 'phone'")
    query = {"locationId": given["locationId"], "query": wanted}
    found = (await _highlevel(accounts, errand, "GET", "/contacts/", query)).get("contacts") or []
    return {"contacts": found[:5]} if found else "There is no such contact."


async def _create_contact(accounts: Accounts, errand: Errand) -> Any:
    made = await _highlevel(accounts, errand, "POST", "/contacts/", {}, errand.arguments)
    return {"id": (made.get("contact") or {}).get("id")}


async def _free_slots(accounts: Accounts, errand: Errand) -> Any:
    given = errand.arguments
    zone = given.get("timezone") or "UTC"
    query = {
        "startDate": round(_instant(given["startDate"], zone).timestamp() * 1000),
        "endDate": round(_instant(given["endDate"], zone).timestamp() * 1000),
        "timezone": given.get("timezone"),
    }
    path = f"/calendars/{quote(given['calendarId'], safe='')}/free-slots"
    return await _highlevel(accounts, errand, "GET", path, query)


async def _book(accounts: Accounts, errand: Errand) -> Any:
    path = "/calendars/events/appointments"
    made = await _highlevel(accounts, errand, "POST", path, {}, errand.arguments)
    return {n: made[n] for n in ("id", "status", "startTime", "endTime") if n in made}


async def _start_workflow(accounts: Accounts, errand: Errand) -> Any:
    """The legacy ``ghl`` tool: its workflow begins for a contact, by default the caller."""
    given, plan = errand.arguments, errand.written.get("metadata") or {}
    if not plan.get("workflowId"):
        raise ToolFailed("its metadata has no workflowId")
    wanted = given.get("email") or given.get("phone") or errand.record.customer.number
    if not wanted:
        raise ToolFailed("the argument 'phone' is missing, and the caller has no number")
    query = {"locationId": plan.get("locationId"), "query": wanted}
    found = (await _highlevel(accounts, errand, "GET", "/contacts/", query)).get("contacts") or []
    if not found:
        raise ToolFailed(f"there is no contact {wanted}")
    place = f"{quote(found[0]['id'], safe='')}/workflow/{quote(plan['workflowId'], safe='')}"
    await _highlevel(accounts, errand, "POST", f"/contacts/{place}", {}, {})
    return "The workflow has begun."


async def _run_scenario(accounts: Accounts, errand: Errand) -> Any:
    """With ``scenarioId`` it is run, and its outputs are the result; with ``triggerHookId``, the
    result is what the scenario's webhook answers. Numbers come as JSON has them: 7 may be 7.0."""
    plan, limit_s = errand.written.get("metadata") or {}, errand.tool.timeout_s
    _, account = await accounts.credential(errand, "make")
    url = accounts.url(MAKE).format(region=quote(str(account.get("region")), safe=""))
    headers = {"Authorization": f"Token {account.get('apiKey')}"}
    told = (errand.written.get("function") or {}).get("parameters")
    data = errand.arguments if told else errand.arguments.get("data") or {}
    if plan.get("scenarioId") is not None:
        address = f"{url}/scenarios/{int(plan['scenarioId'])}/run"
        body = {"data": data, "responsive": True}
        made = await accounts.ask("POST", address, headers, body, limit_s)
        if isinstance(made, dict) and str(made.get("status")) == "3":
            raise ToolFailed("the scenario ended with an error")
        return (made.get("outputs") if isinstance(made, dict) else made) or "The scenario was run."
    if plan.get("triggerHookId") is None:
        raise ToolFailed("its metadata has neither a scenarioId nor a triggerHookId")
    found = await accounts.ask(
        "GET", f"{url}/hooks/{int(plan['triggerHookId'])}", headers, None, limit_s
    )
    hook = (found.get("hook") or {}).get("url") if isinstance(found, dict) else None
    if not hook:
        raise ToolFailed("the answer of Make has no URL of the hook")
    made = await accounts.ask("POST", hook, {}, data, limit_s, words=True)
    return made or "The scenario was started."


async def _text(accounts: Accounts, errand: Errand) -> Any:
    given = errand.arguments
    _, account = await accounts.credential(errand, "twilio")
    sid = str(account["accountSid"])
    login, secret = account.get("apiKey") or sid, account.get("apiSecret")
    if not account.get("apiKey") or not secret:
        login, secret = sid, account.get("authToken")
    number = (errand.papers.get("phoneNumber") or {}).get("number") or errand.record.dialled
    form = {
        "To": given.get("to") or errand.record.customer.number,
        "From": given.get("from") or number,
        "Body": given["message"],
    }
    if not form["To"]:
        raise ToolFailed("the argument 'to' is missing, and the caller has no number")
    basic = base64.b64encode(f"{login}:{secret}".encode()).decode()
    headers = {
        "Authorization": f"Basic {basic}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    url = f"{accounts.url(TWILIO)}/Accounts/{quote(sid, safe='')}/Messages.json"
    content = urlencode(form).encode()
    made = await accounts.ask("POST", url, headers, content, errand.tool.timeout_s)
    return {"status": made.get("status"), "sid": made.get("sid")}


def _instant(text: str, zone: str) -> datetime:
    """Raises ToolFailed."""
    try:
        at = datetime.fromisoformat(text)
        return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise ToolFailed(f"{text!r} in {zone!r} is no ISO 8601 time: {error}") from None


_LIST = {"type": "array", "items": {"type": "string"}}

DEEDS: dict[str, Deed] = {
    "google.calendar.event.create": Deed(
        "Put an event into the calendar.",
        (("summary", "the title", True), *_WHEN, ("description", "details", False),
         ("attendees", "their e-mail addresses", False)),
        _create_event, (("attendees", _LIST),),
    ),
    "google.calendar.availability.check": Deed(
        "Find out whether the calendar is free in a period.", _WHEN, _free_times
    ),
    "google.sheets.row.append": Deed(
        "Append a row to a spreadsheet.",
        (("spreadsheetId", "which spreadsheet", True), ("range", "e.g. Sheet1!A:Z", True),
         ("values", "the cells of the row, in order", True)),
        _append_row, (("values", _LIST),),
    ),
    "slack.message.send": Deed(
        "Send a message to a Slack channel.",
        (("channel", "its name or id", False), ("message", "the text", True)), _say_in_slack,
    ),
    "gohighlevel.contact.get": Deed(
        "Find a contact by e-mail address or telephone number.",
        (("locationId", "which location", True), ("email", "e-mail address", False),
         ("phone", "telephone number", False)), _find_contact,
    ),
    "gohighlevel.contact.create": Deed(
        "Create a contact.",
        (("locationId", "which location", True), ("firstName", "first name", False),
         ("lastName", "last name", False), ("email", "e-mail address", False),
         ("phone", "telephone number", False)), _create_contact,
    ),
    "gohighlevel.calendar.availability.check": Deed(
        "Find free times in a calendar.",
        (("calendarId", "which calendar", True), ("startDate", "from, ISO 8601", True),
         ("endDate", "to, ISO 8601", True), ("timezone", "e.g. Europe/Berlin", False)),
        _free_slots,
    ),
    "gohighlevel.calendar.event.create": Deed(
        "Book an appointment for a contact.",
        (("calendarId", "which calendar", True), ("locationId", "which location", True),
         ("contactId", "for whom", True), ("startTime", "ISO 8601", True),
         ("endTime", "ISO 8601", True), ("title", "its title", False)), _book,
    ),
    "ghl": Deed(
        "Start the workflow for a contact, by default the caller.",
        (("email", "e-mail address", False), ("phone", "telephone number", False)),
        _start_workflow,
    ),
    "make": Deed(
        "Run the scenario.", (("data", "what it is to be given", False),), _run_scenario,
        (("data", {"type": "object"}),),
    ),
    "sms": Deed(
        "Send a text message, by default to the caller.",
        (("message", "the text", True), ("to", "a number in E.164 form", False)), _text,
    ),
}  # fmt: skip
