"""SIPp and baresip call the gateway: SIPp's own scenarios, fifty calls with sound at once."""

from pathlib import Path

import numpy as np
import pytest

from tests.peers import sound
from tests.peers.baresip import Baresip
from tests.peers.daemon import Daemon
from tests.peers.sipp import Sipp

pytestmark = pytest.mark.peers


async def test_sipps_own_uac(gateway: Daemon, tmp_path: Path) -> None:
    outcome = await Sipp(tmp_path, "uac", gateway.sip_address, calls=10).run()
    assert (outcome.exit_code, outcome.successful) == (0, 10), outcome.said
    for call in await gateway.ended_calls(10):
        assert call["endedReason"] == "customer-ended-call"


async def test_fifty_calls_with_sound_at_once(gateway: Daemon, tmp_path: Path) -> None:
    silence = np.zeros(sound.RATE, np.int16)  # nobody interrupts the greeting
    outcome = await Sipp(
        tmp_path,
        "uac_rtp",
        gateway.sip_address,
        calls=50,
        rate=20,
        at_once=50,
        talk_s=6,
        pcm=silence,
    ).run()
    assert (outcome.exit_code, outcome.successful) == (0, 50), outcome.said
    calls = await gateway.ended_calls(50)
    for call in calls:
        packets = call["artifact"]["trunkline"]["sound"]
        assert packets["packets_received"] > 200, packets
        assert packets["packets_sent"] > 200, packets
        assert call["messages"], "nobody was greeted"


async def test_a_delayed_offer_is_answered_with_ours(gateway: Daemon, tmp_path: Path) -> None:
    outcome = await Sipp(tmp_path, "uac_delayed_offer", gateway.sip_address, user="echo").run()
    assert outcome.exit_code == 0, outcome.said


async def test_a_baresip_call(gateway: Daemon, tmp_path: Path) -> None:
    async with Baresip(tmp_path, says=np.zeros(30 * sound.RATE, np.int16)) as peer:
        await peer.dial(gateway.uri("demo"))
        await peer.until("CALL_ESTABLISHED")
        await peer.hears(4.0)
        await peer.hang_up()
        await peer.until("CALL_CLOSED")
    assert sound.loud_s(peer.heard()) > 1
    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "customer-ended-call"
