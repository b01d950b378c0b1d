"""Sound: 200 calls to the demo at once, in which callers speak now and then. Every packet against
its own call's 20 ms grid; then the same while the agent processes stand still 30 ms in every 100.
"""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np

from tests.bench import phones, wire
from tests.bench.clips import clip
from tests.bench.daemon import Daemon
from tests.bench.plan import Caller, Plan, Report, Say, Step, Wait
from tests.bench.results import Figure, as_program, publish

CALLS, RATE = 200, 20
SETTLE_S, WINDOW_S = 5.0, 20.0
STOP_S, EVERY_S = 0.030, 0.100
QUESTION = "What time is it?"


def measure(folder: Path) -> None:
    callers = tuple(Caller(n / RATE, _steps(n)) for n in range(CALLS))
    first = CALLS / RATE + SETTLE_S
    second = first + WINDOW_S + SETTLE_S
    with Daemon(folder) as daemon:
        plan = Plan(daemon.sip, callers, clips=(clip(QUESTION),), limit_s=second + WINDOW_S + 5)
        with phones.run(plan, folder) as running:
            running.until(first)
            before, cpu = _cpu(daemon), time.monotonic()
            running.until(first + WINDOW_S)
            shares = _shares(before, _cpu(daemon), time.monotonic() - cpu)
            running.until(second)
            stops = _stop_and_go(daemon.pids("agent"), WINDOW_S)
            report = running.report()
        missed = daemon.metrics()['trunkline_beats_missed_total{process="0"}']
    shares.append(Figure("phones, share of a core", 100 * report.cpu_share, "%"))
    shares.append(Figure("beats missed, as the gateway counts", missed, "beats"))
    began = running.began_at
    plain = _pacing(report, began + first, began + first + WINDOW_S)
    stopped = _pacing(report, began + second, began + second + WINDOW_S)
    publish(f"sound: {CALLS} calls", plain + shares)
    publish(f"sound: {CALLS} calls, agents stopped {stops} times for 30 ms in 100", stopped)


def _steps(number: int) -> tuple[Step, ...]:
    """A question every 15 s, callers evenly spread."""
    steps: list[Step] = [Wait(4 + number / CALLS * 11)]
    for _ in range(4):
        steps += [Say(0), Wait(14)]
    return tuple(steps)


def _stop_and_go(pids: list[int], seconds: float) -> int:
    """SIGSTOP and SIGCONT, from a thread whose own lateness cannot lengthen the stop by much."""
    over, stops = threading.Event(), 0
    threading.Timer(seconds, over.set).start()
    try:
        while not over.wait(EVERY_S - STOP_S):
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(STOP_S)
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            stops += 1
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    return stops


def _pacing(report: Report, since: float, until: float) -> list[Figure]:
    inside = report.packets[(report.packets["at"] >= since) & (report.packets["at"] < until)]
    cut = Report(report.calls, inside, 0.0, {})
    calls = [packets for packets in wire.each_call(cut) if len(packets)]
    errors = np.abs(np.concatenate([wire.grid_errors_s(packets) for packets in calls])) * 1e3
    p50, p99, p999, most = wire.percentiles(errors, 50, 99, 99.9, 100)
    due = len(calls) * round((until - since) / 0.02)
    return [
        Figure("packet's distance from its beat, p50", p50),
        Figure("packet's distance from its beat, p99", p99, most=5),
        Figure("packet's distance from its beat, p99.9", p999),
        Figure("packet's distance from its beat, max", most),
        Figure("packets lost", sum(map(wire.lost, calls)), "packets", 0),
        Figure("packets received, of those due", 100 * len(inside) / due, "%"),
        Figure("calls without sound", len(report.calls) - len(calls), "calls", 0),
        Figure("packets of sound, not silence", 100 * float((inside["peak"] > 256).mean()), "%"),
    ]


def _cpu(daemon: Daemon) -> dict[int, tuple[str, float]]:
    return {process.pid: (process.role, process.cpu_s) for process in daemon.processes()}


def _shares(
    before: dict[int, tuple[str, float]], after: dict[int, tuple[str, float]], wall_s: float
) -> list[Figure]:
    return [
        Figure(
            f"{role}, share of a core", 100 * (cpu - before.get(pid, ("", 0.0))[1]) / wall_s, "%"
        )
        for pid, (role, cpu) in after.items()
    ]


def test_sound(tmp_path: Path) -> None:
    measure(tmp_path)


if __name__ == "__main__":
    as_program(measure)
