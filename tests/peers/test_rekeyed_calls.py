"""SRTP keys changed by re-INVITE in a running call, with a phone that encrypts by hand: every
packet of either side is opened, also those that were on their way while the key changed."""

import asyncio
import base64
import socket
from pathlib import Path

import pytest

from gateway.sip.events import Answered, ReofferAnswered
from tests.peers.daemon import Daemon
from tests.rtp.srtp_by_hand import SHAPES, ByHand, Refused
from tests.sip.wire import Ear, endpoint

pytestmark = pytest.mark.peers

CM, GCM = "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"
FIRST = 65_500  # the phone's first packet: it wraps before the key changes
LATE = 15  # packets under the old key that go out after the answer, as if they had been delayed
PATIENCE_S = 60.0
OFFER = """\
v=0
o=- 1 {version} IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {port} RTP/SAVP 0
a=crypto:{version} {suite} inline:{key}
"""


class Phone:
    """Its RTP, 20 ms after 20 ms. Packet n says n in its payload, which the echo returns as it
    came, so that what is heard can be told apart."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        self.to = ("", 0)
        self.next = FIRST
        self.version = 0
        self.by: ByHand | None = None  # how it seals now
        self.anew_at = 0  # the packet from which on its roll-over counter is 0
        self.came: list[bytes] = []  # sealed
        self.keys: list[ByHand] = []  # of the gateway, in turn
        self.news = asyncio.Event()

    def offer(self, suite: str) -> tuple[bytes, ByHand]:
        """With a new key, and how that seals."""
        self.version += 1
        size, salt, _ = SHAPES[suite]
        master = bytes((31 * self.version + n) % 256 for n in range(size + salt))
        key = base64.b64encode(master).decode()
        text = OFFER.format(version=self.version, port=self.socket.getsockname()[1], suite=suite,
                            key=key)  # fmt: skip
        return text.replace("\n", "\r\n").encode(), ByHand(suite, master)

    def agree(self, answer: bytes) -> None:
        lines = answer.decode().splitlines()
        port = next(line.split()[1] for line in lines if line.startswith("m=audio "))
        self.to = ("127.0.0.1", int(port))
        crypto = next(line for line in lines if line.startswith("a=crypto:"))
        _, suite, key = crypto.split()
        hand = ByHand(suite, base64.b64decode(key.removeprefix("inline:")))
        if hand not in self.keys:
            self.keys.append(hand)

    def say(self) -> None:
        """The next packet."""
        n, self.next = self.next, self.next + 1
        head = b"\x80\0" + (n % 65_536).to_bytes(2, "big") + (160 * n % 2**32).to_bytes(4, "big")
        roc = 0 if self.anew_at and n >= self.anew_at else n >> 16
        body = n.to_bytes(4, "big") * 40
        assert self.by
        self.socket.sendto(self.by.seal(head + b"\0\0\0\7" + body, roc), self.to)

    def take(self) -> None:
        """Whatever has come."""
        while True:
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return
            if not 192 <= data[1] <= 223:  # RTCP has a port of its own
                self.came.append(data)
                self.news.set()

    def heard(self) -> list[tuple[int, bytes]]:
        """Sequence number and payload of every packet; a KeyError is one that no key opens."""
        return [self._open(data) for data in self.came]

    def _open(self, data: bytes) -> tuple[int, bytes]:
        for key in self.keys:
            try:
                plain = key.open(data)
            except Refused:
                continue
            return int.from_bytes(plain[2:4], "big"), plain[12:]
        raise KeyError(data[:12].hex())

    async def until_heard(self) -> None:
        """Speak until something comes back that was said from now on."""
        began, seen = self.next, len(self.came)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self.say()
                await asyncio.sleep(0.02)
                bodies = [self._open(data)[1] for data in self.came[seen:]]
                if any(
                    int.from_bytes(body[:4], "big") in range(began, self.next) for body in bodies
                ):
                    return

    async def until_more(self, packets: int) -> None:
        wanted = len(self.came) + packets
        async with asyncio.timeout(PATIENCE_S):
            while len(self.came) < wanted:
                self.news.clear()
                await self.news.wait()


async def test_nothing_is_lost_when_the_keys_change(tmp_path: Path) -> None:
    env = {"GATEWAY_RTP__SRTP": "required"}
    async with Daemon(tmp_path / "gateway", env) as gateway, endpoint() as sip:
        phone, loop = Phone(), asyncio.get_running_loop()
        offer, phone.by = phone.offer(CM)
        ear = Ear(sip.invite(gateway.uri("echo"), sdp=offer))
        while not isinstance(event := await ear.next(), Answered):
            continue
        assert event.sdp
        phone.agree(event.sdp)
        loop.add_reader(phone.socket, phone.take)
        while phone.next < 65_540:  # across the wrap
            await phone.until_heard()
        for suite, begins_anew in ((CM, False), (CM, True), (GCM, True)):
            offer, new = phone.offer(suite)
            ear.session.reinvite(offer)
            answered = asyncio.create_task(ear.next())
            while not answered.done():
                phone.say()
                await asyncio.sleep(0.02)
            event = answered.result()
            assert isinstance(event, ReofferAnswered)
            assert isinstance(event.result, bytes)
            phone.agree(event.result)
            for _ in range(LATE):
                phone.say()
                await asyncio.sleep(0.02)
            phone.by, phone.anew_at = new, phone.next if begins_anew else 0
            await phone.until_heard()
        await phone.until_more(10)  # so that the last has been taken, too
        ear.session.end()
        (record,) = await gateway.ended_calls(1)
        phone.take()
        loop.remove_reader(phone.socket)
        phone.socket.close()
    counted = record["artifact"]["trunkline"]["sound"]
    assert counted["packets_received"] == phone.next - FIRST
    assert not counted["packets_forged"]
    assert counted["srtp"] == GCM
    numbers = [sequence for sequence, _ in phone.heard()]
    assert len(phone.keys) == 2  # ours stays as long as the suite does
    assert numbers == [(numbers[0] + n) % 65_536 for n in range(len(numbers))]
