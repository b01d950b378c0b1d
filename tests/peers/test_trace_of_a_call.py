"""A call with an independent phone leaves a capture that tells all of it."""

import asyncio
from pathlib import Path

import pytest

from gateway.cli.ladder import ladder
from gateway.sip.pcap import decode
from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers


async def test_the_ladder_of_a_call_has_its_every_step(gateway: Daemon, phone: Softphone) -> None:
    call = await phone.dial(gateway.uri("echo"))
    await call.confirmed()
    await call.hang_up()
    await call.disconnected()
    ended = (await gateway.ended_calls(1))[0]
    assert ended["artifact"]["pcapUrl"].endswith(f"/call/{ended['id']}/pcap")
    path = gateway.state / "captures" / f"{ended['id']}.pcap"
    while not await asyncio.to_thread(path.exists):
        await asyncio.sleep(0.01)
    steps = "\n".join(ladder(decode(await asyncio.to_thread(Path.read_bytes, path))))
    for step in ("INVITE (", "200 OK (", "ACK (", "BYE (", "SDP "):
        assert step in steps, steps
    assert steps.index("ACK (") < steps.index("BYE (")
    assert await gateway.metric("trunkline_sip_sessions") == 0
