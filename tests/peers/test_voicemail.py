"""A softphone plays a mailbox to a call of ours, and hears our message after its beep; and another
leaves a message with our agent."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.peers import sound
from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers

SCRIPT = {"provider": "script", "script": {"start": "a", "states": {"a": {"rules": []}}}}
MESSAGE = "Here is the library. Your book has come. Please call us back."


async def made(gateway: Daemon, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await gateway.api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_the_message_is_what_the_mailbox_records_after_its_beep(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    greeting = await sound.spoken(
        "You have reached the mailbox of Bob. Please leave a message after the tone.", tmp_path
    )
    quiet = np.zeros(sound.RATE // 2, np.int16)
    parts = [sound.read_wav(greeting), quiet, sound.tone(0.5, 1000.0), quiet]
    sound.write_wav(tmp_path / "mailbox.wav", np.concatenate(parts))
    assistant = {
        "model": SCRIPT,
        "firstMessage": "Hello, this is the library. I am calling because of your book.",
        "voicemailDetection": {"provider": "vapi"},
        "voicemailMessage": MESSAGE,
    }
    await made(gateway, "/call", {"assistant": assistant, "customer": {"sipUri": phone.uri}})
    call = await phone.incoming()
    await call.answer()
    await call.confirmed()
    await call.record(tmp_path / "recorded.wav")
    await call.say(tmp_path / "mailbox.wav")
    await call.disconnected(30)
    recorded = await call.recorded()

    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "voicemail"
    events = {e["what"]: e["facts"] for e in record["artifact"]["trunkline"]["events"]}
    assert events["voicemail_detected"]["who"] == "machine"
    assert events["voicemail_message"]["beep"] is True
    said = [m["message"] for m in record["messages"] if m["role"] == "bot"]
    assert said[-1] == MESSAGE
    message = sound.read_wav(await sound.spoken(MESSAGE, tmp_path))
    last = recorded[-len(message) - sound.RATE :]  # our greeting was cut off long before
    assert sound.loud_s(last) > 0.7 * sound.loud_s(message)


async def test_a_caller_leaves_a_message(gateway: Daemon, phone: Softphone, tmp_path: Path) -> None:
    rules = [{"keys": ["1"], "tool": {"name": "takeMessage", "arguments": {}}, "then": "Thanks."}]
    tool = {"type": "takeMessage", "prompt": "Speak after the beep.", "silenceSeconds": 2}
    assistant = {
        "firstMessageMode": "assistant-waits-for-user",
        "model": {
            "provider": "script",
            "script": {"start": "a", "states": {"a": {"rules": rules}}},
            "tools": [tool],
        },
    }
    kept = await made(gateway, "/assistant", assistant)
    number = {"provider": "vapi", "sipUri": gateway.uri("box"), "assistantId": kept["id"]}
    await made(gateway, "/phone-number", number)
    words = await sound.spoken("What time is it?", tmp_path, lead_s=4.0)  # prompt and beep
    call = await phone.dial(gateway.uri("box"))
    await call.confirmed()
    await call.press("1")
    await call.until("sound", on=True)
    await call.say(words)
    await gateway.until_said("Thanks.")
    await call.hang_up()
    await call.disconnected()

    (record,) = await gateway.ended_calls(1)
    (taken,) = record["artifact"]["trunkline"]["voicemails"]
    assert taken["endedBy"] == "silence"
    file = await gateway.api.get(taken["path"])
    assert file.status_code == 200
    (tmp_path / "taken.wav").write_bytes(file.content)
    assert np.abs(np.frombuffer(file.content[44:], np.int16)).max() > 1000
