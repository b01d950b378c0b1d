"""The peers of all lines in one process and on one socket: packets out on time, packets in with the
kernel's time of arrival. ``sendmmsg`` and ``recvmmsg`` take a few hundred at once, so that the cost
is the kernel's and little more.

    python -m tests.bench.crowd FILE SECONDS PORT,PORT,...

prints its port, and leaves in FILE (npz) what came: ``at`` (s), ``sequence``, ``row`` (the SSRC is
an index of ours no more: one of the gateway's); how ``late`` (s) it was itself with each slice of
packets, and what share of a core it took, ``cpu``.
"""

import contextlib
import ctypes
import os
import resource
import socket
import sys
import time

import numpy as np

from gateway_codecs import PCMU
from tests.bench.voices import voice

HOST = "127.0.0.1"
SLICES = 20  # the peers' packets come spread over the beat
BATCH = 512
RCVBUFFORCE, SNDBUFFORCE, TIMESTAMPNS = 33, 32, 35
MESSAGE = np.dtype([  # struct mmsghdr
    ("name", "u8"), ("name_length", "u8"), ("vectors", "u8"), ("count", "u8"),
    ("control", "u8"), ("control_length", "u8"), ("flags", "u8"), ("length", "u8"),
])  # fmt: skip
libc = ctypes.CDLL(None, use_errno=True)


def places(table: np.ndarray) -> np.ndarray:
    return table.ctypes.data + table.strides[0] * np.arange(len(table), dtype=np.uint64)


def messages(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A header for each row of bytes; and what must stay in memory with them."""
    vectors = np.empty((len(data), 2), np.uint64)
    vectors[:, 0], vectors[:, 1] = places(data), data.shape[1]
    headers = np.zeros(len(data), MESSAGE)
    headers["vectors"], headers["count"] = places(vectors), 1
    return headers, vectors


class Crowd:
    def __init__(self, ports: list[int]) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for option, value in ((RCVBUFFORCE, 32 << 20), (SNDBUFFORCE, 8 << 20), (TIMESTAMPNS, 1)):
            self.sock.setsockopt(socket.SOL_SOCKET, option, value)
        self.sock.bind((HOST, 0))
        self.sock.setblocking(False)
        self.frames = PCMU.encode(voice(160 * 500, 8000)).reshape(-1, 160)
        self.packets = np.zeros((len(ports), 172), np.uint8)
        self.packets[:, 0] = 0x80
        self.packets[:, 8:12] = np.arange(len(ports)).astype(">u4").view("u1").reshape(-1, 4)
        self.targets = np.zeros((len(ports), 16), np.uint8)
        self.targets[:, 0] = socket.AF_INET
        self.targets[:, 2:4] = np.array(ports).astype(">u2").view("u1").reshape(-1, 2)
        self.targets[:, 4:8] = [127, 0, 0, 1]
        self.out, self._vectors_out = messages(self.packets)
        self.out["name"], self.out["name_length"] = places(self.targets), 16
        self.data, self.control = np.zeros((BATCH, 12), np.uint8), np.zeros((BATCH, 8), np.int64)
        self.into, self._vectors_in = messages(self.data)
        self.into["control"] = places(self.control)
        self.kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.late: list[float] = []

    def speak(self, n: int, first: int, last: int) -> None:
        """Frame ``n`` of the rows from ``first`` to before ``last``."""
        its = self.packets[first:last]
        its[:, 2:4] = np.frombuffer((n % 65536).to_bytes(2, "big"), "u1")
        its[:, 4:8] = np.frombuffer((160 * n).to_bytes(4, "big"), "u1")
        its[:, 12:] = self.frames[n % len(self.frames)]
        while first < last:
            at = ctypes.c_void_p(self.out[first:].ctypes.data)
            sent = libc.sendmmsg(self.sock.fileno(), at, last - first, 0)
            if sent <= 0:
                raise OSError(ctypes.get_errno(), "sendmmsg")
            first += sent

    def hear(self) -> None:
        while True:
            self.into["control_length"] = 64
            at = ctypes.c_void_p(self.into.ctypes.data)
            got = libc.recvmmsg(self.sock.fileno(), at, BATCH, 0, None)
            if got <= 0:
                return
            arrived = self.control[:got, 2] + self.control[:got, 3] / 1e9
            sequence = np.ascontiguousarray(self.data[:got, 2:4]).view(">u2")[:, 0]
            ssrc = np.ascontiguousarray(self.data[:got, 8:12]).view(">u4")[:, 0]
            self.kept.append((arrived, sequence.astype("i8"), ssrc.astype("i8")))
            if got < BATCH:
                return

    def run(self, seconds: float) -> None:
        bounds = np.linspace(0, len(self.packets), SLICES + 1).astype(int).tolist()
        begin = time.monotonic() + 0.02
        for n in range(int(seconds * 50)):
            for part in range(SLICES):
                due = begin + (n + part / SLICES) / 50
                if (left := due - time.monotonic()) > 0:
                    time.sleep(left)
                self.late.append(time.monotonic() - due)
                self.speak(n, bounds[part], bounds[part + 1])
                self.hear()
        time.sleep(0.05)
        self.hear()


def main() -> None:
    file, seconds, ports = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    crowd = Crowd([int(port) for port in ports.split(",")])
    print(crowd.sock.getsockname()[1], flush=True)
    sys.stdin.readline()  # all lines are live
    with contextlib.suppress(
        PermissionError
    ):  # what comes late must be late by the gateway's fault
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    crowd.run(seconds)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    at, sequence, row = (np.concatenate(its) for its in zip(*crowd.kept, strict=True))
    np.savez(file, at=at, sequence=sequence, row=row, late=np.array(crowd.late),
             cpu=spent / (time.monotonic() - began))  # fmt: skip


if __name__ == "__main__":
    main()
