"""SIPp against SIPp and against the softphone: its outcome is read, and its sound is heard."""

from pathlib import Path

import numpy as np
import pytest

from tests.peers import sound
from tests.peers.sipp import Sipp, mulaw
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers


async def test_its_own_scenarios_call_each_other(tmp_path: Path) -> None:
    async with Sipp(tmp_path, "uas") as callee:
        target = f"127.0.0.1:{callee.port}"
        outcome = await Sipp(tmp_path, "uac", target, calls=5).run()
    assert (outcome.exit_code, outcome.created, outcome.successful) == (0, 5, 5), outcome.said


async def test_fifty_calls_with_sound_at_once(tmp_path: Path) -> None:
    async with Sipp(tmp_path, "uas_sound") as callee:
        target = f"127.0.0.1:{callee.port}"
        caller = Sipp(tmp_path, "uac_rtp", target, calls=50, rate=50, at_once=50, talk_s=2)
        outcome = await caller.run()
    assert (outcome.exit_code, outcome.successful, outcome.failed) == (0, 50, 0), outcome.said


async def test_a_refused_call_is_a_failed_one(tmp_path: Path) -> None:
    async with Softphone(tmp_path) as phone:
        caller = Sipp(tmp_path, "uac", phone.address)
        async with caller.child:
            await (await phone.incoming()).hang_up(486)
            assert await caller.child.ended(10) != 0


async def test_the_softphone_hears_its_sound(tmp_path: Path) -> None:
    async with Softphone(tmp_path) as phone:
        caller = Sipp(tmp_path, "uac_rtp", phone.address, talk_s=1.5)
        async with caller.child:
            call = await phone.incoming()
            await call.answer()
            await call.confirmed()
            await call.until("sound", on=True)
            await call.disconnected()
            assert await caller.child.ended(10) == 0


def test_mulaw_at_its_edges() -> None:
    pcm = np.array([0, -1, 8, -8, 1000, -1000, 32767, -32768], np.int16)
    assert mulaw(pcm) == bytes([0xFF, 0x7E, 0xFE, 0x7E, 0xCE, 0x4E, 0x80, 0x00])
    assert len(mulaw(sound.tone(0.1))) == 800
