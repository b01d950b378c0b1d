"""Churn: 1,000 short calls. What the gateway holds before and after.

The warm-up before them is longer than there are lines, which are taken in turn and bring their
memory at their first call; and long enough for heaps and the pool of database connections to
have found their size.
"""

import time
from collections import defaultdict
from pathlib import Path

from tests.bench import phones
from tests.bench.daemon import Daemon, Process
from tests.bench.plan import Caller, Plan, Wait
from tests.bench.results import Figure, as_program, publish

WARM_UP, CALLS, RATE, TALK_S = 1200, 1000, 25, 1.0
SETTLE_S = 40.0  # transactions linger for 32 s (RFC 3261 timers H and J), ports for 2


def measure(folder: Path) -> None:
    with Daemon(folder) as daemon:
        _call(daemon, folder, WARM_UP)
        time.sleep(SETTLE_S)
        before, held_before = daemon.processes(), _held(daemon)
        failed = _call(daemon, folder, CALLS)
        time.sleep(SETTLE_S)
        after, held_after = daemon.processes(), _held(daemon)
    figures = [Figure("calls that failed", failed, "calls", 0)]
    figures += _growth(before, after)
    figures += [
        Figure(name, abs(held_after[name] - held_before.get(name, 0.0)), "off", 0)
        for name in held_after
    ]
    figures.append(Figure("exit status of the gateway", float(daemon.status or 0), "", 0))
    publish(f"churn: {CALLS} calls at {RATE}/s", figures)


def _call(daemon: Daemon, folder: Path, count: int) -> int:
    """How many of these calls went wrong."""
    callers = tuple(Caller(n / RATE, (Wait(TALK_S),)) for n in range(count))
    plan = Plan(daemon.sip, callers, packets=False)
    with phones.run(plan, folder) as running:
        report = running.report()
    return sum(not (call.bye_status == 200 and call.received) for call in report.calls)


def _held(daemon: Daemon) -> dict[str, float]:
    """Gauges of what is in use, and of what is free."""
    wanted = ("trunkline_calls_live", "trunkline_lines_free", "trunkline_agent_calls",
              "trunkline_store_waiting_records")  # fmt: skip
    samples = daemon.metrics().items()
    return {name: value for name, value in samples if name.partition("{")[0] in wanted}


def _growth(before: list[Process], after: list[Process]) -> list[Figure]:
    figures = []
    old, new = _by_role(before), _by_role(after)
    for role, was in old.items():
        now = new[role]
        figures += [
            Figure(f"{role}: processes", len(now) - len(was), "more", 0),
            Figure(f"{role}: descriptors", _sum(now, "descriptors", was), "more", 0),
            Figure(f"{role}: threads", _sum(now, "threads", was), "more", 0),
            Figure(f"{role}: own memory per call", _sum(now, "own_kib", was) / CALLS, "KiB", 1),
            Figure(f"{role}: shared memory", _sum(now, "shared_kib", was), "KiB more"),
            Figure(f"{role}: own memory at the end", sum(p.own_kib for p in now) / 1024, "MiB"),
        ]
    return figures


def _sum(now: list[Process], what: str, was: list[Process]) -> int:
    return sum(getattr(p, what) for p in now) - sum(getattr(p, what) for p in was)


def _by_role(processes: list[Process]) -> dict[str, list[Process]]:
    roles = defaultdict(list)
    for process in processes:
        roles[process.role].append(process)
    return roles


def test_churn(tmp_path: Path) -> None:
    measure(tmp_path)


if __name__ == "__main__":
    as_program(measure)
