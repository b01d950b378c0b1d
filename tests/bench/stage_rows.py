"""What each stage of the beat costs, and how that grows with the rows: PCMU both ways, with VAD.

    PYTHONPATH=.:codecs python -m tests.bench.stage_rows --rows 100 200 400 800 1600

Before and after, the same rows are carried by one thread of C (``ceiling``), if there is a
compiler: the ratio of the two says more than microseconds, which other work makes longer.

Real sockets on the loopback, but no clock: the beats follow each other, and only the CPU time of
this thread counts, of the median beat, so that other work on the machine disturbs them little.
Every line hears a voice and speaks without a pause. Feeding the sockets is not counted.
"""

import argparse
import os
import resource
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gateway.media.beat import Beat, Tuning
from gateway.media.guard import Guard
from gateway.media.line import Line
from gateway.media.lines import FRAME, QUEUE, Lines, Writer
from gateway.media.process import keep_memory, way
from gateway.media.sockets import Sockets
from gateway_codecs import PCMU
from tests.bench.ceiling import ceiling
from tests.bench.voices import voice

HOST = "127.0.0.1"
RCVBUFFORCE = 33
STAGES = [  # object of the beat, its method, what that is; stages lie side by side
    ("sockets", "receive", "receive"),
    ("beat", "_receive", "parse, sort in"),
    ("beat._inward", "run", "pull, decode"),
    ("beat._ears", "listen", "voice detection"),
    ("beat", "_find_keys", "keys in the sound"),
    ("beat._voice", "next", "the agent's voice"),
    ("beat._outward", "run", "encode"),
    ("beat._packing", "pack", "headers"),
    ("sockets", "send", "send"),
    ("beat.reports", "run", "RTCP"),
]


class Owner:
    def __init__(self, lines: Lines) -> None:
        self.lines = lines


def resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


class Rig:
    """``rows`` live lines with sockets, and one socket that is all their peers."""

    def __init__(self, rows: int, io: str) -> None:
        self.spent: dict[str, float] = defaultdict(float)  # in this beat
        self.beats: list[dict[str, float]] = []
        main = self._main = Lines.make(rows)
        media, agent = (Lines(main.fd, rows, who) for who in (Writer.MEDIA, Writer.AGENT))
        before = resident_kib()
        agent["queue"][:] = voice(QUEUE * FRAME, 16_000).reshape(QUEUE, FRAME)
        agent["written"][:] = 1 << 40
        self._peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._peer.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 64 << 20)
        self._peer.bind((HOST, 0))
        self._peer.setblocking(False)
        self.beat = Beat(media, Tuning())
        self.sockets = Sockets(rows, Guard(media), way(rows, io)[0])
        self._ports = []
        for row in range(rows):
            main.clear(row)
            Line(Owner(main), row, 20_000, HOST).agree(  # type: ignore[arg-type]
                host=HOST, port=self._peer.getsockname()[1], codec=0, payload_out=0, payload_in=0,
                digits_out=101, digits_in=101, speaks=True, hears=True,
            )  # fmt: skip
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            sock.bind((HOST, 0))
            self._ports.append((HOST, sock.getsockname()[1]))
            self.sockets.add(row, sock.detach())
        for row in self.beat.changed():
            self.beat.settle(row)
        for name, method, what in STAGES:
            self._time(name, method, what)
        self._frames = PCMU.encode(voice(160 * 500, 8000)).reshape(-1, 160)
        for n in range(150):
            self.one(n)
        self.kib = (resident_kib() - before) / rows
        self.beats.clear()

    def _time(self, name: str, method: str, what: str) -> None:
        owner: Any = self
        for part in name.split("."):
            owner = getattr(owner, part)
        run: Callable[..., Any] = getattr(owner, method)

        def timed(*args: Any) -> Any:
            began = time.thread_time()
            result = run(*args)
            self.spent[what] += time.thread_time() - began
            return result

        setattr(owner, method, timed)

    def one(self, n: int) -> None:
        body = self._frames[n % len(self._frames)].tobytes()
        for row, target in enumerate(self._ports):
            head = struct.pack(">BBHII", 0x80, 0, n % 65536, 160 * n, row)
            self._peer.sendto(head + body, target)
        began = time.thread_time()
        outgoing = self.beat.run(self.sockets.receive(), 0.02 * n)
        refused = self.sockets.send(outgoing)
        self.beat.reports.run(self.beat.rows, self.sockets.control, 0.02 * n)
        self.spent["whole"] += time.thread_time() - began
        self.beats.append(dict(self.spent))
        self.spent.clear()
        assert not len(refused)
        while True:
            try:
                self._peer.recv(1)
            except BlockingIOError:
                return

    def close(self) -> None:
        self.sockets.close()
        self._peer.close()


def measure(rows: int, beats: int, io: str) -> tuple[dict[str, float], float]:
    """µs a row and beat, by stage; KiB a row."""
    rig = Rig(rows, io)
    for n in range(150, 150 + beats):
        rig.one(n)
    rig.close()
    spent = {
        what: 1e6 * float(np.median([beat.get(what, 0.0) for beat in rig.beats])) / rows
        for what in rig.beats[0]
    }
    spent["else"] = 2 * spent["whole"] - sum(spent.values())
    return spent, rig.kib


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 200, 400, 800, 1600])
    parser.add_argument("--beats", type=int, default=60)
    parser.add_argument("--io", choices=["auto", "loop"], default="auto")
    given = parser.parse_args()
    keep_memory()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    speech = PCMU.encode(voice(160 * 500, 8000)).reshape(-1, 160)
    results, ceilings = [], []
    for rows in given.rows:
        before = ceiling(rows, given.beats, speech)
        results.append(measure(rows, given.beats, given.io))
        after = ceiling(rows, given.beats, speech)
        if before and after:
            ceilings.append({what: (before[what] + after[what]) / 2 for what in before})
    print("µs a row and beat" + "".join(f"{rows:8}" for rows in given.rows))
    for what in [*(what for _, _, what in STAGES), "else", "whole"]:
        print(f"{what:17}" + "".join(f"{spent.get(what, 0):8.2f}" for spent, _ in results))
    print("% of a core a row" + "".join(f"{s['whole'] / 200:8.4f}" for s, _ in results))
    if ceilings:
        for what in ceilings[0]:
            print(f"in C: {what:11}" + "".join(f"{its[what]:8.2f}" for its in ceilings))
        ratios = [
            ours["whole"] / its["whole"] for (ours, _), its in zip(results, ceilings, strict=True)
        ]
        print("ratio to C       " + "".join(f"{ratio:8.2f}" for ratio in ratios))
    print("KiB a row        " + "".join(f"{kib:8.0f}" for _, kib in results))


if __name__ == "__main__":
    main()
