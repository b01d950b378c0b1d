"""Several organisations on one gateway, and what each kind of key opens."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from gateway.api.directory import StoreDirectory
from gateway.calls.record import CallRecord, Party, Status
from gateway.store import Store

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)

NOBODY = "11111111-1111-4111-8111-111111111111"
MADE: list[tuple[str, dict[str, Any]]] = [
    ("/assistant", {"name": "A"}),
    ("/squad", {"members": [{"assistant": {"name": "A"}}]}),
    ("/tool", {"type": "endCall"}),
    ("/phone-number", {"provider": "vapi", "sipUri": "sip:desk@example.org"}),
    ("/credential", {"provider": "openai", "apiKey": "hush"}),
    ("/token", {"name": "K"}),
]


async def key_for(api: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await api.post("/token", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def bearing(key: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", **more}


@pytest.fixture
async def other(api: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A client of another organisation than ``api``'s."""
    org = (await api.post("/org", json={"name": "Other"})).json()
    made = await key_for(api, orgId=org["id"])
    assert made["orgId"] == org["id"]
    async with httpx.AsyncClient(
        transport=api._transport, base_url="http://gateway.test", headers=bearing(made["value"])
    ) as client:
        yield client


@pytest.mark.parametrize(("path", "body"), MADE)
async def test_what_one_organisation_has_does_not_exist_for_another(
    api: httpx.AsyncClient, other: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    for owner, stranger in ((api, other), (other, api)):
        made = (await owner.post(path, json=body)).json()
        at = f"{path}/{made['id']}"
        if not (path == "/token" and stranger is api):  # the operator sees everybody's keys
            assert made["id"] not in str((await stranger.get(path)).json())
            assert (await stranger.delete(at)).status_code == 404
        assert (await stranger.get(at)).status_code == 404
        if path != "/token":
            assert (await stranger.patch(at, json={})).status_code == 404
        assert (await owner.get(at)).json()["orgId"] == made["orgId"]
        assert (await owner.delete(at)).status_code == 200


async def test_a_call_belongs_to_the_organisation_that_placed_it(
    api: httpx.AsyncClient, other: httpx.AsyncClient, store: Store, switchboard: Any, script: Any
) -> None:
    body = {"assistant": script, "customer": {"sipUri": "sip:alice@example.org"}}
    placed = (await other.post("/call", json=body)).json()
    (order,) = switchboard.orders
    assert order.org_id == placed["orgId"] != (await api.post("/call", json=body)).json()["orgId"]
    record = CallRecord(id=placed["id"], direction="outbound", org_id=order.org_id)
    switchboard.running[record.id] = record
    at = f"/call/{record.id}"
    assert (await api.get(at)).status_code == 404
    assert (await api.delete(at)).status_code == 404
    assert switchboard.hung_up == []
    assert (await other.get(at)).status_code == 200
    del switchboard.running[record.id]
    store.calls.save(record.model_copy(update={"status": Status.ENDED}).model_dump(mode="json"))
    for path in ("", "/call-logs", "/pcap", "/mono-recording"):
        assert (await api.get(at + path)).status_code == 404
    assert record.id not in (await api.get("/call")).text
    assert (await api.get("/v2/call")).json()["metadata"]["totalItems"] == 0
    assert (await other.get("/v2/call")).json()["results"][0]["id"] == record.id
    many = {"ids": [record.id]}
    mine = CallRecord(id=NOBODY, direction="outbound", status=Status.ENDED)
    store.calls.save(mine.model_dump(mode="json"))
    assert (await api.request("DELETE", f"/call/{NOBODY}", json=many)).status_code == 404
    assert (await other.get(at)).status_code == 200
    assert (await other.get(at + "/call-logs")).status_code == 200


async def test_others_assistants_numbers_and_credentials_cannot_be_named(
    api: httpx.AsyncClient, other: httpx.AsyncClient, script: Any
) -> None:
    assistant = (await api.post("/assistant", json=script)).json()["id"]
    number = {"provider": "byo-phone-number", "number": "+4930123456"}
    mine = (await api.post("/phone-number", json=number)).json()["id"]
    credential = (await api.post("/credential", json={"provider": "openai", "apiKey": "x"})).json()
    customer = {"customer": {"sipUri": "sip:alice@example.org"}}
    for path, body in (
        ("/call", {"assistantId": assistant, **customer}),
        ("/call", {"assistant": script, "phoneNumberId": mine, **customer}),
        ("/phone-number", number),
        ("/phone-number", number | {"number": "+4930", "assistantId": assistant}),
        ("/phone-number", number | {"number": "+4930", "credentialId": credential["id"]}),
    ):
        assert (await other.post(path, json=body)).status_code == 400, (path, body)


async def test_an_inbound_call_belongs_to_its_number_s_organisation(
    other: httpx.AsyncClient, directory: StoreDirectory, script: Any
) -> None:
    assistant = (await other.post("/assistant", json=script)).json()
    body = {"provider": "vapi", "sipUri": "sip:hi@example.org", "assistantId": assistant["id"]}
    await other.post("/phone-number", json=body)
    route = await directory.find("hi", "example.org", {}, Party())
    assert route is not None
    assert route.org_id == assistant["orgId"]


async def test_only_the_operator_makes_organisations(
    api: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    (org,) = (await api.get("/org")).json()
    assert (await other.post("/org", json={"name": "X"})).status_code == 403
    assert (await other.get("/org")).status_code == 403
    assert (await other.get(f"/org/{org['id']}")).json()["name"] == "Other"
    assert (await other.get(f"/org/{NOBODY}")).status_code == 404
    assert (await other.delete(f"/org/{org['id']}")).status_code == 403
    assert (await other.post("/token", json={"orgId": NOBODY})).status_code == 403
    assert (await api.post("/token", json={"orgId": NOBODY})).status_code == 400
    assert (await api.delete(f"/org/{org['id']}")).status_code == 200
    assert (await other.get("/assistant")).status_code == 401


async def test_a_key_is_shown_once_and_opens_nothing_when_revoked(api: httpx.AsyncClient) -> None:
    made = await key_for(api, name="CI")
    assert made["value"] not in (await api.get("/token")).text
    assert made["value"] not in (await api.get(f"/token/{made['id']}")).text
    headers = bearing(made["value"])
    assert (await api.get("/assistant", headers=headers)).status_code == 200
    assert (await api.delete(f"/token/{made['id']}")).status_code == 200
    answer = await api.get("/assistant", headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (401, "Invalid key")


async def test_an_expired_key_says_so(api: httpx.AsyncClient) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    made = await key_for(api, expiresAt=past)
    answer = await api.get("/assistant", headers=bearing(made["value"]))
    assert (answer.status_code, answer.json()["message"]) == (401, "This key has expired")


async def test_a_public_key_reads_nothing(api: httpx.AsyncClient) -> None:
    made = await key_for(api, tag="public")
    for method, path in (("GET", "/assistant"), ("POST", "/call"), ("GET", "/token")):
        answer = await api.request(method, path, headers=bearing(made["value"]))
        assert answer.status_code == 403, path
        assert "private key" in answer.json()["message"]


@pytest.mark.parametrize(
    ("restrictions", "body", "status"),
    [
        (
            {"allowedAssistantIds": [NOBODY]},
            {"assistantId": "22222222-2222-4222-8222-222222222222"},
            403,
        ),
        ({"allowedAssistantIds": [NOBODY]}, {"assistantId": NOBODY}, 400),  # it does not exist
        ({"allowTransientAssistant": False}, {"assistant": {}}, 403),
        (
            {"allowTransientAssistant": False},
            {"assistantId": NOBODY, "assistantOverrides": {"name": "x"}},
            403,
        ),
        *(
            ({"allowTransientAssistant": False}, {"assistantId": NOBODY, **more}, 403)
            for more in (
                {"squadOverrides": {"name": "x"}},
                {"customer": {"assistantOverrides": {"name": "x"}}},
                {"customers": [{}, {"assistantOverrides": {"name": "x"}}]},
            )
        ),
        ({"allowTransientAssistant": False, "enabled": False}, {"assistant": {}}, 400),
    ],
)
async def test_restrictions_hold_for_calls(
    api: httpx.AsyncClient, restrictions: dict[str, Any], body: dict[str, Any], status: int
) -> None:
    made = await key_for(api, restrictions=restrictions)
    answer = await api.post("/call", json=body, headers=bearing(made["value"]))
    assert answer.status_code == status, answer.text


async def test_a_restricted_key_makes_no_key_without_restrictions(api: httpx.AsyncClient) -> None:
    for enabled, status in ((True, 403), (False, 201)):
        limits = {"enabled": enabled, "allowTransientAssistant": False}
        made = await key_for(api, restrictions=limits)
        answer = await api.post("/token", json={}, headers=bearing(made["value"]))
        assert answer.status_code == status, answer.text


async def test_restrictions_hold_for_origins(api: httpx.AsyncClient) -> None:
    made = await key_for(api, restrictions={"allowedOrigins": ["https://good.example"]})
    good = bearing(made["value"], Origin="https://good.example")
    bad = bearing(made["value"], Origin="https://bad.example")
    assert (await api.get("/assistant", headers=good)).status_code == 200
    assert (await api.get("/assistant", headers=bad)).status_code == 403
    assert (await api.get("/assistant", headers=bearing(made["value"]))).status_code == 403


async def test_a_jwt_is_believed_if_a_key_of_its_organisation_signed_it(
    api: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    made = await key_for(other)
    org_id = made["orgId"]

    def signed(key: str, **changes: Any) -> dict[str, str]:
        claims = {"orgId": org_id, "token": {"tag": "private"}} | changes
        return bearing(jwt.encode(claims, key, "HS256"))

    async def status(headers: dict[str, str]) -> int:
        return (await api.get("/assistant", headers=headers)).status_code

    assistant = (await other.post("/assistant", json={"name": "A"})).json()
    answer = await api.get("/assistant", headers=signed(made["value"]))
    assert [one["id"] for one in answer.json()] == [assistant["id"]]
    mine = await key_for(api)
    assert await status(signed(mine["value"])) == 401  # another organisation's key
    assert await status(signed(mine["value"], orgId=mine["orgId"])) == 200
    assert await status(signed(made["value"], orgId=NOBODY)) == 401
    assert await status(signed(made["value"], orgId=7)) == 401
    assert await status(signed(made["value"], token={"tag": "root"})) == 401
    assert await status(signed(made["value"], token={"tag": "public"})) == 403
    limits = {"tag": "private", "restrictions": {"allowedOrigins": ["https://a.example"]}}
    assert await status(signed(made["value"], token=limits)) == 403
    limited = await key_for(other, restrictions=limits["restrictions"])
    assert await status(signed(limited["value"])) == 401  # it would shed its restrictions
    past = int((datetime.now(UTC) - timedelta(hours=1)).timestamp())
    assert await status(signed(made["value"], exp=past)) == 401
    unsigned = jwt.encode({"orgId": org_id, "token": {"tag": "private"}}, None, "none")
    assert await status(bearing(unsigned)) == 401
    assert await status(bearing("a.b.c")) == 401
    await other.delete(f"/token/{made['id']}")


async def test_an_organisation_sees_its_own_trunks_and_the_operator_all(
    api: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    body = {"provider": "byo-sip-trunk", "gateways": [{"ip": "192.0.2.1"}]}
    mine = (await api.post("/credential", json=body)).json()["id"]
    theirs = (await other.post("/credential", json=body)).json()["id"]
    assert {trunk["name"] for trunk in (await api.get("/trunk")).json()} == {mine, theirs}
    assert [trunk["name"] for trunk in (await other.get("/trunk")).json()] == [theirs]
    assert (await other.get(f"/trunk/{theirs}")).status_code == 200
    assert (await other.get(f"/trunk/{mine}")).status_code == 404
