"""A real call is listened to and steered from outside, at the addresses that its object has."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import websockets

from tests.peers import sound
from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers

SCRIPT = {"start": "a", "states": {"a": {"rules": []}}}
ASSISTANT = {
    "name": "Ann",
    "firstMessage": "Hello, I am Ann.",
    "model": {"provider": "script", "script": SCRIPT},
    "voice": {"provider": "embedded", "voiceId": "en-us"},
    "serverMessages": [],
    "clientMessages": ["transcript", "status-update", "speech-update"],
}


async def test_a_call_is_heard_made_to_say_something_and_ended(
    gateway: Daemon, phone: Softphone
) -> None:
    made = (await gateway.api.post("/assistant", json=ASSISTANT)).json()
    number = {"provider": "vapi", "sipUri": gateway.uri("desk"), "assistantId": made["id"]}
    assert (await gateway.api.post("/phone-number", json=number)).status_code == 201
    call = await phone.dial(gateway.uri("desk"))
    await call.confirmed()
    await gateway.until_said("Hello, I am Ann.")
    monitor = (await gateway.only_call())["monitor"]
    url = monitor["controlUrl"]
    async with (
        asyncio.timeout(120),
        websockets.connect(monitor["listenUrl"], proxy=None) as listener,
        websockets.connect(url.replace("http", "ws", 1), proxy=None) as follower,
    ):
        assert json.loads(await listener.recv())["channels"] == 2
        await follower.send("no message")  # its answer shows that it follows by now
        assert "JSON" in json.loads(await follower.recv())["message"]
        say = {"type": "say", "content": "This is the supervisor."}
        assert (await gateway.api.post(url, json=say)).status_code == 200
        loudest = 0
        while loudest < 1000:
            sound = np.frombuffer(await listener.recv(), "<i2").reshape(-1, 2)
            loudest = max(loudest, int(np.abs(sound[:, 1].astype(int)).max()))
        await gateway.until_said("This is the supervisor.")
        await follower.send(json.dumps({"type": "end-call"}))
        told = [json.loads(text) async for text in follower]
        async for _ in listener:
            pass
        assert listener.close_code == 1000
    await call.disconnected()
    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "manually-canceled"
    assert "monitor" not in record
    said = [one["transcript"] for one in told if one["type"] == "transcript"]
    assert said == ["This is the supervisor."]
    speech = [(one["role"], one["status"]) for one in told if one["type"] == "speech-update"]
    assert ("assistant", "started") in speech
    assert told[-1]["status"] == "ended"


def assistant(name: str) -> dict[str, Any]:
    rule = {"phrases": ["where are you"], "say": f"{name} is in the kitchen."}
    script = {"start": "a", "states": {"a": {"rules": [rule]}}}
    return {
        "name": name,
        "firstMessage": f"Hello, I am {name}.",
        "silenceTimeoutSeconds": 600,
        "model": {"provider": "script", "script": script},
        "voice": {"provider": "embedded", "voiceId": "en-us"},
    }


async def test_whatever_is_ordered_from_outside_is_heard_on_the_phone(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    ann, bob = [
        (await gateway.api.post("/assistant", json=assistant(name))).json()["id"]
        for name in ("Ann", "Bob")
    ]
    number = {"provider": "vapi", "sipUri": gateway.uri("desk"), "assistantId": ann}
    assert (await gateway.api.post("/phone-number", json=number)).status_code == 201
    tone = tmp_path / "tone.wav"
    sound.write_wav(tone, sound.tone(120.0))
    (tmp_path / "human").mkdir()
    call = await phone.dial(gateway.uri("desk"))
    await call.confirmed(60)
    await gateway.until_said("Hello, I am Ann.")
    monitor = (await gateway.only_call())["monitor"]

    async def order(kind: str, **more: Any) -> None:
        answer = await gateway.api.post(monitor["controlUrl"], json={"type": kind, **more})
        assert answer.status_code == 200, answer.text

    async def heard_until(said: str, name: str) -> float:
        """Seconds of sound on the phone, until the agent has said this."""
        await gateway.until_said(said)
        heard = sound.loud_s(await call.recorded())
        await call.record(tmp_path / f"{name}.wav")
        return heard

    async def listened(loud: bool) -> None:
        """The caller is heard, or not any more, for half a second."""
        frames = 0
        async with asyncio.timeout(90), websockets.connect(monitor["listenUrl"], proxy=None) as on:
            await on.recv()
            while frames < 8000:
                left = np.frombuffer(await on.recv(), "<i2")[::2]
                same = bool(len(left)) and (bool(np.abs(left.astype(int)).max() > 1000) is loud)
                frames = frames + len(left) if same else 0

    await call.record(tmp_path / "first.wav")
    await order("say", content="This is the supervisor.")
    assert await heard_until("This is the supervisor.", "say") > 0.1
    await order("control", control="mute-assistant")
    await order("say", content="Nobody hears that.")
    await heard_until("Nobody hears that.", "muted")  # but the end of the one before, perhaps
    await order("say", content="And nobody hears this.")
    assert await heard_until("And nobody hears this.", "silent") == 0
    await order("control", control="unmute-assistant")
    message = {"role": "user", "content": "Where are you?"}
    await order("add-message", message=message)
    assert await heard_until("Ann is in the kitchen.", "unmuted") > 0.1

    await order("assistant-overrides", assistantOverrides={"firstMessage": "I am another."})
    await gateway.until(lambda one: "handoff" in events(one), "handed over")
    await order("control", control="say-first-message")
    await gateway.until_said("I am another.")
    await order("handoff", destination={"type": "assistant", "assistantId": bob})
    await gateway.until_said("Hello, I am Bob.")
    assert await heard_until("Hello, I am Bob.", "overridden") > 0.1

    await call.play(tone)
    await listened(loud=True)
    await order("control", control="mute-customer")
    await listened(loud=False)
    await order("control", control="unmute-customer")
    await listened(loud=True)
    await call.hush()

    async with Softphone(tmp_path / "human") as human:
        plan = {"mode": "blind-transfer", "sipVerb": "dial"}
        there = {"type": "sip", "sipUri": human.uri, "transferPlan": plan}
        await order("transfer", destination=there, content="I call somebody.")
        taken = await human.incoming(60)
        await taken.answer()
        await taken.confirmed(60)
        await gateway.until(lambda one: one["status"] == "forwarding", "forwarding")
        await call.play(tone)
        await taken.until("sound", on=True, within_s=60)
        await order("end-call")
        await taken.disconnected(60)
        await call.disconnected(60)
    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "manually-canceled"
    said = [m["message"] for m in record["messages"] if m["role"] == "bot"]
    assert "I call somebody." in " ".join(said)


def events(call: dict[str, Any]) -> list[str]:
    return [event["what"] for event in call["artifact"]["trunkline"]["events"]]
