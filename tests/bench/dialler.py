"""Thousands of callers on one socket, as little of SIP as a caller needs, so that what is measured
is the other end: INVITE, ACK, BYE, and T1 for what gets lost. No sound.

``python -m tests.bench.dialler ORDER``, with an ``Order`` in JSON; the ``Tally`` comes back so.
"""

import gc
import heapq
import json
import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

T1_S, GIVE_UP_S = 0.5, 8.0
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 40002 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)
TEXT = (
    "{method} sip:bench@127.0.0.1:{port} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:{own};rport;branch=z9hG4bK{token}{number}-{cseq}{method}\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:dialler@127.0.0.1:{own}>;tag={token}{number}\r\n"
    "To: <sip:bench@127.0.0.1:{port}>{tag}\r\n"
    "Call-ID: {token}-{number}\r\n"
    "CSeq: {cseq} {method}\r\n"
    "Contact: <sip:dialler@127.0.0.1:{own}>\r\n"
    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"
    "User-Agent: bench\r\n"
)


@dataclass(frozen=True)
class Order:
    """``calls`` calls at ``rate`` a second; each is up for ``hold_s``, all together if that is
    longer than it takes to place them."""

    port: int
    calls: int
    rate: float
    hold_s: float = 0.0


@dataclass
class Tally:
    completed: int = 0  # from INVITE to the 200 of the BYE
    refused: dict[str, int] = field(default_factory=dict)  # by status
    lost: int = 0  # not answered in time
    again: int = 0  # requests sent again
    setup_ms: list[float] = field(default_factory=list)  # INVITE to 200
    late_ms: float = 0.0  # by how much the dialler itself was late, at most
    took_s: float = 0.0


class Dialler:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._tally = Tally()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.connect(("127.0.0.1", order.port))
        self._socket.setblocking(False)
        self._token = f"{os.getpid():x}"
        self._began = [0.0] * order.calls
        self._tags: dict[int, str] = {}  # of those who are up
        self._open: dict[int, tuple[bytes, float]] = {}  # what waits for an answer, since when
        self._due: list[tuple[float, int, float]] = []  # send again, or hang up

    def run(self) -> Tally:
        order, poll = self._order, select.poll()
        poll.register(self._socket, select.POLLIN)
        began, dialled = time.perf_counter(), 0
        print("began", flush=True)
        while dialled < order.calls or self._open or self._tags:
            now = time.perf_counter()
            while dialled < order.calls and began + dialled / order.rate <= now:
                late = 1000 * (now - began - dialled / order.rate)
                self._tally.late_ms = max(self._tally.late_ms, late)
                self._invite(dialled, now)
                dialled += 1
            while self._due and self._due[0][0] <= now:
                self._timer(*heapq.heappop(self._due), now)
            at = min(
                began + dialled / order.rate if dialled < order.calls else now + 1.0,
                self._due[0][0] if self._due else now + 1.0,
            )
            poll.poll(max(0.0, 1000 * (at - time.perf_counter())))
            for data in self._came():
                self._answer(data)
        self._tally.took_s = time.perf_counter() - began
        return self._tally

    def _came(self) -> Iterator[bytes]:
        while True:
            try:
                yield self._socket.recv(4096)
            except (BlockingIOError, ConnectionRefusedError):
                return

    def _write(self, method: str, number: int, cseq: int, body: bytes = b"") -> bytes:
        head = TEXT.format(
            method=method, number=number, cseq=cseq, token=self._token, port=self._order.port,
            own=self._socket.getsockname()[1], tag=self._tags.get(number, ""),
        )  # fmt: skip
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return f"{head}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def _ask(self, number: int, request: bytes, now: float) -> None:
        self._open[number] = request, now
        self._socket.send(request)
        heapq.heappush(self._due, (now + T1_S, number, T1_S))

    def _invite(self, number: int, now: float) -> None:
        self._began[number] = now
        self._ask(number, self._write("INVITE", number, 1, SDP), now)

    def _timer(self, _: float, number: int, waited: float, now: float) -> None:
        if not waited:
            self._ask(number, self._write("BYE", number, 2), now)
            return
        request, since = self._open.get(number, (b"", 0.0))
        if not request or since + waited > now + 0.01:  # answered, or another request's
            return
        if now - since > GIVE_UP_S:
            self._tally.lost += 1
            self._over(number)
            return
        self._tally.again += 1
        self._socket.send(request)
        heapq.heappush(self._due, (now + 2 * waited, number, 3 * waited))

    def _answer(self, data: bytes) -> None:
        if not data.startswith(b"SIP/2.0 ") or data[8:9] == b"1":
            return
        status = int(data[8:11])
        text = data.decode()
        number = int(text.partition("\r\nCall-ID: ")[2].partition("\r\n")[0].rpartition("-")[2])
        method = text.partition("\r\nCSeq: ")[2].partition("\r\n")[0].partition(" ")[2]
        now = time.perf_counter()
        if method == "INVITE":
            first = number not in self._tags and number in self._open
            if first and status < 300:
                to = text.partition("\r\nTo: ")[2].partition("\r\n")[0]
                self._tags[number] = ";" + to.rpartition(";")[2]
                self._tally.setup_ms.append(1000 * (now - self._began[number]))
                del self._open[number]
                heapq.heappush(self._due, (now + self._order.hold_s, number, 0.0))
            self._socket.send(self._write("ACK", number, 1))
            if status < 300:
                return
        elif status == 200 and number in self._open:
            self._tally.completed += 1
        if status != 200 and number in self._open:
            refused = self._tally.refused
            refused[str(status)] = refused.get(str(status), 0) + 1
        if number in self._open:
            self._over(number)

    def _over(self, number: int) -> None:
        self._open.pop(number, None)
        self._tags.pop(number, None)


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    gc.disable()
    print(json.dumps(asdict(Dialler(order).run())), flush=True)


if __name__ == "__main__":
    main()
