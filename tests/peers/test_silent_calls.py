"""A call without sound, and one whose phone does not hear us: found out while the call runs, and
told in its events, in the log and in the metrics."""

import asyncio
import socket
import struct
from typing import Any

import pytest

from gateway.sip.events import Answered
from tests.peers.daemon import Daemon
from tests.peers.test_held_calls import events, happened
from tests.sip.wire import Ear, endpoint

pytestmark = pytest.mark.peers

OFFER = """\
v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {port} RTP/AVP 0
"""
SSRC = 7
DEAF = struct.pack(">BBHI", 0x80, 201, 1, SSRC)  # a receiver report that knows of no sender


async def speak(wire: socket.socket, rtp: tuple[str, int]) -> None:
    """Sound for ever, and every second the word that none is heard."""
    rtcp = rtp[0], rtp[1] + 1
    number = 0
    while True:
        head = struct.pack(">BBHII", 0x80, 0, number % 2**16, 160 * number % 2**32, SSRC)
        wire.sendto(head + b"\xd5" * 160, rtp)
        if number % 50 == 0:
            wire.sendto(DEAF, rtcp)
        number += 1
        await asyncio.sleep(0.02)


async def test_silence_and_deafness_are_told_while_the_call_runs(gateway: Daemon) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        async with endpoint() as sip:
            offer = OFFER.format(port=wire.getsockname()[1]).replace("\n", "\r\n").encode()
            ear = Ear(sip.invite(gateway.uri("echo"), sdp=offer))
            while not isinstance(answer := await ear.next(), Answered):
                continue
            await happened(gateway, "no-audio")
            assert answer.sdp
            port = answer.sdp.partition(b"m=audio ")[2].split()[0]
            speaking = asyncio.create_task(speak(wire, ("127.0.0.1", int(port))))
            await happened(gateway, "audio-back")
            await happened(gateway, "one-way-audio")
            speaking.cancel()
            ear.session.end()
            (record,) = await gateway.ended_calls(1)
    told = [what for what in events(record) if what.endswith("audio") or what == "audio-back"]
    assert told == ["no-audio", "audio-back", "one-way-audio"]
    assert "UDP port" in advice(record, "no-audio")
    assert "does not receive us" in advice(record, "one-way-audio")
    assert all(f"{what}: " in gateway.log() for what in told)
    assert await gateway.metric("trunkline_call_sound_trouble_total") == len(told)


def advice(record: dict[str, Any], what: str) -> str:
    found = record["artifact"]["trunkline"]["events"]
    return str(next(event["facts"]["advice"] for event in found if event["what"] == what))
