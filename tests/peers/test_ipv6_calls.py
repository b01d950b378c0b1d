"""Calls over IPv6: a gateway that listens on both families, a baresip that knows only IPv6, and a
pjsua2 that knows only IPv4."""

from pathlib import Path

import pytest

from tests.peers import sound
from tests.peers.baresip import Baresip
from tests.peers.child import free_port, has_ipv6
from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone
from tests.peers.test_transfers import desk, gateway_is, loud, to

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1"),
]


def listening(folder: Path, *hosts: str) -> Daemon:
    """A gateway on these addresses; its ``uri`` is that of IPv4."""
    port = free_port()
    env = {"GATEWAY_SIP__LISTEN": ",".join(f"{host}:{port}" for host in hosts)}
    daemon = Daemon(folder / "gateway", env)
    daemon.sip_address = f"127.0.0.1:{port}"
    return daemon


async def test_baresip_hears_its_echo_by_udp_and_by_tcp(tmp_path: Path) -> None:
    async with listening(tmp_path, "[::1]") as gateway:
        port = gateway.sip_address.rpartition(":")[2]
        for transport in ("udp", "tcp"):
            (folder := tmp_path / transport).mkdir()
            async with Baresip(folder, address="::1") as peer:
                await peer.dial(f"sip:echo@[::1]:{port};transport={transport}")
                await peer.until("CALL_ESTABLISHED")
                await peer.hears(3.0)
                await peer.hang_up()
                await peer.until("CALL_CLOSED")
            assert sound.loud_s(peer.heard()) > 1.5
        await gateway.ended_calls(2)


async def test_callers_of_both_families_are_bridged(phone: Softphone, tmp_path: Path) -> None:
    async with (
        listening(tmp_path, "0.0.0.0", "[::]") as gateway,
        Baresip(tmp_path, says=sound.tone(240.0), address="::1") as peer,
    ):
        uri = await desk(gateway, to(peer.uri, "warm-transfer-say-message", message="Hello."))
        caller = await phone.dial(uri)
        await caller.confirmed()
        await gateway.attentive()
        await caller.press("1")
        await gateway_is(gateway, "forwarding")
        await caller.record(tmp_path / "caller.wav")
        other = tmp_path / "other.wav"
        sound.write_wav(other, sound.tone(3.0, 1000.0))
        before = len(peer.heard())
        await caller.say(other)
        assert loud(await caller.recorded(), 440.0) > 0.2
        assert loud(peer.heard()[before:], 1000.0) > 0.2
        await caller.hang_up()
        await caller.disconnected()
        await peer.until("CALL_CLOSED")
        await gateway.ended_calls(1)
