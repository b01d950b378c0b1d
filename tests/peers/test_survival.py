"""The media process is killed ten times in a row under calls with phones of others, encrypted and
coded: every call goes on."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from gateway_codecs import opus
from tests.peers import sound
from tests.peers.baresip import Baresip
from tests.peers.daemon import Daemon
from tests.peers.softphone import PhoneCall, Softphone
from tests.peers.test_life import children_of

pytestmark = pytest.mark.peers

KILLS, WITHIN_S = 10, 60.0
WIDE = "opus/48000/2" if opus.available() else "G722/16000/1"


async def two_processes(gateway: Daemon, without: int = 0) -> list[int]:
    """The one that beats, and its spare."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            pids = children_of(gateway.child.pid, "gateway.media.process")
            if len(pids) == 2 and without not in pids:
                return pids
            await asyncio.sleep(0.02)  # nothing announces a process


async def hears_more(call: PhoneCall, packets: int) -> None:
    begun = (await call.statistics())["received"]
    async with asyncio.timeout(WITHIN_S):
        while (await call.statistics())["received"] < begun + packets:
            await asyncio.sleep(0.05)


async def test_ten_kills_in_a_row_end_no_call(
    gateway: Daemon, phone: Softphone, tmp_path: Path
) -> None:
    sound.write_wav(tmp_path / "said.wav", sound.tone(1.0))
    await phone.encrypt("required")
    async with Baresip(tmp_path, says=sound.tone(600.0), codec=WIDE) as other:
        call = await phone.dial(gateway.uri("echo"))
        await call.confirmed()
        await other.dial(gateway.uri("echo"))
        await other.until("CALL_ESTABLISHED")
        await other.hears(1.0, within_s=WITHIN_S)
        pids = await two_processes(gateway)
        for _ in range(KILLS):
            os.kill(pids[0], signal.SIGKILL)
            await hears_more(call, 10)
            pids = await two_processes(gateway, without=pids[0])
        before = sound.loud_s(other.heard())
        began = time.monotonic()
        await call.say(tmp_path / "said.wav", within_s=WITHIN_S)
        await call.until("sound", within_s=WITHIN_S, after=began, on=True)
        async with asyncio.timeout(WITHIN_S):
            while sound.loud_s(other.heard()) < before + 1:
                await asyncio.sleep(0.05)
        await call.hang_up()
        await call.disconnected()
        await other.hang_up()
        await other.until("CALL_CLOSED")
    for record in await gateway.ended_calls(2):
        assert record["endedReason"] == "customer-ended-call"
        counted = record["artifact"]["trunkline"]["sound"]
        assert not counted.get("packets_forged"), counted
        assert counted["srtp"] or counted["codec"] in ("opus", "G722")
