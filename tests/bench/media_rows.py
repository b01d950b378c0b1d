"""What the media process carries: packets' timing on the wire, losses and CPU, for N lines.

    PYTHONPATH=codecs python -m tests.bench.media_rows --rows 200 --burn 2

Every line hears a voice and speaks without a pause. A process of its own plays all the peers on one
socket; arrival times are the kernel's, so how busy that process is does not count.
"""

import argparse
import asyncio
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from gateway.media.lines import FRAME, QUEUE, Lines, Writer
from gateway.media.plane import Plane
from gateway.media.settings import MediaSettings, RtpSettings

HOST = "127.0.0.1"
SLICES = 10  # the peers' packets come spread over the beat
TIMESTAMPNS = 35  # SO_TIMESTAMPNS; its message carries a struct timespec
RCVBUFFORCE = 33


def voice(samples: int, rate: int) -> np.ndarray:
    t = np.arange(samples) / rate
    sound = sum(np.sin(2 * np.pi * 130 * k * t + k) / k for k in range(1, 20))
    return np.rint(4000 * (0.6 + 0.4 * np.sin(25 * t)) * np.asarray(sound)).astype(np.int16)


def peers(ports: list[int], seconds: float, file: str) -> None:
    """All peers: send to each port fifty times a second, keep who sent what when."""
    from gateway_codecs import PCMU

    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 32 << 20)
    sock.setsockopt(socket.SOL_SOCKET, TIMESTAMPNS, 1)
    sock.bind((HOST, 0))
    sock.setblocking(False)
    print(sock.getsockname()[1], flush=True)
    frames = PCMU.encode(voice(160 * 500, 8000)).reshape(-1, 160)
    targets = [(HOST, port) for port in ports]
    kept: list[tuple[float, int, int]] = []
    begin = time.monotonic()
    for n in range(int(seconds * 50)):
        body = frames[n % len(frames)].tobytes()
        for part in range(SLICES):
            for row in range(part, len(targets), SLICES):
                head = struct.pack(">BBHII", 0x80, 0, n % 65536, 160 * n, row)
                sock.sendto(head + body, targets[row])
            until = begin + (n + (part + 1) / SLICES) / 50
            while True:
                try:
                    octets, extra, _, _ = sock.recvmsg(16, 64)
                except BlockingIOError:
                    if (left := until - time.monotonic()) <= 0:
                        break
                    time.sleep(min(left, 0.001))
                    continue
                whole, nanos = struct.unpack("@ll", extra[0][2])
                sequence, ssrc = struct.unpack(">2xH4xI", octets[:12])
                kept.append((whole + nanos / 1e9, sequence, ssrc))
    np.save(file, np.array(kept, "f8"))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def bench(rows: int, seconds: float, burn: int, realtime: bool) -> None:
    plane = Plane(
        MediaSettings(capacity=rows, realtime=realtime), RtpSettings(ports="20000-29999"), []
    )
    await plane.start()
    lines = [plane.take(0, HOST) for _ in range(rows)]
    file = f"/dev/shm/media_rows.{os.getpid()}.npy"
    load = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.media_rows", "--peers", file, "--seconds", str(seconds),
         "--ports", ",".join(str(line.port) for line in lines)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert load.stdout
    port = int(load.stdout.readline())
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(burn)]
    agent = Lines(plane.lines.fd, rows, Writer.AGENT)
    agent["queue"][:] = voice(QUEUE * FRAME, 16_000).reshape(QUEUE, FRAME)
    agent["written"][:] = 1 << 40  # the queue's ring is said over and over
    for line in lines:
        line.agree(host=HOST, port=port, codec=0, payload_out=0, payload_in=0, digits_out=101,
                   digits_in=101, speaks=True, hears=True)  # fmt: skip
    pid = plane.pids["media"] or 0
    cpu, began, beats = cpu_s(pid), time.monotonic(), int(plane.lines["beats"][0])
    await asyncio.to_thread(load.wait)
    share = 100 * (cpu_s(pid) - cpu) / (time.monotonic() - began)
    received = int(plane.lines["received"].sum())
    unheard = int(plane.lines["lost"].sum() + plane.lines["late"].sum())
    late, missed = int(plane.lines["beats_late"][0]), int(plane.lines["beats_missed"][0])
    beats = int(plane.lines["beats"][0]) - beats
    for burner in burners:
        burner.kill()
        burner.wait()
    await plane.close()
    kept = np.load(file)
    Path(file).unlink()
    report(kept)
    print(f"  in: {received} packets, {unheard} lost or late")
    print(f"  beats: {beats}, {late} late, {missed} missed; media: {share:.0f} % of a core")


def report(kept: np.ndarray) -> None:
    interval, off_beat, lost = [], [], 0
    for ssrc in np.unique(kept[:, 2]):
        its = kept[kept[:, 2] == ssrc]
        at, sequence = its[50:, 0], np.unwrap(its[50:, 1], period=65536)
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
    parser.add_argument("--peers", help=argparse.SUPPRESS)
    parser.add_argument("--ports", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peers:
        peers([int(port) for port in given.ports.split(",")], given.seconds, given.peers)
        return
    realtime = not given.no_realtime
    print(f"{given.rows} lines, {given.burn} burning, real-time {'on' if realtime else 'off'}")
    asyncio.run(bench(given.rows, given.seconds, given.burn, realtime))


if __name__ == "__main__":
    main()
