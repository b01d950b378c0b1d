"""Barge-in: from the caller's first packet of speech to the agent's last packet of sound."""

from pathlib import Path
from typing import Any

from tests.bench import assistants, phones, vendors, wire
from tests.bench.clips import clip
from tests.bench.daemon import Daemon
from tests.bench.plan import Caller, Plan, Say, Step, Until
from tests.bench.results import Figure, as_program, publish

CALLS, TIMES = 10, 8
OPEN = {"firstMessageInterruptionsEnabled": True}
CROWD, CROWD_TIMES = 100, 3


def measure(folder: Path) -> None:
    for name, measure_one in (("few", measure_few), ("crowd", measure_crowd)):
        (folder / name).mkdir()
        measure_one(folder / name)


def measure_few(folder: Path) -> None:
    assistant = assistants.embedded(assistants.LONG, assistants.LONG, **OPEN)
    with Daemon(folder) as daemon:
        _measure("barge-in", daemon, assistant, folder, CALLS, TIMES)


def measure_crowd(folder: Path) -> None:
    """Everybody among so many barges in; the embedded vendors are too dear for that."""
    with vendors.simulated(assistants.LONG, "openai", "deepgram") as made:
        env = {
            f"GATEWAY_VENDORS__{name.upper()}__{what}": value
            for name, vendor in made.items()
            for what, value in (("BASE_URL", vendor.url), ("API_KEY", "simulated"))
        }
        with Daemon(folder, env) as daemon:
            assistant = assistants.cloud(assistants.LONG, **OPEN)
            _measure(f"barge-in: {CROWD} calls", daemon, assistant, folder, CROWD, CROWD_TIMES)


def _measure(
    name: str, daemon: Daemon, assistant: dict[str, Any], folder: Path, calls: int, times: int
) -> None:
    steps: list[Step] = []
    for _ in range(times):
        steps += [Until(loud_s=1.0, within_s=15), Say(0), Until(quiet_s=0.5, within_s=10)]
    callers = tuple(Caller(2.96 * n / calls, tuple(steps)) for n in range(calls))
    clips = (clip("Stop it please, what time is it?"),)
    daemon.assign("bench", assistant)
    plan = Plan(daemon.sip, callers, user="bench", clips=clips)
    with phones.run(plan, folder) as running:
        report = running.report()
    took, deaf = [], 0
    for call, packets in zip(report.calls, wire.each_call(report), strict=True):
        stopped, not_stopped = wire.barge_ins_s(call, packets)
        took += [1e3 * seconds for seconds in stopped]
        deaf += not_stopped
    p50, p95, most = wire.percentiles(took, 50, 95, 100)
    publish(
        name,
        [
            Figure("barge-ins measured", len(took), "times"),
            Figure("first speech sent to last sound received, p50", p50),
            Figure("first speech sent to last sound received, p95", p95, most=120),
            Figure("first speech sent to last sound received, max", most),
            Figure("barge-ins that did not stop the agent", deaf, "times", 0),
        ],
    )


def test_barge_in(tmp_path: Path) -> None:
    measure_few(tmp_path)


def test_barge_in_of_a_crowd(tmp_path: Path) -> None:
    measure_crowd(tmp_path)


if __name__ == "__main__":
    as_program(measure)
