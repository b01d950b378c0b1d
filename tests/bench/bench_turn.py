"""A turn: from the caller's last packet of speech to the agent's first packet of sound, on the
wire; less the set wait and what the vendors took, it is the gateway's own share. The gateway's own
account of each turn is laid beside it.
"""

from pathlib import Path
from typing import Any

from gateway.agent.timings import OWN, SET, VENDORS
from tests.bench import assistants, phones, vendors, wire
from tests.bench.clips import clip
from tests.bench.daemon import Daemon
from tests.bench.plan import Caller, Plan, Report, Say, Step, Until
from tests.bench.results import Figure, as_program, publish

CALLS, TURNS = 8, 8
CROWD, CROWD_TURNS = 100, 4
DONE = Until(loud_s=0.3, quiet_s=1.0, within_s=15.0)


def measure(folder: Path) -> None:
    for name, measure_one in (
        ("embedded", measure_embedded),
        ("cloud", measure_cloud),
        ("crowd", measure_crowd),
    ):
        (folder / name).mkdir()
        measure_one(folder / name)


def measure_embedded(folder: Path) -> None:
    with Daemon(folder) as daemon:
        daemon.assign("bench", assistants.embedded("It is time to measure. Thank you for asking."))
        _measure("turn: embedded vendors", daemon, folder)


def measure_cloud(folder: Path) -> None:
    _measure_cloud("turn: OpenAI and Deepgram, simulated", folder, CALLS, TURNS)


def measure_crowd(folder: Path) -> None:
    """The same with many calls at once; the embedded vendors are too dear for that."""
    _measure_cloud(f"turn: {CROWD} calls, vendors simulated", folder, CROWD, CROWD_TURNS)


def _measure_cloud(name: str, folder: Path, calls: int, turns: int) -> None:
    with vendors.simulated("It is time to measure. Thank you.", "openai", "deepgram") as made:
        env = {
            "GATEWAY_VENDORS__OPENAI__BASE_URL": made["openai"].url,
            "GATEWAY_VENDORS__OPENAI__API_KEY": "simulated",
            "GATEWAY_VENDORS__DEEPGRAM__BASE_URL": made["deepgram"].url,
            "GATEWAY_VENDORS__DEEPGRAM__API_KEY": "simulated",
        }
        with Daemon(folder, env) as daemon:
            daemon.assign("bench", assistants.cloud())
            _measure(name, daemon, folder, calls, turns)


def _measure(
    name: str, daemon: Daemon, folder: Path, calls: int = CALLS, turns: int = TURNS
) -> None:
    steps: tuple[Step, ...] = (DONE, *(step for _ in range(turns) for step in (Say(0), DONE)))
    # Spread over 3 s, by no multiple of a beat.
    callers = tuple(Caller(2.96 * n / calls, steps) for n in range(calls))
    plan = Plan(daemon.sip, callers, user="bench", clips=(clip(assistants.QUESTION),))
    with phones.run(plan, folder) as running:
        report = running.report()
    shown = daemon.calls({call.call_id for call in report.calls})
    publish(name, figures(report, shown, turns))


def figures(report: Report, shown: dict[str, Any], expected: int) -> list[Figure]:
    """``shown``: the calls as the API has them, by SIP Call-ID."""
    total, told, own, told_own, odd = [], [], [], [], 0
    parts: dict[str, list[float]] = {}
    for number, call in enumerate(report.calls):
        heard = wire.answers(call, wire.of_call(report, number), number)
        turns = (
            shown.get(call.call_id, {}).get("artifact", {}).get("trunkline", {}).get("turns", [])
        )
        if len(heard) != len(turns) or len(turns) != expected:
            odd += 1
            continue
        for answer, turn in zip(heard, turns, strict=True):
            not_ours = 0.0
            for part in turn["segments"]:
                parts.setdefault(part["name"], []).append(part["ms"])
                not_ours += part["ms"] * (part["name"] in SET | VENDORS)
            total.append(1e3 * answer.response_s)
            told.append(turn["totalMs"])
            own.append(1e3 * answer.response_s - not_ours)
            told_own.append(turn["ownMs"])
    made = [Figure("turns measured", len(total), "turns")]
    made += [Figure("calls whose turns could not be paired", odd, "calls", 0)]
    for what, values, middle, most in (
        ("turn on the wire", total, None, None),
        ("turn as the gateway tells it", told, None, None),
        ("own share on the wire", own, None, 60),
        ("own share as the gateway tells it", told_own, 22, 45),
    ):
        p50, p95 = wire.percentiles(values, 50, 95)
        made += [Figure(f"{what}, p50", p50, most=middle), Figure(f"{what}, p95", p95, most=most)]
    for name, values in parts.items():
        whose = "ours" if name in OWN else "set" if name in SET else "vendors'"
        p50, p95 = wire.percentiles(values, 50, 95)
        made += [
            Figure(f"segment {name} ({whose}), {p}", value)
            for p, value in (("p50", p50), ("p95", p95))
        ]
    return made


def test_turn_with_embedded_vendors(tmp_path: Path) -> None:
    measure_embedded(tmp_path)


def test_turn_with_simulated_cloud(tmp_path: Path) -> None:
    measure_cloud(tmp_path)


def test_turn_of_a_crowd(tmp_path: Path) -> None:
    measure_crowd(tmp_path)


if __name__ == "__main__":
    as_program(measure)
