"""Many phones in a process of their own, so that what they measure is not their own business.

One socket for SIP, one per phone for RTP. Arrival times are the kernel's, so they stay exact
however late this process looks at them. The phones talk in four groups, 5 ms apart.

``run(plan, folder)`` starts the process; ``.report()`` of what it returns waits for its end.
"""

import contextlib
import ctypes
import gc
import os
import pickle
import resource
import select
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from gateway.probe.child import tied
from gateway_codecs import g711
from tests.bench.caller import PCMU, Call, Message
from tests.bench.plan import BEAT_S, FRAME, LOUD, PACKET, Outcome, Plan, Report

ROOT = Path(__file__).parents[2]
GROUPS = 4
TICK_S = BEAT_S / GROUPS
WIDTH = 12 + FRAME  # of one packet; shorter ones are filled up with silence
STAMP = getattr(socket, "SO_TIMESTAMPNS", 35)  # also the type of its control message
ANCILLARY = socket.CMSG_SPACE(16)
TIMESPEC = struct.Struct("@qq")
PEAKS = np.abs(g711.decode_mulaw(np.arange(256, dtype=np.uint8)).astype(np.int32)).astype(np.uint16)
WIRE = np.dtype(
    [
        ("flags", np.uint8),
        ("payload", np.uint8),
        ("sequence", ">u2"),
        ("timestamp", ">u4"),
        ("ssrc", ">u4"),
        ("sound", np.uint8, FRAME),
    ]
)


