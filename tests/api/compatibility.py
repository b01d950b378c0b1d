"""``docs/compatibility.md``, made of the code: what anything acts on of all that is documented."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx

from gateway.agent.brief import Brief
from gateway.api import artifact, authentication, buckets, credentials, monitor_links, vendor_keys
from gateway.api.analysis import Analyst
from gateway.api.briefs import Defaults, from_assistant
from gateway.api.call_view import CallView
from gateway.api.casting import cast
from gateway.api.directory import StoreDirectory
from gateway.api.errors import ApiError
from gateway.api.orders import order_from, single
from gateway.api.saved_outputs import Saved
from gateway.api.server_messages import Messages
from gateway.api.shapes import shapes
from gateway.api.targets import Targets, target, wanted, wanted_live
from gateway.calls.ports import CallRefused, Enquiry, Forward, Route
from gateway.calls.record import CallRecord, Line, Party, Status
from gateway.errors import GatewayError
from gateway.store import Store, Stored, numbers
from gateway.store.tables import THE_ORG
from tests.api.acted_on import Eye, Finding, Json, findings, required, words
from tests.api.maximal import members
from tests.api.page_texts import BEGINNING, WHY
from tests.api.shown import SPECIMENS

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"

MODEL: Json = {"provider": "openai", "model": "gpt-4o"}
ANN: Json = {"name": "Ann", "model": MODEL, "voice": {"provider": "embedded", "voiceId": "en"}}
CALLER = Party(number="+4930111111")
DIALLED: Json = {"sipUri": "sip:one@example.org"}
TRUNK: Json = {"provider": "byo-sip-trunk", "gateways": [{"ip": "192.0.2.9"}]}
OTHER_BUCKET: Json = {
    "provider": "s3", "s3BucketName": "b", "region": "r", "awsAccessKeyId": "k",
    "awsSecretAccessKey": "s", "s3PathPrefix": "", "fallbackIndex": 2,
}  # fmt: skip
# Whose credentials the tools of other services read as they are.
OFFICE = (
    "gohighlevel", "make", "twilio", "slack-webhook", "slack.oauth2-authorization",
    "ghl.oauth2-authorization", "google.calendar.oauth2-authorization",
    "google.sheets.oauth2-authorization",
)  # fmt: skip
OFFICE_FILES = ("gateway/api/tools/office.py", "gateway/api/tools/accounts.py")
OVERRIDES = ("assistantOverrides", "membersOverrides", "squadOverrides")
REFUSED = (ApiError, GatewayError, CallRefused)
# Described once, on their own.
OWN = ("CreateAssistantDto", "AssistantOverrides", "CreateSquadDto", "CreateWorkflowDto", "Server")


async def page() -> str:
    parts = [BEGINNING]
    with tempfile.TemporaryDirectory() as directory:
        store = Store(f"sqlite:///{directory}/kept.db")
        await store.start()
        chapters = await _chapters(store)
        for title, told in chapters.items():
            parts.append(_chapter(title, told))
        await store.close()
    parts.append(_why({name for told in chapters.values() for one in told for name in one.kept}))
    return "\n".join(parts)


async def _chapters(store: Store) -> Mapping[str, list[Finding]]:
    themselves = (*(one for one in OWN if one != "Server"), *members("AssistantCredentialsItem"))
    ann = await store.assistants.create(ANN)
    squad = await store.squads.create({"members": [{"assistantId": ann.id}]})
    desk = await store.phone_numbers.create({"provider": "vapi", "assistantId": ann.id, **DIALLED})
    trunk = await store.credentials.create(TRUNK)
    SPECIMENS.update(assistantId=[ann.id], squadId=[squad.id])
    known = {
        "assistantId": ann.id,
        "squadId": squad.id,
        "phoneNumberId": desk.id,
        "credentialId": trunk.id,
        "squad": {"members": [{"assistant": ANN}]},
        "customers": [DIALLED],
        **{name: {"name": "B"} for name in OVERRIDES},
    }
    place = _placing(store)
    calls = [
        {"customer": DIALLED, "assistant": ANN},
        {"customer": DIALLED},
        {"customer": DIALLED, "squadId": squad.id},
        {"assistant": ANN},
    ]

    async def met(body: Json) -> Any:
        return await place({"customer": DIALLED, "squad": body})

    rung, trusted, seen = [], [], set()
    elsewhere = (*OWN, *members("Tool"), "ToolCallHookAction", "MessageAddHookAction")
    for name in members("CreatePhoneNumber"):
        called = {"number": "+4930111111"} if "number" in shapes()[name]["properties"] else DIALLED
        base = required(name) | {"assistantId": ann.id} | called
        found = await findings(name, [base], _ringing(store), elsewhere, known, seen)
        rung += _of(name, found)
    for name in members("AssistantCredentialsItem"):
        trusted += _of(name, await findings(name, [{}], _trusting))
    return {
        "Assistants": await findings(
            "CreateAssistantDto", [{"model": MODEL}], _assistant, themselves, SAVED
        ),
        "Calls": await findings("CreateCallDto", calls, place, OWN, known),
        "Squads": await findings(
            "CreateSquadDto", [{"members": [{"assistant": ANN}]}], met, OWN, known
        ),
        "Phone numbers": rung,
        "Credentials": trusted,
    }


def _of(shape: str, found: list[Finding]) -> list[Finding]:
    name = shape.removeprefix("Create").removesuffix("Dto").removeprefix("Credential_")
    return [replace(one, place=f"{name}.{one.place}".rstrip(".")) for one in found]


async def _assistant(body: Json) -> Any:
    try:
        found = await cast({"assistant": body}, HELD)
        brief = from_assistant(found.assistant, None, found.keys)
    except REFUSED:
        return None
    papers = {"assistant": found.assistant}
    put = await buckets.Buckets(_Empty(papers), None).of("a call")  # type: ignore[arg-type]
    made = _parsed(brief.model_dump()), found.variables, found.missing
    told = Targets().of_call(papers), wanted(papers), wanted_live(papers)
    return made, told, monitor_links.plan(papers), put, await _left(papers, brief)


def _held() -> Any:
    """An organisation with a saved tool and two keys of a vendor."""
    now = datetime.now(UTC)
    function = {"type": "function", "function": {"name": "saved"}}
    keys = [
        Stored(key, THE_ORG, now, now, {"provider": "openai", "apiKey": key}) for key in ("b", "a")
    ]

    async def tool(tool_id: str) -> Stored | None:
        return Stored(tool_id, THE_ORG, now, now, function) if tool_id == "saved" else None

    async def credentials(**asked: Any) -> list[Stored]:
        return [one for one in keys if one.body["provider"] in asked["provider"]]

    return SimpleNamespace(
        tools=SimpleNamespace(get=tool), credentials=SimpleNamespace(list=credentials)
    )


HELD = _held()
SAVED = {
    "toolIds": ["saved"],
    "toolRefs": [{"toolId": "saved", "version": "v1"}],
    "toolId": "saved",
    "structuredOutputIds": ["saved"],
    "scorecardIds": ["saved"],
    "credentialIds": ["a"],  # the other would be taken
}


async def _left(papers: Json, brief: Brief) -> Any:
    """What is made of calls that are over: of one where nothing was said, and of one where
    something was."""
    if not papers["assistant"].keys() & {"analysisPlan", "artifactPlan"}:
        return None
    at = datetime(2026, 1, 1, tzinfo=UTC)
    word = Line(role="user", text="oooo", at=at, began_s=0, ended_s=1)
    left = []
    for said in ([], [word], [word, word]):
        record = CallRecord(
            id="c", direction="inbound", status=Status.ENDED, transcript=said, answered_at=at,
            ended_at=at, ended_reason="customer-ended-call", capture="c.pcap",
        )  # fmt: skip
        analyst = _Asked()
        found = await analyst.analyse(record, papers, brief)
        shown = artifact.of(record, papers, "http://gateway.test")
        parts = ("structuredOutputs", "skippedStructuredOutputs", "scorecards")
        known = [sorted(found.outputs.get(part, {}).items()) for part in parts]
        left.append((analyst.asked, known, shown.get("logUrl"), shown["transcript"]))
    return left


class _Asked(Analyst):
    """It notes what it would ask."""

    def __init__(self) -> None:
        super().__init__({}, saved=_Saved(None))  # type: ignore[arg-type]  # it asks no store
        self.asked: list[Any] = []

    async def _answer(
        self, name: str, part: Json, known: Json, record: CallRecord, brief: Brief
    ) -> Any:
        self.asked.append((name, part, brief.thinking))
        return None

    async def _output(self, plan: Json, known: Json, record: CallRecord, brief: Brief) -> Any:
        answer = await super()._output(plan, known, record, brief)
        self.asked.append(answer)
        return answer


class _Saved(Saved):
    """One output and one scorecard, which are called "saved"."""

    async def outputs(self, record: CallRecord, plan: Json) -> dict[str, Json]:
        ids = plan.get("structuredOutputIds") or ()
        return {i: {"name": i, "schema": {}} for i in ids if i == "saved"}

    async def scorecards(self, record: CallRecord, plan: Json) -> dict[str, Json]:
        named = plan.get("scorecardIds") or ()
        inline = enumerate(plan.get("scorecards") or ())
        return {f"{n}": one for n, one in inline} | {i: {"metrics": []} for i in named}


class _Empty:
    """A store that knows one call and nothing else."""

    def __init__(self, papers: Json) -> None:
        self.calls = SimpleNamespace(get=self._call)
        self._papers = papers

    async def _call(self, call_id: str) -> Any:
        return SimpleNamespace(papers=self._papers, org_id="")

    def of(self, org_id: str) -> Any:
        async def nothing(**_: Any) -> list[Any]:
            return []

        return SimpleNamespace(credentials=SimpleNamespace(list=nothing))


def _parsed(value: Any) -> Any:
    """Without what is only carried; a server as it is used."""
    match value:
        case dict():
            return {
                name: target(part) if name == "server" else _parsed(part)
                for name, part in value.items()
                if name != "written"
            }
        case list() | tuple():
            return [_parsed(part) for part in value]
    return value


def _placing(store: Store) -> Eye:
    async def place(body: Json) -> Any:
        try:
            bodies = single(body) if body.get("customers") else [body]
            orders = [await order_from(one, store.of(None), Defaults()) for one in bodies]
        except (*REFUSED, ValueError):
            return None
        return [
            (replace(order, papers={}), Targets().of_call(order.papers), wanted(order.papers))
            for order in orders
        ]

    return place


async def _nobody(*_: Any, **__: Any) -> Any:
    raise CallRefused("nobody is asked")


def _ringing(store: Store) -> Eye:
    wire: Any = SimpleNamespace(send=_nobody, ask=_nobody)

    async def rung(body: Json) -> Any:
        """A route; of an enquiry, what comes of it."""
        try:
            route = await StoreDirectory(
                _Ringing(store, body), Defaults(), Messages(CallView(THE_ORG, "")), wire, Targets()
            ).find("desk", "", {}, CALLER)
        except REFUSED:
            return None
        found: Any = route
        if isinstance(route, Enquiry):
            try:
                found = await route.ask(CallRecord(id="c", direction="inbound", customer=CALLER))
            except REFUSED as error:
                found = str(error)
            found = (route.login, route.trunk, route.public, _bare(found))
        elif route:
            found = _bare(route)
        return route and (found, Targets().of_call(route.papers))

    async def ring(body: Json) -> Any:
        """With whoever answers, and when nobody does."""
        index = numbers._columns(body)  # what is dialled is looked up in these
        nobody = {n: v for n, v in body.items() if n not in ("assistantId", "squadId")}
        made = [await rung(body), await rung(nobody)]
        return (made, index) if any(made) else None

    return ring


def _bare(found: Any) -> Any:
    """Without what is only carried."""
    match found:
        case Forward():
            to = found.destination.model_copy(update={"papers": {}})
            return replace(found, destination=to, route=_bare(found.route))
        case Route():
            return replace(found, papers={})
    return found


class _Ringing(Store):
    """The store, with one phone number that is always meant."""

    def __init__(self, store: Store, body: Json) -> None:
        now = datetime.now(UTC)
        self._one = Stored("a number", THE_ORG, now, now, body)
        self.of = store.of  # type: ignore[method-assign]
        self.phone_numbers = SimpleNamespace(dialled=self._dialled)  # type: ignore[assignment]

    async def _dialled(self, *_: Any) -> Stored:
        return self._one


class _Tokens:
    """A token server that gives what it was asked."""

    async def post(
        self,
        url: str,
        data: Json,
        auth: httpx.BasicAuth,
        timeout: float,  # httpx's signature
    ) -> Any:
        token = json.dumps([url, data, auth._auth_header])
        return SimpleNamespace(status_code=200, json=lambda: {"access_token": token})


async def _trusting(body: Json) -> Any:
    """What it is good for: a trunk, a bucket and its rank, a signature."""
    try:
        if body["provider"] == credentials.TRUNK:
            return credentials.trunk_settings(body)
        if body["provider"] in buckets.PROVIDERS and buckets.is_bucket(body):
            buckets.bucket_of(body)
            papers = {"assistant": {"credentials": [OTHER_BUCKET, body]}}
            put = await buckets.Buckets(_Empty(papers), None).of("a call")  # type: ignore[arg-type]
            return put, _key(body)
        if body["provider"] in OFFICE:
            read = words(OFFICE_FILES) - {"name", "provider"}
            return {name: part for name, part in body.items() if name in read}
        if body["provider"] in vendor_keys.FIELDS and "authenticationPlan" not in body:
            return _key(body)

        async def found(*_: str) -> Json:
            return body

        known = authentication.Authentication(found, _Tokens(), lambda: 0.0)  # type: ignore[arg-type]
        with patch("gateway.signatures.uuid4", lambda: UUID(int=0)):  # else no two are alike
            headers = await known.headers("one", b"", url="https://one.example/")
        return headers, body.get("encryptionPlan")
    except authentication.NotAuthenticated:
        return ""
    except REFUSED:
        return None


def _key(body: Json) -> Any:
    return vendor_keys.key_of(body) if body["provider"] in vendor_keys.FIELDS else None


def _chapter(title: str, told: list[Finding]) -> str:
    used = [one for one in told if one.used and (one.acts or one.kept)]
    idle = [one.place or "(itself)" for one in told if not one.used]
    lines = [f"## {title}", "", "| where | acted on | kept only |", "|---|---|---|"]
    for one in used:
        lines.append(f"| {one.place or '(itself)'} | {_names(one.acts)} | {_names(one.kept)} |")
    if idle:
        lines += ["", f"Kept only, or refused when a call is to use them: {', '.join(idle)}."]
    return "\n".join([*lines, ""])


def _why(kept: set[str]) -> str:
    lines = ["## Why", ""]
    for reason, names in WHY.items():
        assert kept.issuperset(names), f"acted on: {set(names) - kept}"
        lines.append(f"* {_names(list(names))}: {reason}")
    return "\n".join([*lines, ""])


def _names(names: list[str]) -> str:
    return " ".join(f"`{name}`" for name in names) or "-"
