"""What the media process carries: packets' timing on the wire, losses and CPU, for N lines.

    PYTHONPATH=codecs python -m tests.bench.media_rows --rows 200 --burn 2

Every line hears a voice and speaks without a pause. A process of its own plays all the peers on one
socket (``crowd``); arrival times are the kernel's, so how busy that process is does not count.
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gateway.media.lines import FRAME, QUEUE, Lines, Writer
from gateway.media.plane import Plane
from gateway.media.settings import MediaSettings, RtpSettings
from tests.bench.voices import voice

HOST = "127.0.0.1"


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def bench(rows: int, seconds: float, burn: int, realtime: bool, io: Any) -> None:
    plane = Plane(
        MediaSettings(capacity=rows, realtime=realtime, io=io, budget=1),
        RtpSettings(ports="20000-29999"),
        [],
    )
    await plane.start()
    lines = [plane.take(0, HOST) for _ in range(rows)]
    file = f"/dev/shm/media_rows.{os.getpid()}.npz"
    crowd = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.crowd", file, str(seconds),
         ",".join(str(line.port) for line in lines)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert crowd.stdin
    assert crowd.stdout
    port = int(crowd.stdout.readline())
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(burn)]
    agent = Lines(plane.lines.fd, rows, Writer.AGENT)
    agent["queue"][:] = voice(QUEUE * FRAME, 16_000).reshape(QUEUE, FRAME)
    agent["written"][:] = 1 << 40  # the queue's ring is said over and over
    for line in lines:
        line.agree(host=HOST, port=port, codec=0, payload_out=0, payload_in=0, digits_out=101,
                   digits_in=101, speaks=True, hears=True)  # fmt: skip
    while (plane.lines["applied"][: len(lines)] != plane.lines["settings"][: len(lines)]).any():
        await asyncio.sleep(0.02)
    pid = plane.pids["media"] or 0
    if realtime:  # another gateway on this machine must not come between
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(20))
    figures = plane.lines
    cpu, began, before = cpu_s(pid), time.monotonic(), counts(figures)
    crowd.stdin.write("go\n")
    crowd.stdin.flush()
    await asyncio.to_thread(crowd.wait)
    share = 100 * (cpu_s(pid) - cpu) / (time.monotonic() - began)
    received, unheard, beats, late, missed = (
        now - then for now, then in zip(counts(figures), before, strict=True)
    )
    for burner in burners:
        burner.kill()
        burner.wait()
    await plane.close()
    kept = np.load(file)
    Path(file).unlink()
    report(kept)
    sent = rows * int(seconds * 50)
    print(f"  in: {received} of {sent} packets, {unheard} lost or late")
    print(f"  beats: {beats}, {late} late, {missed} missed; media: {share:.0f} % of a core, "
          f"{share / rows:.3f} % a row")  # fmt: skip
    p50, p99 = 1000 * np.percentile(kept["late"], [50, 99])
    print(f"  the peers: {100 * kept['cpu']:.0f} % of a core, late by p50 {p50:.2f}  p99 {p99:.2f}"
          f"  max {1000 * kept['late'].max():.1f} ms")  # fmt: skip


def counts(lines: Lines) -> tuple[int, ...]:
    """Packets received, lost or late; beats, late, missed."""
    return (
        int(lines["received"].sum()),
        int(lines["lost"].sum() + lines["late"].sum()),
        *(int(lines[name][0]) for name in ("beats", "beats_late", "beats_missed")),
    )


def report(kept: Mapping[str, np.ndarray]) -> None:
    interval, off_beat, lost = [], [], 0
    order = np.lexsort((kept["at"], kept["row"]))
    row = kept["row"][order]
    for its in np.split(order, np.flatnonzero(np.diff(row)) + 1):
        at, sequence = kept["at"][its][50:], np.unwrap(kept["sequence"][its][50:], period=65536)
        lost += int((np.diff(sequence) - 1).sum())
        interval.append(np.abs(np.diff(at) - 0.02 * np.diff(sequence)))
        phase = at - 0.02 * sequence
        off_beat.append(np.abs(phase - np.median(phase)))
    for name, errors in (("interval error", interval), ("off its beat", off_beat)):
        every = 1000 * np.concatenate(errors)
        p50, p99, p999 = np.percentile(every, [50, 99, 99.9])
        print(f"  {name}: p50 {p50:.2f}  p99 {p99:.2f}  p99.9 {p999:.2f}  max {every.max():.2f} ms"
              f"  ({len(every)} packets)")  # fmt: skip
    print(f"  out: {lost} lost")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--burn", type=int, default=0, help="processes that burn a core each")
    parser.add_argument("--no-realtime", action="store_true")
    parser.add_argument("--io", choices=["auto", "loop"], default="auto")
    given = parser.parse_args()
    realtime = not given.no_realtime
    print(f"{given.rows} lines, {given.burn} burning, real-time {'on' if realtime else 'off'}")
    asyncio.run(bench(given.rows, given.seconds, given.burn, realtime, given.io))


if __name__ == "__main__":
    main()
