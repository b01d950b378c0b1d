"""Trunks, registrations and registered phones against SIPp, through the whole gateway."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.peers.child import free_port
from tests.peers.daemon import Daemon
from tests.peers.sipp import Sipp

pytestmark = pytest.mark.peers

ASSISTANT = {
    "model": {"provider": "script", "script": {"start": "a", "states": {"a": {"rules": []}}}},
    "firstMessage": "Hello, here is the gateway.",
}
OPEN = {"GATEWAY_OUTBOUND__NUMBERS": "+49*"}


async def made(gateway: Daemon, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await gateway.api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def a_trunk(gateway: Daemon, *ports: int, **more: Any) -> tuple[str, str]:
    """A trunk of these ports, and a phone number of it; their ids."""
    gateways = [{"ip": "127.0.0.1", "port": port} for port in ports]
    body = {"provider": "byo-sip-trunk", "gateways": gateways, **more}
    trunk = await made(gateway, "/credential", body)
    number = {"provider": "byo-phone-number", "number": "+4930111", "credentialId": trunk["id"]}
    assistant = await made(gateway, "/assistant", ASSISTANT)
    phone = await made(gateway, "/phone-number", number | {"assistantId": assistant["id"]})
    return trunk["id"], phone["id"]


async def call(gateway: Daemon, phone: str, number: str) -> Any:
    order = {"assistant": ASSISTANT, "phoneNumberId": phone, "customer": {"number": number}}
    return await gateway.api.post("/call", json=order)


async def answered(gateway: Daemon, call_id: str) -> dict[str, Any]:
    async with asyncio.timeout(40):
        while (shown := await gateway.get(f"/call/{call_id}"))["status"] != "in-progress":
            assert shown["status"] != "ended", shown["endedReason"]
            await asyncio.sleep(0.05)
    return dict(shown)


async def test_a_number_is_called_through_a_trunk_of_the_api_also_past_a_dead_gateway(
    tmp_path: Path,
) -> None:
    async with Daemon(tmp_path / "gateway", OPEN) as gateway, Sipp(tmp_path, "uas") as carrier:
        trunk, phone = await a_trunk(gateway, free_port(), carrier.port)
        for _ in range(3):  # by their equal weights, the dead one is drawn first sooner or later
            placed = await call(gateway, phone, "+4930222")
            assert placed.status_code == 201, placed.text
            await answered(gateway, placed.json()["id"])
            shown = await gateway.get(f"/trunk/{trunk}")
            assert shown["outbound"]["calls"] == 1
            await gateway.api.delete(f"/call/{placed.json()['id']}")
            while (await gateway.get(f"/trunk/{trunk}"))["outbound"]["calls"]:
                await asyncio.sleep(0.05)
        refused = await call(gateway, phone, "+1900555")
        assert refused.status_code == 400
        assert "[outbound] numbers" in refused.text
        await gateway.ended_calls(3)


async def test_a_call_that_comes_by_a_trunk_reaches_its_number_and_a_stranger_does_not(
    tmp_path: Path,
) -> None:
    async with Daemon(tmp_path / "gateway") as gateway:
        number = {"provider": "byo-phone-number", "number": "+4930111"}
        assistant = await made(gateway, "/assistant", ASSISTANT)
        await made(gateway, "/phone-number", number | {"assistantId": assistant["id"]})
        stranger = Sipp(tmp_path, "uac", gateway.sip_address, user="+4930111")
        assert (await stranger.run()).failed == 1
        await a_trunk(gateway, free_port())
        known = Sipp(tmp_path, "uac", gateway.sip_address, user="+4930111")
        assert (await known.run()).successful == 1
        await gateway.ended_calls(1)


async def test_an_extension_of_a_pbx_registers_and_says_goodbye(tmp_path: Path) -> None:
    async with Sipp(tmp_path, "uas_registrar") as pbx:
        plan = {
            "authUsername": "7001",
            "authPassword": "secret",
            "sipRegisterPlan": {"domain": "pbx.example"},
        }
        async with Daemon(tmp_path / "gateway", OPEN) as gateway:
            trunk, _ = await a_trunk(gateway, pbx.port, outboundAuthenticationPlan=plan)
            async with asyncio.timeout(40):
                while True:
                    shown = (await gateway.get(f"/trunk/{trunk}"))["registration"]
                    if shown["state"] == "registered":
                        break
                    await asyncio.sleep(0.05)
            assert 100 <= shown["expiresInSeconds"] <= 120
            assert await gateway.metric("trunkline_trunk_registered") == 1
        # The gateway left in time: its last REGISTER was answered, or it would have waited.


async def test_a_phone_registers_and_is_called_by_its_name(tmp_path: Path) -> None:
    users = {"GATEWAY_REGISTRAR__ENABLED": "true", "GATEWAY_REGISTRAR__USERS__ANN": "wonder"}
    async with Daemon(tmp_path / "gateway", users) as gateway, Sipp(tmp_path, "uas") as phone:
        registers = Sipp(
            tmp_path, "uac_register", gateway.sip_address, talk_s=phone.port / 1000
        )  # fmt: skip
        outcome = await registers.run()
        assert outcome.successful == 1, outcome.said
        order = {"assistant": ASSISTANT, "customer": {"sipUri": gateway.uri("ann")}}
        placed = await made(gateway, "/call", order)
        await answered(gateway, placed["id"])
        await gateway.api.delete(f"/call/{placed['id']}")
        await gateway.ended_calls(1)
