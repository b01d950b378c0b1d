"""One phone with sockets of its own, whose packets go out when the bench says so."""

import contextlib
import select
import socket
import time

from tests.bench.caller import HEADER, Call, Message
from tests.bench.plan import FRAME, Caller, Plan

ANSWER_S = 10.0


class LonePhone:
    """``dial``, then ``send`` and ``received`` as long as it lasts, then ``hang_up``."""

    def __init__(self, target: tuple[str, int], user: str, host: str = "127.0.0.1") -> None:
        self._sip, self._rtp = _socket(host), _socket(host)
        self._target = target
        plan = Plan(target, (Caller(0.0, ()),), user=user)
        self._call = Call(0, plan, f"lone{time.time_ns():x}", self._sip.getsockname(),
                          self._rtp.getsockname()[1])  # fmt: skip

    @property
    def call_id(self) -> str:
        return self._call.result.call_id

    def dial(self) -> None:
        self._send(self._call.invite(time.time()))
        while self._call.state != "talking":
            assert self._call.state != "over", f"refused: {self._call.result.status}"
            assert select.select([self._sip], [], [], ANSWER_S)[0], "no answer"
            self.signal()

    def send(self, number: int, payload: bytes) -> None:
        """The packet of this number in the stream, µ-law."""
        header = HEADER.pack(0x80, 0, number & 0xFFFF, number * FRAME & 0xFFFFFFFF, 0xCAFE)
        assert self._call.remote
        self._rtp.sendto(header + payload, self._call.remote)

    def received(self) -> list[bytes]:
        """RTP packets that have come since."""
        packets = []
        with contextlib.suppress(BlockingIOError):
            while True:
                packets.append(self._rtp.recv(2048))
        return packets

    def signal(self) -> None:
        """Answer what the other end says in SIP."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._send(self._call.receive(Message(self._sip.recv(65536)), time.time()))

    def hang_up(self) -> None:
        self._send(self._call.hang_up(time.time()))
        while self._call.state != "over" and select.select([self._sip], [], [], ANSWER_S)[0]:
            self.signal()
        self._sip.close()
        self._rtp.close()

    def fileno(self) -> int:
        return self._rtp.fileno()

    def _send(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self._sip.sendto(datagram, self._target)


def _socket(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind((host, 0))
    return made
