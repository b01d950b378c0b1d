"""A real call is listened to and steered from outside, at the addresses that its object has."""

import asyncio
import json

import numpy as np
import pytest
import websockets

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