class Running:
    """The phones' process. Stopped when left."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        order, self._report = folder / "plan.pickle", folder / "report.pickle"
        self._report.unlink(missing_ok=True)
        order.write_bytes(pickle.dumps(plan))
        self._process = subprocess.Popen(
            tied([sys.executable, "-m", "tests.bench.phones", order, self._report]),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'codecs'}"},
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        self.began_at = float(self._process.stdout.readline() or "nan")  # CLOCK_REALTIME seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    def until(self, seconds: float) -> None:
        """Sleep until so long after the phones began."""
        time.sleep(max(0.0, self.began_at + seconds - time.time()))

    def report(self) -> Report:
        """Wait for the phones to finish. Raises RuntimeError if their process failed."""
        if self._process.wait():
            raise RuntimeError(f"the phones' process ended with status {self._process.returncode}")
        report: Report = pickle.loads(self._report.read_bytes())
        return report


def run(plan: Plan, folder: Path) -> Running:
    return Running(plan, folder)


class Phones:
    """The process's inside."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sip = _socket()
        self._calls: list[Call] = []  # dialled, in the order of their numbers
        self._groups: list[set[Call]] = [set() for _ in range(GROUPS)]
        self._unanswered: set[Call] = set()  # may have to send something again
        self._by_id: dict[str, Call] = {}
        self._rtp: dict[int, socket.socket] = {}  # by number
        self._by_fd: dict[int, Call] = {}
        self._ready = select.epoll()
        self._packets: list[np.ndarray] = []
        self._late: list[float] = []
        self._waiting = sorted(range(len(plan.callers)), key=lambda n: plan.callers[n].at_s)[::-1]
        self._token = f"{os.getpid():x}{time.time_ns() & 0xFFFFFF:x}"

    def run(self) -> Report:
        alarm = _Timer(TICK_S)
        poll = select.epoll()
        poll.register(alarm.fd, select.EPOLLIN)
        poll.register(self._sip.fileno(), select.EPOLLIN)
        began, cpu = time.time(), _cpu_s()
        print(began, flush=True)
        limit, ticks = began + self._plan.limit_s, 0
        while self._waiting or self._by_id:
            ready = {fd for fd, _ in poll.poll()}
            if self._sip.fileno() in ready:
                self._signal()
            if alarm.fd not in ready:
                continue
            due = alarm.expirations()
            self._late.append(alarm.late())
            now = time.time()
            for tick in range(ticks, ticks + due):
                self._talk(self._groups[tick % GROUPS])
            ticks += due
            self._listen()
            self._dial(now - began)
            self._send_again(now)
            if now > limit:
                self._waiting.clear()
                self._hang_up(self._calls)
                limit += 5.0
                if now > began + self._plan.limit_s + 60.0:
                    break
        return self._report(time.time() - began, _cpu_s() - cpu)

    def _dial(self, since: float) -> None:
        while self._waiting and self._plan.callers[self._waiting[-1]].at_s <= since:
            number = self._waiting.pop()
            rtp = _socket()
            call = Call(
                number, self._plan, self._token, self._sip.getsockname(), rtp.getsockname()[1]
            )
            self._rtp[number], self._by_fd[rtp.fileno()] = rtp, call
            self._ready.register(rtp.fileno(), select.EPOLLIN)
            self._by_id[call.result.call_id] = call
            self._calls.append(call)
            self._unanswered.add(call)
            self._send(call.invite(time.time()))

    def _send(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self._sip.sendto(datagram, self._plan.target)

    def _signal(self) -> None:
        while True:
            try:
                data, ancillary, _, _ = self._sip.recvmsg(65536, ANCILLARY)
            except BlockingIOError:
                return
            message = Message(data)
            call = self._by_id.get(message["Call-ID"])
            if call is None:
                continue
            before = call.state
            self._send(call.receive(message, _stamp(ancillary)))
            if call.state == before:
                continue
            if call.state == "talking":
                self._groups[call.number % GROUPS].add(call)
            if call.state in ("ringing", "talking"):
                self._unanswered.discard(call)
            if call.state == "over":
                self._forget(call)

    def _send_again(self, now: float) -> None:
        for call in list(self._unanswered):
            self._send(call.timer(now))
            if call.state == "over":
                self._forget(call)

    def _forget(self, call: Call) -> None:
        self._unanswered.discard(call)
        self._groups[call.number % GROUPS].discard(call)
        del self._by_id[call.result.call_id]
        rtp = self._rtp.pop(call.number)
        self._ready.unregister(rtp.fileno())
        del self._by_fd[rtp.fileno()]
        rtp.close()

    def _hang_up(self, calls: list[Call]) -> None:
        for call in calls:
            if datagrams := call.hang_up(time.time()):
                self._groups[call.number % GROUPS].discard(call)
                self._unanswered.add(call)
                self._send(datagrams)

    def _talk(self, calls: set[Call]) -> None:
        done = []
        for call in calls:
            packet = call.beat(time.time())
            if packet is None:
                done.append(call)
            elif call.remote:
                self._rtp[call.number].sendto(packet, call.remote)
        self._hang_up(done)

    def _listen(self) -> None:
        """Take every packet that has come, of all phones at once."""
        calls, stamps, packets = [], [], []
        for fd, _ in self._ready.poll(0):
            call = self._by_fd[fd]
            rtp = self._rtp[call.number]
            with contextlib.suppress(BlockingIOError):
                while True:
                    data, ancillary, _, _ = rtp.recvmsg(WIDTH, ANCILLARY)
                    calls.append(call)
                    stamps.append(_stamp(ancillary))
                    packets.append(data if len(data) == WIDTH else data.ljust(WIDTH, b"\xff"))
        if not calls:
            return
        wire = np.frombuffer(b"".join(packets), WIRE)
        peaks = PEAKS[wire["sound"]].max(axis=1)
        payloads = wire["payload"] & 0x7F
        loud = (peaks >= LOUD) & (payloads == PCMU)
        for call, is_loud in zip(calls, loud.tolist(), strict=True):
            call.result.received += 1
            call.heard(is_loud)
        if self._plan.packets:
            kept = np.empty(len(calls), PACKET)
            kept["call"], kept["at"] = [call.number for call in calls], stamps
            kept["payload"], kept["peak"] = payloads, peaks
            for name in ("sequence", "timestamp", "ssrc"):
                kept[name] = wire[name]
            self._packets.append(kept)

    def _report(self, wall_s: float, cpu_s: float) -> Report:
        late = np.array(self._late or [0.0]) * 1e3
        results = {call.number: call.result for call in self._calls}
        never = Outcome(call_id="")
        return Report(
            calls=[results.get(number, never) for number in range(len(self._plan.callers))],
            packets=np.concatenate([*self._packets, np.empty(0, PACKET)]),
            cpu_share=cpu_s / wall_s,
            late_ms={
                "p50": float(np.percentile(late, 50)),
                "p99": float(np.percentile(late, 99)),
                "max": float(late.max()),
            },
        )


class _Timer:
    """timerfd_create(2), which Python has from 3.13 on."""

    def __init__(self, interval_s: float) -> None:
        c = ctypes.CDLL(None, use_errno=True)
        self.fd: int = c.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK)
        self._interval_ns = round(interval_s * 1e9)
        self._next_ns = time.monotonic_ns() + self._interval_ns
        times = struct.pack("@qqqq", 0, self._interval_ns, *divmod(self._next_ns, 10**9))
        if self.fd < 0 or c.timerfd_settime(self.fd, 1, times, None):  # 1: TFD_TIMER_ABSTIME
            raise OSError(ctypes.get_errno(), "timerfd")

    def expirations(self) -> int:
        (count,) = struct.unpack("@Q", os.read(self.fd, 8))
        self._next_ns += count * self._interval_ns
        return int(count)

    def late(self) -> float:
        """Seconds since the last expiration was due."""
        return (time.monotonic_ns() - self._next_ns + self._interval_ns) / 1e9


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, STAMP, 1)
    return made


def _stamp(ancillary: list[tuple[int, int, bytes]]) -> float:
    seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
    return float(seconds + nanoseconds / 1e9)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    order, report = map(Path, sys.argv[1:])
    phones = Phones(pickle.loads(order.read_bytes()))
    gc.collect()
    gc.disable()  # nothing here makes cycles, and a pause would be taken for the gateway's
    report.write_bytes(pickle.dumps(phones.run()))


if __name__ == "__main__":
    main()
