"""The agent transfers its caller, through the whole gateway: pjsua2, baresip and SIPp as the caller
and as the party that the caller goes to."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.peers import sound
from tests.peers.baresip import Baresip
from tests.peers.daemon import Daemon
from tests.peers.sipp import Sipp
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers


async def desk(gateway: Daemon, *destinations: dict[str, Any]) -> str:
    """A number whose agent transfers: key 1 to the first destination, 2 to the second …"""
    names = [d.get("sipUri") or d["number"] for d in destinations]
    rules = [
        {
            "keys": [str(number)],
            "tool": {"name": "transferCall", "arguments": {"destination": name}},
            "then": "Sorry.",
        }
        for number, name in enumerate(names, 1)
    ]
    assistant = {
        "firstMessageMode": "assistant-waits-for-user",
        "silenceTimeoutSeconds": 600,
        "model": {
            "provider": "script",
            "script": {"start": "a", "states": {"a": {"rules": rules}}},
            "tools": [{"type": "transferCall", "destinations": list(destinations)}],
        },
    }
    made = await gateway.api.post("/assistant", json=assistant)
    assert made.status_code == 201, made.text
    number = {"provider": "vapi", "sipUri": gateway.uri("desk"), "assistantId": made.json()["id"]}
    assert (await gateway.api.post("/phone-number", json=number)).status_code == 201
    return gateway.uri("desk")


def to(uri: str, mode: str = "blind-transfer", **plan: Any) -> dict[str, Any]:
    return {"type": "sip", "sipUri": uri, "message": "", "transferPlan": {"mode": mode, **plan}}


def transfers(record: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(t["status"], t["trunkline"]["status"]) for t in record["artifact"]["transfers"]]


async def test_baresip_follows_a_refer_to_pjsua2(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    uri = await desk(gateway, to(phone.uri))
    silence = np.zeros(120 * sound.RATE, np.int16)  # it hangs up at the end
    async with Baresip(tmp_path, says=silence) as caller:
        await caller.dial(uri)
        await caller.until("CALL_ESTABLISHED")
        await gateway.attentive()
        await caller.press("1")
        taken = await phone.incoming(20)
        await taken.answer()
        await taken.confirmed()
        (record,) = await gateway.ended_calls(1)
        assert record["endedReason"] == "assistant-forwarded-call"
        assert transfers(record) == [("connected", 200)]
        assert record["destination"]["sipUri"] == phone.uri
        await taken.hang_up()
        await taken.disconnected()


async def test_sipp_refuses_finds_it_busy_and_leaves(tmp_path: Path) -> None:
    """After each failure the agent has the caller again: it heeds the next key."""
    allowed = {"GATEWAY_OUTBOUND__NUMBERS": "+1555*"}
    async with Daemon(tmp_path / "gateway", allowed) as gateway:
        number = {"type": "number", "number": "+15550100", "message": ""}
        tel = to("tel:+15550100")
        await desk(gateway, number, tel, tel | {"sipUri": "tel:+15550100"})
        caller = Sipp(tmp_path, "uac_transferred", gateway.sip_address, user="desk")
        outcome = await caller.run()
        assert outcome.successful == 1, outcome.said
        (record,) = await gateway.ended_calls(1)
        assert record["endedReason"] == "assistant-forwarded-call"
        assert transfers(record) == [("failed", 603), ("busy", 486), ("connected", None)]
        results = [m["result"] for m in record["messages"] if m["role"] == "tool_call_result"]
        assert "refused to transfer" in results[0]
        assert "busy" in results[1]


async def test_a_human_is_told_takes_the_call_and_keys_cross_the_bridge(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    """The caller hears music, and then the human."""
    (tmp_path / "human").mkdir()
    async with Softphone(tmp_path / "human") as human:
        plan = {"message": "One two three four five six."}
        uri = await desk(gateway, to(human.uri, "warm-transfer-say-message", **plan))
        caller = await phone.dial(uri)
        await caller.confirmed()
        await gateway.attentive()
        await caller.press("1")
        called = await human.incoming(60)
        await caller.until("sound", on=True, within_s=40)  # music
        await called.answer()
        await called.confirmed()
        await called.until("sound", on=True, within_s=40)  # the agent
        await gateway.until_said("One two three")
        await gateway_is(gateway, "forwarding")
        await caller.press("5")
        await called.until("digit", digit="5", within_s=40)
        await called.press("9")
        await caller.until("digit", digit="9", within_s=40)
        tone = tmp_path / "tone.wav"
        sound.write_wav(tone, sound.tone(3.0))
        await caller.record(tmp_path / "caller.wav")
        await called.say(tone)
        heard = await caller.recorded()
        assert loud(heard, 440.0) > 0.2
        await called.hang_up()
        await called.disconnected()
        await caller.disconnected(20)
        (record,) = await gateway.ended_calls(1)
        assert record["endedReason"] == "assistant-forwarded-call"
        assert transfers(record) == [("completed", None)]


def loud(pcm: sound.Pcm, frequency: float) -> float:
    """The share of the energy that lies at a frequency."""
    power = np.abs(np.fft.rfft(pcm.astype(float))) ** 2
    where = np.fft.rfftfreq(len(pcm), 1 / sound.RATE)
    return float(power[np.abs(where - frequency) < 20].sum() / power.sum())


async def gateway_is(gateway: Daemon, status: str) -> None:
    await gateway.until(lambda call: call["status"] == status, f"status {status}")


async def test_a_human_that_is_busy_declines_or_hangs_up_leaves_the_caller_to_the_agent(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    (tmp_path / "human").mkdir()
    async with Softphone(tmp_path / "human") as human:
        patient = {"message": "A caller.", "dialTimeout": 30}
        asked = to(human.uri, "warm-transfer-experimental", **patient)
        uri = await desk(gateway, asked)
        caller = await phone.dial(uri)
        await caller.confirmed()
        await gateway.attentive()

        await caller.press("1")
        called = await human.incoming(60)
        await called.hang_up(486)
        await attempts(gateway, 1)

        await caller.press("1")
        called = await human.incoming(60)
        await called.answer()
        await called.confirmed()
        await gateway.until_said("A caller.", count=1)
        await called.press("2")
        await called.disconnected(20)
        await attempts(gateway, 2)

        await caller.press("1")
        called = await human.incoming(60)
        await called.answer()
        await called.confirmed()
        await called.hang_up()
        await attempts(gateway, 3)

        await caller.press("1")
        called = await human.incoming(60)
        await caller.hang_up()
        await called.disconnected(20)
        (record,) = await gateway.ended_calls(1)
        assert record["endedReason"] == "customer-ended-call-before-warm-transfer"
        assert [status for status, _ in transfers(record)] == [
            "busy",
            "failed",
            "failed",
            "cancelled",
        ]


async def attempts(gateway: Daemon, count: int) -> None:
    await gateway.until(
        lambda call: (
            len(call["artifact"]["transfers"]) == count
            and sum(m["role"] == "bot" and m["message"] == "Sorry." for m in call["messages"])
            >= count
        ),
        f"{count} transfers that have failed",
    )


async def test_the_callers_phone_takes_the_place_of_our_call(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    (tmp_path / "human").mkdir()
    async with Softphone(tmp_path / "human") as human:
        plan = {"message": "A caller.", "sipVerb": "refer"}
        uri = await desk(gateway, to(human.uri, "warm-transfer-say-message", **plan))
        caller = await phone.dial(uri)
        await caller.confirmed()
        await gateway.attentive()
        await caller.press("1")
        ours = await human.incoming(60)
        await ours.answer()
        theirs = await human.incoming(30)
        await theirs.confirmed(20)
        (record,) = await gateway.ended_calls(1)
        assert record["endedReason"] == "assistant-forwarded-call"
        assert transfers(record) == [("connected", 200)]
        await theirs.hang_up()
        await theirs.disconnected()
