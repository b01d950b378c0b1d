"""Trunks through the API: live at once, secrets kept, what cannot work refused by name."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.api import credentials
from gateway.api.app import create_app
from gateway.store import Store
from gateway.trunks.book import Trunks

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


KEY = "the-key"
TRUNK = {
    "provider": "byo-sip-trunk",
    "name": "Carrier",
    "gateways": [
        {"ip": "203.0.113.1", "netmask": 30, "outboundEnabled": False},
        {"ip": "sip.carrier.example", "port": 5070, "outboundProtocol": "tcp"},
    ],
    "outboundAuthenticationPlan": {"authUsername": "u", "authPassword": "hidden"},
    "techPrefix": "77",
}


@pytest.fixture
def trunks() -> Trunks:
    return Trunks()


@pytest.fixture
async def api(
    store: Store, switchboard: Any, trunks: Trunks, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        store, switchboard, key=KEY, state_dir=tmp_path, readiness=dict, trunks=trunks
    )  # fmt: skip
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://gateway.test",
        headers={"Authorization": f"Bearer {KEY}"},
    ) as client:
        yield client


async def test_a_trunk_works_from_the_moment_it_is_made_until_it_is_deleted(
    api: httpx.AsyncClient, trunks: Trunks
) -> None:
    made = (await api.post("/credential", json=TRUNK)).json()
    trunk = trunks.named(made["id"])
    assert trunk
    assert trunk.origin == "api"
    assert trunks.covering("203.0.113.2") == (trunk,)
    (gateway,) = trunk.gateways
    assert (gateway.host, gateway.settings.port, gateway.settings.transport) == (
        "sip.carrier.example", 5070, "tcp",
    )  # fmt: skip
    assert trunk.settings.password
    assert trunk.settings.password.get_secret_value() == "hidden"
    changed: list[dict[str, Any]] = [{"ip": "198.51.100.1"}]
    await api.patch(f"/credential/{made['id']}", json={"gateways": changed})
    assert not trunks.covering("203.0.113.2")
    assert trunks.covering("198.51.100.1")
    changed[0]["inboundEnabled"] = False
    await api.patch(f"/credential/{made['id']}", json={"gateways": changed})
    assert not trunks.covering("198.51.100.1")
    assert trunks.owner("198.51.100.1")
    await api.delete(f"/credential/{made['id']}")
    assert not list(trunks)


async def test_no_answer_shows_the_password_and_a_change_without_it_keeps_it(
    api: httpx.AsyncClient, trunks: Trunks
) -> None:
    answers = [await api.post("/credential", json=TRUNK)]
    made = answers[0].json()
    shown = made["outboundAuthenticationPlan"]
    answers.append(await api.get(f"/credential/{made['id']}"))
    answers.append(await api.get("/credential"))
    patch = {"outboundAuthenticationPlan": shown | {"authUsername": "v"}}
    answers.append(await api.patch(f"/credential/{made['id']}", json=patch))
    answers.append(await api.get("/trunk"))
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200]
    assert not any("hidden" in answer.text for answer in answers)
    settings = next(iter(trunks)).settings
    assert settings.username == "v"
    assert settings.password
    assert settings.password.get_secret_value() == "hidden"


@pytest.mark.parametrize(
    ("protocol", "transport", "srtp"),
    [("tls/srtp", "tls", "required"), ("tls", "tls", "off"), ("udp", "udp", "off")],
)
async def test_a_gateways_protocol_says_how_sip_and_sound_travel(
    api: httpx.AsyncClient, trunks: Trunks, protocol: str, transport: str, srtp: str
) -> None:
    gateways = [{"ip": "203.0.113.1", "outboundProtocol": protocol}]
    answer = await api.post("/credential", json=TRUNK | {"gateways": gateways})
    assert answer.status_code == 201, answer.text
    settings = next(iter(trunks)).settings
    assert (settings.gateways[0].transport, settings.srtp) == (transport, srtp)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"provider": "no-such"}, "provider"),
        ({"gateways": [{"ip": "a.example", "outboundEnabled": False}]}, "must be an address"),
        ({"gateways": []}, "name gateways"),
        ({"gateways": [{"ip": "203.0.113.1", "netmask": 8}]}, "netmask"),
        ({"outboundAuthenticationPlan": {"sipRegisterPlan": {"domain": "d"}}}, "register needs"),
    ],
)
async def test_what_cannot_work_is_refused_by_name(
    api: httpx.AsyncClient, trunks: Trunks, change: dict[str, Any], said: str
) -> None:
    answer = await api.post("/credential", json=TRUNK | change)
    assert answer.status_code == 400
    assert said in str(answer.json()["message"])
    assert not list(trunks)


async def test_trunks_are_there_again_after_a_restart(
    api: httpx.AsyncClient, store: Store
) -> None:  # fmt: skip
    made = (await api.post("/credential", json=TRUNK)).json()
    again = Trunks()
    await credentials.apply(store.credentials, again)
    assert [trunk.name for trunk in again] == [made["id"]]


async def test_a_number_is_bound_to_its_trunk_and_called_from_by_it(
    api: httpx.AsyncClient, switchboard: Any, script: dict[str, Any]
) -> None:
    trunk = (await api.post("/credential", json=TRUNK)).json()
    body = {"provider": "byo-phone-number", "number": "+14155550111", "credentialId": trunk["id"]}
    number = await api.post("/phone-number", json=body)
    assert number.status_code == 201
    customer = {"number": "+14155550222"}
    order = {"assistant": script, "phoneNumberId": number.json()["id"], "customer": customer}
    assert (await api.post("/call", json=order)).status_code == 201
    (placed,) = switchboard.orders
    assert (placed.trunk, placed.target, placed.caller) == (
        trunk["id"], "+14155550222", "+14155550111",
    )  # fmt: skip


async def test_a_trunk_that_is_not_there_cannot_be_named(api: httpx.AsyncClient) -> None:
    body = {"provider": "byo-phone-number", "number": "+14155550111", "credentialId": "gone"}
    answer = await api.post("/phone-number", json=body)
    assert answer.status_code == 400
    assert "credentialId gone does not exist" in answer.json()["message"][0]


async def test_the_state_of_trunks_can_be_read(api: httpx.AsyncClient) -> None:
    made = (await api.post("/credential", json=TRUNK)).json()
    (shown,) = (await api.get("/trunk")).json()
    assert shown == (await api.get(f"/trunk/{made['id']}")).json()
    assert (shown["name"], shown["origin"], shown["registration"]) == (made["id"], "api", None)
    assert shown["gateways"][0]["state"] == "up"
    assert shown["outbound"] == {"calls": 0, "limit": None, "callsPerSecond": None}
    assert (await api.get("/trunk/none")).status_code == 404


@on_sqlite
async def test_the_database_with_its_passwords_is_its_owners(store: Store, tmp_path: Path) -> None:
    assert (tmp_path / "kept.db").stat().st_mode & 0o777 == 0o600
