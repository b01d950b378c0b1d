"""SIP alone: calls per second of one core, set-up time, and what an open dialog costs.

The endpoint (``answerer``) has one core, who calls it (``dialler``) the other.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.dialler import Order, Tally
from tests.bench.results import Figure, as_program, publish

ROOT = Path(__file__).parents[2]
ENV = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'codecs'}"}
CORES = sorted(os.sched_getaffinity(0))
RATE, SECONDS = 800, 10  # the goal
CALM_RATE = 200
DIALOGS, DIALOGS_RATE = 10_000, 400
LINGER_S = 35.0  # a transaction stays for 32 s after its answer (RFC 3261 timers J, H)


class Answerer:
    """The endpoint's process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        assert process.stdout
        self.port = int(process.stdout.readline())

    @property
    def pid(self) -> int:
        return self._process.pid

    def holds(self) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        held: dict[str, Any] = json.loads(self._process.stdout.readline())
        return held


def favour(pid: int, *cores: int) -> None:
    """Precedence over whatever else runs, if that is allowed: the machine's other business is not
    what is measured."""
    os.sched_setaffinity(pid, cores or CORES)
    with suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))


@contextmanager
def answerer(folder: Path) -> Iterator[Answerer]:
    command = [sys.executable, "-m", "tests.bench.answerer"]
    with (
        (folder / "answerer.err").open("ab") as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=ROOT, env=ENV
        ) as process,
    ):
        favour(process.pid, CORES[0])
        try:
            yield Answerer(process)
        finally:
            process.kill()


def dial(order: Order) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.bench.dialler", json.dumps(asdict(order))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=ENV)
    favour(process.pid, CORES[-1])
    assert process.stdout
    process.stdout.readline()  # it has begun
    return process


def tally(process: "subprocess.Popen[bytes]") -> Tally:
    said, _ = process.communicate(timeout=300)
    return Tally(**json.loads(said))


def calls(peer: Answerer, count: int, rate: float, hold_s: float = 0.0) -> Tally:
    return tally(dial(Order(peer.port, count, rate, hold_s)))


def failures(found: Tally, count: int) -> list[Figure]:
    return [
        Figure("calls that failed", count - found.completed, "calls", 0),
        Figure("requests sent again", found.again, "", 0),
        Figure("how late the dialler was, at most", found.late_ms),
    ]


def setup(found: Tally, most: float | None) -> list[Figure]:
    p50, p99 = np.percentile(found.setup_ms or [np.inf], [50, 99])
    return [
        Figure("INVITE to 200, p50", float(p50)),
        Figure("INVITE to 200, p99", float(p99), most=most),
    ]


def measure_rate(folder: Path) -> None:
    with answerer(folder) as peer:
        calls(peer, 500, 200)  # warm
        before = peer.holds()["cpu_s"]
        found = calls(peer, RATE * SECONDS, RATE)
        cpu = peer.holds()["cpu_s"] - before
    publish(
        f"SIP: {RATE} calls/s for {SECONDS} s, from INVITE to the 200 of BYE",
        [
            *failures(found, RATE * SECONDS),
            *setup(found, None),
            Figure("share of a core", 100 * cpu / found.took_s, "%", 100),
            Figure("calls per second of a core's time", RATE * SECONDS / cpu, "calls/s"),
        ],
    )


def measure_calm(folder: Path) -> None:
    count = CALM_RATE * SECONDS
    with answerer(folder) as peer:
        calls(peer, 500, 200)
        found = calls(peer, count, CALM_RATE)
    publish(f"SIP: {CALM_RATE} calls/s", [*failures(found, count), *setup(found, 10)])


def measure_dialogs(folder: Path) -> None:
    placed_s = DIALOGS / DIALOGS_RATE
    with answerer(folder) as peer:
        calls(peer, 500, 200)
        time.sleep(LINGER_S)
        before = peer.holds()
        process = dial(Order(peer.port, DIALOGS, DIALOGS_RATE, placed_s + LINGER_S + 3))
        time.sleep(placed_s + LINGER_S)
        idle = peer.holds()
        found = tally(process)
        time.sleep(LINGER_S)
        after = peer.holds()
    each = (idle["own_kib"] - before["own_kib"]) / max(1, idle["dialogs"])
    publish(
        f"SIP: {DIALOGS} dialogs at once",
        [
            *failures(found, DIALOGS),
            *setup(found, None),
            Figure("dialogs that were not open", DIALOGS - idle["dialogs"], "dialogs", 0),
            Figure("transactions beside the idle dialogs", idle["transactions"], "", 0),
            Figure("memory of an idle dialog", each, "KiB", 30),
            Figure("dialogs left after all have ended", after["dialogs"], "dialogs", 0),
            Figure("transactions left", after["transactions"], "", 0),
        ],
    )


def test_rate(tmp_path: Path) -> None:
    measure_rate(tmp_path)


def test_setup_at_a_calm_rate(tmp_path: Path) -> None:
    measure_calm(tmp_path)


def test_dialogs(tmp_path: Path) -> None:
    measure_dialogs(tmp_path)


def measure(folder: Path) -> None:
    measure_rate(folder)
    measure_calm(folder)
    measure_dialogs(folder)


if __name__ == "__main__":
    as_program(measure)
