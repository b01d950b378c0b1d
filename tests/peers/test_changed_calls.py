"""Calls whose sound is agreed on anew while they run, with a phone of others."""

import time
from pathlib import Path

import numpy as np
import pytest

from gateway_codecs import opus
from tests.peers import sound
from tests.peers.baresip import Baresip
from tests.peers.daemon import Daemon
from tests.peers.softphone import PhoneCall, Softphone
from tests.peers.test_held_calls import steer

pytestmark = pytest.mark.peers

# Bit/s, without headers.
G711, SILENT_OPUS, SPEAKING_OPUS = (63_000, 65_000), (500, 4000), (6000, 40_000)


async def echoes(call: PhoneCall, wav: Path) -> None:
    """What is said comes back."""
    began = time.monotonic()
    await call.say(wav)
    heard = await call.until("sound", within_s=30, after=began, on=True)
    await call.until("sound", within_s=30, after=heard["at"], on=False)


@pytest.mark.parametrize("srtp", ["off", "required"])
async def test_a_phone_changes_its_codec_in_the_middle_of_a_call(
    gateway: Daemon, phone: Softphone, tmp_path: Path, srtp: str
) -> None:
    wav = tmp_path / "said.wav"
    sound.write_wav(wav, sound.tone(1.0))
    await phone.encrypt(srtp)
    await phone.offer_only("PCMU/8000")
    call = await phone.dial(gateway.uri("echo"))
    await call.confirmed()
    await echoes(call, wav)
    for codec, name in (("G722/16000", "G722"), ("PCMA/8000", "PCMA"), ("PCMU/8000", "PCMU")):
        began = time.monotonic()  # the call had PCMU before
        await phone.offer_only(codec)
        await call.resume()
        await call.until("media", within_s=30, after=began, codec=name)
        await echoes(call, wav)
    lost = (await call.statistics())["lost"]
    await call.hang_up()
    await call.disconnected()
    (record,) = await gateway.ended_calls(1)
    counted = record["artifact"]["trunkline"]["sound"]
    assert counted["codec"] == "PCMU"
    assert not lost
    assert not counted["packets_forged"]
    assert bool(counted["srtp"]) == (srtp == "required")


@pytest.mark.skipif(not opus.available(), reason="libopus is not installed")
async def test_a_call_goes_over_to_opus_and_the_agent_still_hears_and_is_heard(
    gateway: Daemon, tmp_path: Path
) -> None:
    """baresip wishes for G.711 first; our own offers, of a hold and of its end, for Opus."""
    silence = np.zeros(240 * sound.RATE, np.int16)  # it hangs up at the end of a file
    question = sound.read_wav(await sound.spoken("What time is it?", tmp_path))
    sound.write_wav(tmp_path / "asks.wav", np.concatenate([question, silence]))
    async with Baresip(tmp_path, says=silence, codec="pcmu/8000/1,opus/48000/2") as peer:
        await peer.dial(gateway.uri("demo"))
        await peer.until("CALL_ESTABLISHED")
        await peer.receives(*G711)
        await gateway.until_said("Hello, this is")
        assert sound.loud_s(peer.heard()) > 5
        for order in ("hold", "resume"):
            assert await steer(gateway, type=order) == 200
        await peer.receives(*SILENT_OPUS)
        await peer.say(tmp_path / "asks.wav")
        await gateway.until_said("It is ")
        await peer.receives(*SPEAKING_OPUS)
        await peer.hang_up()
        await peer.until("CALL_CLOSED")
    (record,) = await gateway.ended_calls(1)
    counted = record["artifact"]["trunkline"]["sound"]
    assert counted["codec"] == "opus"
    # What baresip's RTCP says, too.
    assert min(counted["mos"], counted["far_mos"]) > 1
    assert counted["round_trip_ms"] >= 0
    assert await gateway.metric("trunkline_call_mos_count") == 2
    assert await gateway.metric("trunkline_call_lost_ratio_count") == 2
    assert await gateway.metric("trunkline_call_round_trip_seconds_count") == 1
