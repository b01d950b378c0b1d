"""Setting up: 20 calls a second for 15 s, INVITE to 200 as the caller's kernel sees it."""

from pathlib import Path

from tests.bench import phones, wire
from tests.bench.daemon import Daemon
from tests.bench.plan import Caller, Plan, Wait
from tests.bench.results import Figure, as_program, publish

RATE, SECONDS, TALK_S = 20, 15, 2.0


def measure(folder: Path) -> None:
    callers = tuple(Caller(n / RATE, (Wait(TALK_S),)) for n in range(RATE * SECONDS))
    with Daemon(folder) as daemon:
        plan = Plan(daemon.sip, callers, limit_s=60, packets=False)
        with phones.run(plan, folder) as running:
            report = running.report()
    answered = [c for c in report.calls if c.status == 200]
    took = [1000 * (call.answered_at - call.invited_at) for call in answered]
    p50, p99, most = wire.percentiles(took, 50, 99, 100)
    publish(
        "set-up: 20 calls/s for 15 s",
        [
            Figure("INVITE to 200, p50", p50),
            Figure("INVITE to 200, p99", p99, most=20),
            Figure("INVITE to 200, max", most),
            Figure("calls not answered", len(callers) - len(answered), "calls", 0),
            Figure("requests sent again", sum(c.retransmitted for c in report.calls), "", 0),
        ],
    )


def test_setup(tmp_path: Path) -> None:
    measure(tmp_path)


if __name__ == "__main__":
    as_program(measure)
