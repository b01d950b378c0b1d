"""Calls in wide-band codecs with phones that know no other: the agent understands and is heard."""

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from gateway_codecs import opus
from tests.peers import sound
from tests.peers.baresip import Baresip
from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone
from tests.peers.test_demo_call import texts

pytestmark = pytest.mark.peers


async def test_a_softphone_talks_to_the_agent_in_g722(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    question = await sound.spoken("What time is it?", tmp_path)
    await phone.offer_only("G722/16000")
    call = await phone.dial(gateway.uri("demo"))
    await call.confirmed()
    assert call.codec == "G722"
    await call.record(tmp_path / "heard.wav")
    greeting = await call.until("sound", on=True, within_s=40)
    greeted = await call.until("sound", on=False, after=greeting["at"] + 5, within_s=40)
    await call.say(question)
    answer = await call.until("sound", on=True, after=greeted["at"], within_s=40)
    await call.until("sound", on=False, after=answer["at"], within_s=40)
    await call.press("4")
    await call.until("digit", digit="5", within_s=40)
    await call.hang_up()
    await call.disconnected()
    assert sound.loud_s(await call.recorded()) > 6
    (record,) = await gateway.ended_calls(1)
    assert "what time is it" in texts(record, "user")
    assert any(text.startswith("It is ") for text in texts(record, "bot"))


@pytest.mark.parametrize(
    "codec",
    [
        "G722/16000/1",
        pytest.param(
            "opus/48000/2",
            marks=pytest.mark.skipif(not opus.available(), reason="libopus is not installed"),
        ),
    ],
    ids=["G722", "opus"],
)
async def test_baresip_talks_to_the_agent(gateway: Daemon, tmp_path: Path, codec: str) -> None:
    question = sound.read_wav(await sound.spoken("What time is it?", tmp_path, lead_s=11.0))
    says = np.concatenate([question, np.zeros(15 * sound.RATE, np.int16)])
    async with Baresip(tmp_path, says=says, codec=codec) as peer:
        await peer.dial(gateway.uri("demo"))
        await peer.until("CALL_ESTABLISHED")
        await peer.hears(17.0, within_s=30.0)
        await peer.hang_up()
        await peer.until("CALL_CLOSED")
    assert sound.loud_s(peer.heard()) > 6
    (record,) = await gateway.ended_calls(1)
    stereo = await gateway.api.get(f"/call/{record['id']}/stereo-recording")
    with wave.open(io.BytesIO(stereo.content)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    caller = both[::2, 0].astype(np.int16)  # from 16 kHz to the telephone's 8
    assert sound.loud_s(caller) == pytest.approx(sound.loud_s(question), abs=0.15)
