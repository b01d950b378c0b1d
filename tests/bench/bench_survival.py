"""Survival: of 10 calls the media process is killed in the middle of a sentence, and later the
agent process; then every caller asks something.
"""

import os
import signal
import time
from pathlib import Path

from tests.bench import assistants, phones, wire
from tests.bench.clips import clip
from tests.bench.daemon import Daemon
from tests.bench.plan import LOUD, Caller, Plan, Report, Say, Until, Wait
from tests.bench.results import Figure, as_program, publish

CALLS = 10
MEDIA_S, AGENT_S, ASK_S, END_S = 6.0, 14.0, 20.0, 40.0


def measure(folder: Path) -> None:
    callers = tuple(
        Caller(
            0.1 * n,
            (
                Wait(ASK_S - 0.1 * n),
                Say(0),
                Until(loud_s=0.3, within_s=10),
                Until(quiet_s=1.0, within_s=10),
            ),
        )
        for n in range(CALLS)
    )
    # The greeting lasts beyond the media process, and is over before the agent dies.
    greeting = " ".join(assistants.LONG.split(". ")[:2])
    assistant = assistants.embedded("It is time to measure.", greeting=greeting)
    with Daemon(folder) as daemon:
        daemon.assign("bench", assistant)
        plan = Plan(
            daemon.sip, callers, user="bench", clips=(clip(assistants.QUESTION),), limit_s=END_S
        )
        with phones.run(plan, folder) as running:
            running.until(MEDIA_S)
            media_at = _kill(daemon.pids("media")[:1])
            running.until(AGENT_S)
            agent_at = _kill(daemon.pids("agent")[:1])
            report = running.report()
    publish("survival: the media process killed", after_media(report, media_at))
    publish("survival: the agent process killed", after_agent(report, agent_at))


def _kill(pids: list[int]) -> float:
    at = time.time()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return at


def after_media(report: Report, at: float) -> list[Figure]:
    calls = wire.each_call(report)
    gaps = [1e3 * wire.longest_gap_s(packets, at - 0.1, at + 3) for packets in calls]
    sounding = sum(
        bool(((packets["at"] > at) & (packets["at"] < at + 3) & (packets["peak"] >= LOUD)).any())
        for packets in calls
    )
    return [
        Figure("longest time without a packet, median call", wire.percentiles(gaps, 50)[0]),
        Figure("longest time without a packet, worst call", max(gaps), most=1000),
        Figure("calls in which the sentence did not go on", CALLS - sounding, "calls", 0),
        Figure("packets lost by sequence number", sum(map(wire.lost, calls)), "packets", 0),
        Figure("calls whose RTP stream began anew", _anew(report), "calls", 0),
        _dead(report),
    ]


def after_agent(report: Report, at: float) -> list[Figure]:
    calls = wire.each_call(report)
    gaps = [1e3 * wire.longest_gap_s(packets, at - 0.1, at + 3) for packets in calls]
    answered = [
        1e3 * answer.response_s
        for number, (call, packets) in enumerate(zip(report.calls, calls, strict=True))
        for answer in wire.answers(call, packets, number)
    ]
    return [
        Figure("longest time without a packet, worst call", max(gaps), most=100),
        Figure("calls in which the next question got no answer", CALLS - len(answered), "calls", 0),
        Figure("question to answer afterwards, p50", wire.percentiles(answered, 50)[0]),
        Figure("calls whose RTP stream began anew", _anew(report), "calls", 0),
        _dead(report),
    ]


def _anew(report: Report) -> int:
    return sum(not wire.one_stream(packets) for packets in wire.each_call(report))


def _dead(report: Report) -> Figure:
    alive = sum(call.ended_by == "phone" and call.bye_status == 200 for call in report.calls)
    return Figure("calls that did not live until the caller's BYE", CALLS - alive, "calls", 0)


def test_survival(tmp_path: Path) -> None:
    measure(tmp_path)


if __name__ == "__main__":
    as_program(measure)
