"""``docs/compatibility.md``, made of the code: what anything acts on of all that is documented."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gateway.api import authentication, buckets, credentials, monitor_links
from gateway.api.briefs import Defaults, from_assistant, resolve
from gateway.api.call_view import CallView
from gateway.api.directory import StoreDirectory
from gateway.api.errors import ApiError
from gateway.api.orders import order_from
from gateway.api.server_messages import Messages
from gateway.api.shapes import shapes
from gateway.api.targets import Targets, target, wanted, wanted_live
from gateway.calls.ports import CallRefused
from gateway.calls.record import Party
from gateway.errors import GatewayError
from gateway.store import Store, Stored, numbers
from gateway.store.tables import THE_ORG
from tests.api.acted_on import Eye, Finding, Json, findings, required
from tests.api.maximal import members

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"

MODEL: Json = {"provider": "openai", "model": "gpt-4o"}
ANN: Json = {"name": "Ann", "model": MODEL, "voice": {"provider": "embedded", "voiceId": "en"}}
DIALLED: Json = {"sipUri": "sip:one@example.org"}
TRUNK: Json = {"provider": "byo-sip-trunk", "gateways": [{"ip": "192.0.2.9"}]}
OTHER_BUCKET: Json = {
    "provider": "s3", "s3BucketName": "b", "region": "r", "awsAccessKeyId": "k",
    "awsSecretAccessKey": "s", "s3PathPrefix": "", "fallbackIndex": 2,
}  # fmt: skip
NOBODY: Any = None  # no HTTP client: the plans that are tried need none
OVERRIDES = ("assistantOverrides", "membersOverrides", "squadOverrides")
REFUSED = (ApiError, GatewayError, CallRefused)
# Described once, on their own.
OWN = ("CreateAssistantDto", "AssistantOverrides", "CreateSquadDto", "CreateWorkflowDto", "Server")

BEGINNING = """\
# Compatibility with the documented API

Made by `scripts/compatibility` from the code: every documented field is changed in turn, and what
the gateway makes of the object (an agent's brief, an order, a route, the targets of messages, a
bucket, a trunk) changes with it, or it does not. A test refuses this page if it is not current.

Every field of every object is checked and read back as written, also where nothing acts on it.
Names in brackets are members of a union. An object that may stand in several places is described
once, in the first. What the gateway is called by and calls: [peers.md](peers.md).
"""


async def page() -> str:
    parts = [BEGINNING]
    with tempfile.TemporaryDirectory() as directory:
        store = Store(f"sqlite:///{directory}/kept.db")
        await store.start()
        for title, told in (await _chapters(store)).items():
            parts.append(_chapter(title, told))
        await store.close()
    return "\n".join(parts)


async def _chapters(store: Store) -> Mapping[str, list[Finding]]:
    ann = await store.assistants.create(ANN)
    squad = await store.squads.create({"members": [{"assistantId": ann.id}]})
    desk = await store.phone_numbers.create({"provider": "vapi", "assistantId": ann.id, **DIALLED})
    trunk = await store.credentials.create(TRUNK)
    known = {
        "assistantId": ann.id,
        "squadId": squad.id,
        "phoneNumberId": desk.id,
        "credentialId": trunk.id,
        **{name: {"name": "B"} for name in OVERRIDES},
    }
    place = _placing(store)
    calls = [{"customer": DIALLED, "assistant": ANN}, {"customer": DIALLED}]

    async def met(body: Json) -> Any:
        return await place({"customer": DIALLED, "squad": body})

    rung, trusted = [], []
    for name in members("CreatePhoneNumber"):
        called = {"number": "+4930111111"} if "number" in shapes()[name]["properties"] else DIALLED
        base = required(name) | {"assistantId": ann.id} | called
        rung += _of(name, await findings(name, [base], _ringing(store), OWN, known))
    for name in members("AssistantCredentialsItem"):
        trusted += _of(name, await findings(name, [{}], _trusting))
    return {
        "Assistants": await findings("CreateAssistantDto", [{"model": MODEL}], _assistant),
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
    assistant = resolve(body, None)
    papers = {"assistant": assistant}
    try:
        brief = _parsed(from_assistant(assistant).model_dump())
    except REFUSED:
        return None
    put = await buckets.Buckets(_Empty(papers), None).of("a call")  # type: ignore[arg-type]
    live = wanted_live(papers), monitor_links.plan(papers)
    return brief, Targets().of_call(papers), wanted(papers), live, put


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
            order = await order_from(body, store.of(None), Defaults())
        except (*REFUSED, ValueError):
            return None
        return replace(order, papers={}), Targets().of_call(order.papers), wanted(order.papers)

    return place


async def _nobody(*_: Any, **__: Any) -> Any:
    raise CallRefused("nobody is asked")


def _ringing(store: Store) -> Eye:
    wire: Any = SimpleNamespace(send=_nobody, ask=_nobody)

    async def ring(body: Json) -> Any:
        try:
            route = await StoreDirectory(
                _Ringing(store, body), Defaults(), Messages(CallView(THE_ORG, "")), wire, Targets()
            ).find("desk", "", {}, Party())
        except REFUSED:
            return None
        index = numbers._columns(body)  # what is dialled is looked up in these
        return route and (replace(route, papers={}), Targets().of_call(route.papers), index)

    return ring


class _Ringing(Store):
    """The store, with one phone number that is always meant."""

    def __init__(self, store: Store, body: Json) -> None:
        now = datetime.now(UTC)
        self._one = Stored("a number", THE_ORG, now, now, body)
        self.of = store.of  # type: ignore[method-assign]
        self.phone_numbers = SimpleNamespace(dialled=self._dialled)  # type: ignore[assignment]

    async def _dialled(self, *_: Any) -> Stored:
        return self._one


async def _trusting(body: Json) -> Any:
    """What it is good for: a trunk, a bucket and its rank, a signature."""
    try:
        if body["provider"] == credentials.TRUNK:
            return credentials.trunk_settings(body)
        if body["provider"] in buckets.PROVIDERS and buckets.is_bucket(body):
            buckets.bucket_of(body)
            papers = {"assistant": {"credentials": [OTHER_BUCKET, body]}}
            return await buckets.Buckets(_Empty(papers), None).of("a call")  # type: ignore[arg-type]

        async def found(*_: str) -> Json:
            return body

        known = authentication.Authentication(found, NOBODY, lambda: 0.0)
        return await known.headers("one", b"", url="https://one.example/")
    except authentication.NotAuthenticated:
        return ""
    except REFUSED:
        return None


def _chapter(title: str, told: list[Finding]) -> str:
    used = [one for one in told if one.used and (one.acts or one.kept)]
    idle = [one.place or "(itself)" for one in told if not one.used]
    lines = [f"## {title}", "", "| where | acted on | kept only |", "|---|---|---|"]
    for one in used:
        lines.append(f"| {one.place or '(itself)'} | {_names(one.acts)} | {_names(one.kept)} |")
    if idle:
        lines += ["", f"Kept only, or refused when a call is to use them: {', '.join(idle)}."]
    return "\n".join([*lines, ""])


def _names(names: list[str]) -> str:
    return " ".join(f"`{name}`" for name in names) or "-"
