"""A flood of 20,000 junk packets a second beside 100 calls: their set-up, and their sound.

The same calls are made without the flood first.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.bench import phones, wire
from tests.bench.bench_sip_rate import ENV, ROOT, favour
from tests.bench.daemon import Daemon
from tests.bench.plan import Caller, Plan, Report, Say
from tests.bench.results import Figure, as_program, publish

CALLS, RATE, TALK_S = 100, 10, 12.0
FLOOD_RATE, FLOOD_S = 20_000, CALLS / RATE + TALK_S
CLIP = (np.arange(int(TALK_S * 8000)) % 90 + 0x10).astype(np.uint8).tobytes()  # loud µ-law


def call(daemon: Daemon, folder: Path) -> Report:
    callers = tuple(Caller(n / RATE, (Say(0),)) for n in range(CALLS))
    plan = Plan(daemon.sip, callers, user="echo", clips=(CLIP,), limit_s=60)
    with phones.run(plan, folder) as running:
        return running.report()


def figures(report: Report, name: str, *, goals: bool) -> list[Figure]:
    answered = [one for one in report.calls if one.status == 200]
    took = [1000 * (one.answered_at - one.invited_at) for one in answered] or [np.inf]
    each = wire.each_call(report)
    errors = np.abs(np.concatenate([wire.grid_errors_s(packets) for packets in each]))
    gone = sum(wire.lost(packets) for packets in each)
    setup = float(np.percentile(took, 99))
    cut = sum(one.ended_by != "phone" for one in report.calls)
    return [
        Figure(f"{name}: INVITE to 200, p99", setup, most=50 if goals else None),
        Figure(f"{name}: calls not answered", CALLS - len(answered), "calls", 0),
        Figure(f"{name}: calls cut", cut, "calls", 0),
        Figure(f"{name}: packets against their grid, p99", 1000 * float(np.percentile(errors, 99)),
               most=5 if goals else None),
        Figure(f"{name}: packets lost", gone, "packets", 0),
    ]  # fmt: skip


def measure(folder: Path) -> None:
    with Daemon(folder) as daemon:
        favour(daemon.pid)
        calm = call(daemon, folder)
        command = [sys.executable, "-m", "tests.bench.flood", daemon.sip[1], FLOOD_RATE, FLOOD_S]
        with subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, cwd=ROOT, env=ENV
        ) as flooding:
            assert flooding.stdout
            flooding.stdout.readline()
            before = {p.role: p.cpu_s for p in daemon.processes()}["main"]
            flooded = call(daemon, folder)
            sent = int(flooding.stdout.readline())
            cpu = {p.role: p.cpu_s for p in daemon.processes()}["main"] - before
    publish(
        f"a flood of junk beside {CALLS} calls",
        [
            Figure("junk packets a second", sent / FLOOD_S, "packets"),
            Figure("main process's share of a core", 100 * cpu / FLOOD_S, "%"),
            *figures(calm, "calm", goals=False),
            *figures(flooded, "flooded", goals=True),
        ],
    )


def test_flood(tmp_path: Path) -> None:
    measure(tmp_path)


if __name__ == "__main__":
    as_program(measure)
