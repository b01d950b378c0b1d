"""How transfers go wrong, with real peers: SIPp as the one that the caller is to go to, and as the
caller's side; baresip as the human who decides by a key. In each failure the caller is back with
the agent, which heeds the next key. The rows of the table of outcomes in docs/transfers.md."""

import asyncio
from pathlib import Path

import pytest

from tests.peers import sound
from tests.peers.baresip import Baresip
from tests.peers.daemon import Daemon
from tests.peers.sipp import Sipp
from tests.peers.softphone import Softphone
from tests.peers.test_transfers import attempts, desk, gateway_is, loud, to, transfers

pytestmark = pytest.mark.peers

WARM = "warm-transfer-say-message"


async def test_sipp_is_busy_declines_rings_for_ever_leaves_while_it_is_told_and_takes_the_call(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    async with Sipp(tmp_path, "uas_people", within_s=300) as people:

        def person(name: str) -> str:
            return people.uri.replace("sip:demo@", f"sip:{name}@")

        long = "A caller wants to speak to you about the garden. " * 8
        uri = await desk(
            gateway,
            to(person("busy"), sipVerb="dial"),
            to(person("declines"), WARM, message=long),
            to(person("rings"), sipVerb="dial", dialTimeout=1),
            to(person("leaves"), WARM, message=long),
            to(person("takes"), WARM, message="A caller."),
        )
        caller = await phone.dial(uri)
        await caller.confirmed(60)
        await gateway.attentive()
        for count in range(1, 5):
            await caller.press(str(count))
            await attempts(gateway, count)
        await caller.press("5")
        await gateway_is(gateway, "forwarding")
        await caller.hang_up()
        await caller.disconnected(60)
        (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "assistant-forwarded-call"
    words = [t["trunkline"]["outcome"] for t in record["artifact"]["transfers"]]
    assert words == ["busy", "declined", "no-answer", "failed", "completed"]
    assert [code for _, code in transfers(record)][:2] == [486, 603]
    results = [m["result"] for m in record["messages"] if m["role"] == "tool_call_result"]
    for result, told in zip(results[:4], ("busy", "declined", "Nobody", "hung up"), strict=True):
        assert told in result
        assert "still on the line" in result
    said = [m["message"] for m in record["messages"] if m["role"] == "bot"]
    assert long.strip() not in said  # the caller was not told what was meant for the one that left


async def test_sipp_takes_the_refer_and_tells_nothing_or_leaves(
    gateway: Daemon, tmp_path: Path
) -> None:
    """Without a NOTIFY the caller is the agent's again, after 32 s (RFC 6665 section 4.1.2.4)."""
    await desk(gateway, to("sip:somebody@192.0.2.7"))
    where = {"user": "desk", "within_s": 300.0}
    silent = asyncio.create_task(
        Sipp(tmp_path, "uac_silent_transferee", gateway.sip_address, **where).run()
    )
    leaving = await Sipp(tmp_path, "uac_leaving_transferee", gateway.sip_address, **where).run()
    assert leaving.successful == 1, leaving.said
    by_outcome = {}
    async with asyncio.timeout(180):
        while len(by_outcome) < 2:
            for call in await gateway.get("/call"):
                for status, _ in transfers(call):
                    by_outcome[status] = call
            await asyncio.sleep(0.1)
    assert by_outcome["connected"]["endedReason"] == "assistant-forwarded-call"
    waiting = by_outcome["no-answer"]
    assert waiting["status"] == "in-progress"
    end = await gateway.api.post(waiting["monitor"]["controlUrl"], json={"type": "end-call"})
    assert end.status_code == 200
    outcome = await silent
    assert outcome.successful == 1, outcome.said


async def test_baresip_declines_by_a_key_and_then_accepts_by_one(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    async with Baresip(tmp_path, says=sound.tone(600.0)) as human:
        asked = to(human.uri, "warm-transfer-experimental", message="A caller.")
        caller = await phone.dial(await desk(gateway, asked))
        await caller.confirmed(60)
        await gateway.attentive()
        await caller.press("1")
        await gateway.until_said("A caller.", 90)
        await human.press("2")
        await attempts(gateway, 1)
        await caller.press("1")
        await gateway.until_said("A caller.", 90, count=2)
        await human.press("1")
        await gateway_is(gateway, "forwarding")
        await caller.record(tmp_path / "caller.wav")
        tone = tmp_path / "tone.wav"
        sound.write_wav(tone, sound.tone(3.0))
        await caller.say(tone)
        assert loud(await caller.recorded(), 440.0) > 0.2
        await caller.hang_up()
        await caller.disconnected(60)
        await human.until("CALL_CLOSED", 60)
    (record,) = await gateway.ended_calls(1)
    assert [t["trunkline"]["outcome"] for t in record["artifact"]["transfers"]] == [
        "declined",
        "completed",
    ]
