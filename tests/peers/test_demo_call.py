"""The first call, whole: a softphone dials ``demo``, is greeted, asks, interrupts, presses keys."""

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.peers import sound
from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers


def texts(call: dict[str, Any], role: str) -> list[str]:
    return [m["message"] for m in call["messages"] if m["role"] == role]


async def test_the_first_call(gateway: Daemon, phone: Softphone, tmp_path: Path) -> None:
    question = await sound.spoken("What time is it?", tmp_path)
    call = await phone.dial(gateway.uri("demo"))
    await call.confirmed()
    await call.record(tmp_path / "heard.wav")
    greeting = await call.until("sound", on=True, within_s=40)
    greeted = await call.until("sound", on=False, after=greeting["at"] + 5, within_s=40)

    asked = await call.say(question)
    answer = await call.until("sound", on=True, after=greeted["at"], within_s=40)
    answered = await call.until("sound", on=False, after=answer["at"], within_s=40)
    assert answer["at"] - asked < 3

    # A key works as well as a word.
    await call.press("1")
    again = await call.until("sound", on=True, after=answered["at"], within_s=40)
    await call.until("sound", on=False, after=again["at"], within_s=40)

    # The agent can press keys too.
    await call.press("4")
    await call.until("digit", digit="5", within_s=40)

    await call.hang_up()
    await call.disconnected()
    assert sound.loud_s(await call.recorded()) > 8

    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "customer-ended-call"
    said = texts(record, "bot")
    assert said[0].startswith("Hello, this is Trunkline")
    assert len([text for text in said if text.startswith("It is ")]) == 2, said
    assert "what time is it" in texts(record, "user")

    turns = record["artifact"]["trunkline"]["turns"]
    assert turns
    for turn in turns:
        assert sum(s["ms"] for s in turn["segments"]) == pytest.approx(turn["totalMs"], abs=1)

    stereo = await gateway.api.get(f"/call/{record['id']}/stereo-recording")
    with wave.open(io.BytesIO(stereo.content)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        rate = file.getframerate()
    caller, agent = frames[:, 0], frames[:, 1]
    assert (np.abs(caller.astype(int)) > 1000).any()
    assert (np.abs(agent.astype(int)) > 1000).any()
    assert len(frames) / rate > 15


async def test_the_caller_interrupts_the_greeting(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    question = await sound.spoken("What time is it?", tmp_path, lead_s=1.5)
    call = await phone.dial(gateway.uri("demo"))
    await call.confirmed()
    await call.until("sound", on=True, within_s=40)
    asked = await call.say(question)
    quiet = await call.until("sound", on=False)
    # The agent was silent before the question was over.
    assert quiet["at"] < asked + 0.3
    await call.until("sound", on=True, after=asked, within_s=40)
    await gateway.until_said("It is ")
    await call.hang_up()
    await call.disconnected()

    (record,) = await gateway.ended_calls(1)
    greeting, answered = texts(record, "bot")[:2]
    assert "Hello, this is Trunkline".startswith(greeting[:10])
    assert "zero" not in greeting, "the greeting was cut to what was heard of it"
    assert answered.startswith("It is ")
    assert record["artifact"]["performanceMetrics"]["numAssistantInterrupted"] == 1


async def test_a_caller_who_hangs_up_leaves_what_was_heard(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    sound.write_wav(tmp_path / "silence.wav", np.zeros(2 * sound.RATE, np.int16))
    call = await phone.dial(gateway.uri("demo"))
    await call.confirmed()
    await call.until("sound", on=True, within_s=40)
    await call.say(tmp_path / "silence.wav")  # listens for that long, then leaves
    await call.hang_up()
    await call.disconnected()
    (record,) = await gateway.ended_calls(1)
    (greeting,) = texts(record, "bot")
    assert greeting.startswith("Hello, this is")
    assert "zero" not in greeting, "the greeting was cut to what was heard of it"


async def test_goodbye_makes_the_agent_hang_up(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    call = await phone.dial(gateway.uri("demo"), headers={"X-Name": "Ada"})
    await call.confirmed()
    await call.until("sound", on=True)
    await call.press("9")
    ended = await call.disconnected(15)
    assert ended["status"] == 200
    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "assistant-ended-call"
    assert texts(record, "bot")[-1] == "Goodbye, and thank you for calling."


async def test_a_held_call_goes_on(gateway: Daemon, phone: Softphone) -> None:
    call = await phone.dial(gateway.uri("demo"))
    await call.confirmed()
    await call.until("sound", on=True)
    await call.hold()
    held = await call.until("sound", on=False)
    await call.resume()
    await call.press("0")
    await call.until("sound", on=True, after=held["at"])
    await call.hang_up()
    await call.disconnected()
    await gateway.ended_calls(1)


async def test_a_call_over_tcp(gateway: Daemon, tmp_path: Path) -> None:
    (tmp_path / "tcp").mkdir()
    async with Softphone(tmp_path / "tcp", "tcp") as phone:
        call = await phone.dial(f"{gateway.uri('demo')};transport=tcp")
        await call.confirmed()
        await call.until("sound", on=True)
        await call.hang_up()
        await call.disconnected()
    await gateway.ended_calls(1)
