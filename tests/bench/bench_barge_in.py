"""Barge-in: from the caller's first packet of speech to the agent's last packet of sound."""

from pathlib import Path

from tests.bench import assistants, phones, wire
from tests.bench.clips import clip
from tests.bench.daemon import Daemon
from tests.bench.plan import Caller, Plan, Say, Step, Until
from tests.bench.results import Figure, as_program, publish

CALLS, TIMES = 10, 8


def measure(folder: Path) -> None:
    steps: list[Step] = []
    for _ in range(TIMES):
        steps += [Until(loud_s=1.0, within_s=15), Say(0), Until(quiet_s=0.5, within_s=10)]
    assistant = assistants.embedded(
        assistants.LONG, greeting=assistants.LONG, firstMessageInterruptionsEnabled=True
    )
    callers = tuple(Caller(0.37 * n, tuple(steps)) for n in range(CALLS))
    clips = (clip("Stop it please, what time is it?"),)
    with Daemon(folder) as daemon:
        daemon.assign("bench", assistant)
        plan = Plan(daemon.sip, callers, user="bench", clips=clips)
        with phones.run(plan, folder) as running:
            report = running.report()
    times, deaf = [], 0
    for call, packets in zip(report.calls, wire.each_call(report), strict=True):
        stopped, not_stopped = wire.barge_ins_s(call, packets)
        times += [1e3 * seconds for seconds in stopped]
        deaf += not_stopped
    p50, p95, most = wire.percentiles(times, 50, 95, 100)
    publish(
        "barge-in",
        [
            Figure("barge-ins measured", len(times), "times"),
            Figure("first speech sent to last sound received, p50", p50),
            Figure("first speech sent to last sound received, p95", p95, most=150),
            Figure("first speech sent to last sound received, max", most),
            Figure("barge-ins that did not stop the agent", deaf, "times", 0),
        ],
    )


def test_barge_in(tmp_path: Path) -> None:
    measure(tmp_path)


if __name__ == "__main__":
    as_program(measure)
