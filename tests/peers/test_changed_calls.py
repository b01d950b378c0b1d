"""Calls whose sound is agreed on anew while they run, with a phone of others."""

import time
from pathlib import Path

import pytest

from tests.peers import sound
from tests.peers.daemon import Daemon
from tests.peers.softphone import PhoneCall, Softphone

pytestmark = pytest.mark.peers


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
