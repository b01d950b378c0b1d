"""Hold with real phones: one is told so by SIP and taken back, another hears the music. Keys by
INFO, and texts by a trunk that takes them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.peers.daemon import Daemon
from tests.peers.sipp import Sipp
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers


async def agent(gateway: Daemon, rules: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
    assistant = {
        "firstMessageMode": "assistant-waits-for-user",
        "silenceTimeoutSeconds": 600,
        "model": {
            "provider": "script",
            "script": {"start": "a", "states": {"a": {"rules": rules}}},
            "tools": tools,
        },
    }
    made = await gateway.api.post("/assistant", json=assistant)
    assert made.status_code == 201, made.text
    number = {"provider": "vapi", "sipUri": gateway.uri("desk"), "assistantId": made.json()["id"]}
    assert (await gateway.api.post("/phone-number", json=number)).status_code == 201
    return gateway.uri("desk")


async def steer(gateway: Daemon, **message: Any) -> int:
    url = (await gateway.only_call())["monitor"]["controlUrl"]
    return (await gateway.api.post(url, json=message)).status_code


async def happened(gateway: Daemon, what: str) -> None:
    await gateway.until(lambda call: what in events(call), what)


async def told(gateway: Daemon, words: str) -> None:
    """The agent has said this, perhaps behind a filler."""
    await gateway.until(
        lambda call: any(words in m["message"] for m in call["messages"] if m["role"] == "bot"),
        f"said {words!r}",
    )


def events(call: dict[str, Any]) -> list[str]:
    return [event["what"] for event in call["artifact"]["trunkline"]["events"]]


def results(call: dict[str, Any]) -> list[str]:
    return [m["result"] for m in call["messages"] if m["role"] == "tool_call_result"]


async def test_a_caller_on_hold_is_told_so_by_sip(gateway: Daemon, tmp_path: Path) -> None:
    keys = {"name": "dtmf", "arguments": {"keys": "1w2"}}
    rules = [{"phrases": ["press the keys"], "tool": keys}]
    await agent(gateway, rules, [{"type": "dtmf", "sipInfoDtmfEnabled": True}])
    caller = Sipp(tmp_path, "uac_held", gateway.sip_address, user="desk", within_s=300)
    running = asyncio.create_task(caller.run())
    async with asyncio.timeout(90):
        while not any(c["status"] == "in-progress" for c in await gateway.get("/call")):
            await asyncio.sleep(0.05)
    assert await steer(gateway, type="hold") == 200
    assert await steer(gateway, type="hold") == 400
    assert await steer(gateway, type="resume") == 200
    message = {"transport": "vapi.sip", "sipVerb": "INFO", "headers": {"X-Queue": "47"},
               "body": "where am I"}  # fmt: skip
    assert await steer(gateway, type="send-transport-message", message=message) == 200
    await happened(gateway, "sip_request")
    asked = {"role": "user", "content": "Press the keys."}
    assert await steer(gateway, type="add-message", message=asked) == 200
    await gateway.until(lambda call: "Pressed 1w2." in results(call), "keys pressed")
    assert await steer(gateway, type="end-call") == 200
    outcome = await running
    assert outcome.successful == 1, outcome.said
    (record,) = await gateway.ended_calls(1)
    facts = {e["what"]: e["facts"] for e in record["artifact"]["trunkline"]["events"]}
    assert facts["sip_request"] == {"method": "INFO", "status": 200}
    assert facts["resume"]["seconds"] >= 0


async def test_an_agent_puts_its_caller_on_hold_and_texts_by_the_trunk(tmp_path: Path) -> None:
    def text(key: str, number: str) -> dict[str, Any]:
        arguments = {"to": number, "message": "Your table is booked."}
        return {
            "keys": [key],
            "tool": {"name": "sms", "arguments": arguments},
            "then": "{{ result }}",
        }

    rules = [
        {"keys": ["1"], "tool": {"name": "hold", "arguments": {"seconds": 600}}, "then": "Back."},
        text("2", "+15550102"),
        text("3", "+15550104"),
        text("4", "+4930"),
    ]
    (tmp_path / "phone").mkdir()
    allowed = {"GATEWAY_OUTBOUND__NUMBERS": "+1555*"}
    async with (
        Sipp(tmp_path, "uas_texts", within_s=300) as carrier,
        Softphone(tmp_path / "phone") as phone,
    ):
        port = carrier.uri.rpartition(":")[2]
        trunk = (
            "[trunks.carrier]\noptions_s = 0\nmessages = true\naddresses = ['192.0.2.1']\n"
            f"gateways = [{{ host = '127.0.0.1', port = {port}, inbound = false }}]\n"
        )
        async with Daemon(tmp_path / "gateway", allowed, trunk) as gateway:
            uri = await agent(
                gateway, rules, [{"type": "hold", "maxSeconds": 600}, {"type": "sms"}]
            )
            caller = await phone.dial(uri)
            await caller.confirmed(60)
            await gateway.attentive()
            await caller.press("1")
            await caller.until("sound", on=True, within_s=90)  # music
            await happened(gateway, "hold")
            assert await steer(gateway, type="resume") == 200
            await told(gateway, "Back.")
            for key, words in (
                ("2", "The text was sent to +15550102: 202"),
                ("3", "The text to +15550104 was not taken: 404"),
                ("4", "The text was not sent to +4930"),
            ):
                await caller.press(key)
                await told(gateway, words)
            await caller.hang_up()
            await caller.disconnected(60)
            (record,) = await gateway.ended_calls(1)
            assert "resume" in events(record)
            assert "back on the line" in results(record)[0]
