"""The phones' process against an answerer of a few lines, over loopback."""

import asyncio
from pathlib import Path

import numpy as np

from tests.bench import phones
from tests.bench.caller import Message
from tests.bench.clips import clip
from tests.bench.plan import FRAME, LOUD, Caller, Plan, Press, Say, Until, Wait

CLIP = b"\x10" * 3 * FRAME


class Echo(asyncio.DatagramProtocol):
    """Returns every datagram to where it came from."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.transport.sendto(data, address)


class Answerer(Echo):
    """Answers every INVITE and BYE, but the first of all only when it comes again."""

    def __init__(self, rtp_port: int) -> None:
        self.sdp = f"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio {rtp_port} RTP/AVP 0\r\n"
        self.heard: list[str] = []

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        request = Message(data)
        self.heard.append(f"{request.method} {request['Call-ID']}")
        if request.method == "ACK" or len(self.heard) == 1:
            return
        lines = ["SIP/2.0 200 OK", f"Contact: <{request.first.split()[1]}>"]
        lines += [f"{name}: {request[name]}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        self.transport.sendto("\r\n".join([*lines, "", self.sdp]).encode(), address)


async def test_every_call_is_set_up_heard_and_ended(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    local = ("127.0.0.1", 0)
    sound, _ = await loop.create_datagram_endpoint(Echo, local_addr=local)
    rtp_port = sound.get_extra_info("sockname")[1]
    sip, answerer = await loop.create_datagram_endpoint(
        lambda: Answerer(rtp_port), local_addr=local
    )
    steps = (Wait(0.04), Say(0), Until(quiet_s=0.04), Press("1"))
    plan = Plan(
        sip.get_extra_info("sockname"),
        tuple(Caller(0.01 * number, steps) for number in range(8)),
        clips=(CLIP,),
        limit_s=20.0,
    )
    try:
        with phones.run(plan, tmp_path) as running:
            report = await asyncio.to_thread(running.report)
    finally:
        sip.close()
        sound.close()
    assert [call.status for call in report.calls] == [200] * 8
    assert [call.bye_status for call in report.calls] == [200] * 8
    assert [call.timeouts for call in report.calls] == [0] * 8
    assert report.calls[0].retransmitted >= 1
    assert all(call.answered_at > call.invited_at for call in report.calls)
    for number, call in enumerate(report.calls):
        came = report.packets[report.packets["call"] == number]
        assert len(came) == call.received >= call.sent - 3
        assert np.all(np.diff(came["sequence"].astype(int)) == 1)
        loud = came[(came["peak"] >= LOUD) & (came["payload"] == 0)]
        assert len(loud) == 3
        (played,) = call.played
        assert played.first_at <= loud["at"][0]
        assert played.last_at <= loud["at"][-1]
        ours = [line.split()[0] for line in answerer.heard if line.endswith(f" {call.call_id}")]
        assert ours[-3:] == ["INVITE", "ACK", "BYE"]


def test_a_clip_begins_and_ends_with_speech() -> None:
    said = clip("What time is it?")
    beats = phones.PEAKS[np.frombuffer(said, np.uint8)].reshape(-1, FRAME).max(axis=1)
    assert 25 < len(beats) < 100
    assert min(beats[0], beats[-1]) >= LOUD
