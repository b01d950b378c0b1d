"""Vendors are killed, stopped, made slow and refuse at random, under many calls of real phones.

``python -m tests.bench.bench_outages`` holds 100 calls for 10 minutes through the whole gateway.
Each vendor is a process of its own; of a vendor and its substitute one is ill at a time. Two of
three calls have a substitute for each vendor, and must not be lost. The rest may be: to a vendor
that was ill, which their reason names.
"""

import argparse
import contextlib
import json
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from gateway.reasons import Ended
from tests.bench import assistants, phones
from tests.bench.clips import clip
from tests.bench.daemon import Daemon
from tests.bench.ill_vendors import Vendor, illness
from tests.bench.plan import Caller, Plan, Report, Say, Step, Until, Wait
from tests.bench.results import Figure, publish

PAIRS = {"transcriber": ("deepgram", "soniox"), "model": ("openai", "groq"),
         "voice": ("cartesia", "lmnt")}  # fmt: skip
ILL_EVERY_S = 12.0  # on average, one of a pair
ILL_S = (0.5, 15.0)
BLAMED_S = 45.0  # after its illness a vendor may still be named: the call had to give up, apologise
CALL_S = 60.0
ANSWER = Until(loud_s=0.3, quiet_s=1.2, within_s=30.0)
SETTLE_S = 45.0  # transactions linger for 32 s, warm connections for some more
LONE = "alone"


@dataclass
class Outage:
    vendor: str
    how: str
    at: float  # CLOCK_REALTIME seconds
    until: float


@dataclass
class Findings:
    lost: list[str] = field(default_factory=list)  # had substitutes, and ended for a failure
    stuck: list[str] = field(default_factory=list)  # had substitutes, and was not answered
    unnamed: list[str] = field(default_factory=list)  # a reason that names nobody who was ill
    endless: list[str] = field(default_factory=list)  # nothing tells how it ended
    reasons: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    refused: int = 0  # 503: the machine had no more to give


def assistant(which: int, spare: bool) -> dict[str, Any]:
    """``which`` of each pair comes first."""
    parts: dict[str, dict[str, Any]] = {}
    for part, pair in PAIRS.items():
        first, second = (_part(part, vendor) for vendor in (pair[which], pair[1 - which]))
        plan = {f"{part}s": [second]}
        parts[part] = first | ({"fallbackPlan": plan} if spare else {})
    plan = {"waitSeconds": assistants.WAIT_S}
    return {
        "name": f"{which} {spare}",
        "firstMessage": "Hello.",
        "startSpeakingPlan": plan,
        **parts,
    }


def _part(part: str, vendor: str) -> dict[str, Any]:
    if part == "voice":  # what is remembered asks no vendor
        return {"provider": vendor, "voiceId": "v", "cachingEnabled": False}
    model = {"openai": "gpt-4o-mini", "groq": "llama", "deepgram": "nova-3"}.get(vendor, "")
    return {"provider": vendor} | ({"model": model} if model else {})


def callers(count: int, seconds: float, dice: Random) -> tuple[Caller, ...]:
    """``count`` at a time, each for ``CALL_S``, the first ones within ten seconds."""
    made = []
    for line in range(count):
        at = 10.0 * line / count
        while at < seconds:
            turn = (ANSWER, Wait(dice.uniform(1.0, 6.0)), Say(0))
            number = len(made)
            user = f"{LONE if number % 3 == 0 else 'spare'}{dice.randrange(2)}"
            longest = min(CALL_S, seconds - at)
            made.append(Caller(at, turn * 12 + (ANSWER,), longest, user))
            at += CALL_S + 2.0
    return tuple(sorted(made, key=lambda one: one.at_s))


def outages(began: float, seconds: float, dice: Random) -> list[Outage]:
    """One after another of each pair, never two of it at a time."""
    planned = []
    for pair in PAIRS.values():
        at = 5.0
        while (at := at + dice.expovariate(1 / ILL_EVERY_S)) < seconds:
            lasts = dice.uniform(*ILL_S)
            vendor = dice.choice(pair)
            planned.append(Outage(vendor, illness(dice), began + at, began + at + lasts))
            at += lasts + 1.0
    return sorted(planned, key=lambda outage: outage.at)


def suffer(planned: list[Outage], vendors: dict[str, Vendor]) -> None:
    moments = [(o.at, True, o) for o in planned] + [(o.until, False, o) for o in planned]
    for at, begins, outage in sorted(moments, key=lambda moment: moment[0]):
        time.sleep(max(0.0, at - time.time()))
        vendor = vendors[outage.vendor]
        (vendor.falls_ill if begins else vendor.recovers)(outage.how)


def judge(plan: Plan, report: Report, shown: dict[str, Any], ill: list[Outage]) -> Findings:
    """``shown``: the calls as the API has them, by SIP Call-ID."""
    found = Findings()
    for number, (caller, call) in enumerate(zip(plan.callers, report.calls, strict=True)):
        spare = not caller.user.startswith(LONE)
        told = shown.get(call.call_id, {})
        reason = str(told.get("endedReason") or "")
        if call.status == 503:
            found.refused += 1
            continue
        name = f"{number} {caller.user} {call.call_id}: {reason} {told.get('endedMessage') or ''}"
        if not call.answered_at or not reason:
            found.endless.append(f"{name} status {call.status}")
            continue
        found.reasons[reason] += 1
        turns = told.get("artifact", {}).get("trunkline", {}).get("turns", [])
        found.answers += len(turns)
        if call.timeouts and spare and reason == Ended.CUSTOMER_ENDED_CALL:
            found.stuck.append(name)
        if reason in (Ended.CUSTOMER_ENDED_CALL, Ended.EXCEEDED_MAX_DURATION):
            continue
        if spare:
            found.lost.append(name)
        elif not _guilty(reason, call.ended_at, ill):
            found.unnamed.append(name)
    return found


def _guilty(reason: str, at: float, ill: list[Outage]) -> bool:
    return any(
        outage.vendor in reason and outage.at < at < outage.until + BLAMED_S for outage in ill
    )


def unexplained(log: Path) -> list[str]:
    """Lines that no outage explains: a traceback, or anything worse than a warning."""
    lines = log.read_text(errors="replace").splitlines()
    odd = re.compile(r"Traceback|\bERROR\b|\berror\b.*level|CRITICAL|never retrieved|never awaited")
    return [line for line in lines if odd.search(line)]


class Watch:
    """How many calls there were at each second."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._over = threading.Event()
        self.live: list[float] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(5.0):
            with contextlib.suppress(OSError):
                self.live.append(sum(_held(self._daemon, "trunkline_calls_live").values()))


def _held(daemon: Daemon, *names: str) -> dict[str, float]:
    samples = daemon.metrics().items()
    return {name: value for name, value in samples if name.partition("{")[0] in names}


GAUGES = ("trunkline_calls_live", "trunkline_lines_free", "trunkline_agent_calls",
          "trunkline_store_waiting_records")  # fmt: skip


def measure(folder: Path, calls: int, seconds: float, seed: int) -> None:
    with contextlib.ExitStack() as stack:
        names = [name for pair in PAIRS.values() for name in pair]
        vendors = {name: stack.enter_context(Vendor(name)) for name in names}
        daemon = Daemon(folder, dict(_env(vendors)))
        with daemon:
            _prepare(daemon)
            _warm_up(daemon, folder, calls)
            before, held = _open_files(daemon), _held(daemon, *GAUGES)
            busy = _busy_s(daemon)
            plan = Plan(
                daemon.sip,
                callers(calls, seconds, Random(seed)),
                clips=(clip(assistants.QUESTION),),
                limit_s=seconds + 60.0,
                packets=False,
            )
            with phones.run(plan, folder) as running, Watch(daemon) as watch:
                ill = outages(running.began_at, seconds - 20.0, Random(seed + 1))
                (folder / "outages.json").write_text(json.dumps([vars(one) for one in ill]))
                suffer(ill, vendors)
                report = running.report()
            busy_after = _busy_s(daemon)
            time.sleep(SETTLE_S)
            after, held_after = _open_files(daemon), _held(daemon, *GAUGES)
            shown = _shown(daemon)
        found = judge(plan, report, shown, ill)
        odd = unexplained(daemon.log)
    (folder / "found.json").write_text(json.dumps(vars(found) | {"odd": odd}, indent=1))
    for name in ("lost", "stuck", "unnamed", "endless"):
        for line in getattr(found, name)[:20]:
            print(f"{name}: {line}")
    for line in odd[:20]:
        print(f"log: {line[:300]}")
    print(Counter(outage.how for outage in ill), found.reasons)
    publish(f"outages: {calls} calls for {seconds:g} s, seed {seed}", [
        Figure("calls", len(report.calls), "calls"),
        Figure("calls at a time, least after 20 s", min(watch.live[4:-4] or [0]), "calls"),
        Figure("calls at a time, most", max(watch.live or [0]), "calls"),
        Figure("refused with 503, the machine being full", found.refused, "calls"),
        Figure("the gateway's share of a core", (busy_after - busy) / seconds, "cores"),
        Figure("outages", len(ill), ""),
        Figure("answers", found.answers, ""),
        Figure("lost though there was a substitute", len(found.lost), "calls", 0),
        Figure("not answered though there was one", len(found.stuck), "calls", 0),
        Figure("ended without naming who was ill", len(found.unnamed), "calls", 0),
        Figure("without an end", len(found.endless), "calls", 0),
        Figure("lines of the log that nothing explains", len(odd), "lines", 0),
        *(Figure(f"open files of {role}, more than before", after[role] - before[role], "", 8)
          for role in before),
        *(Figure(f"{name}, off", abs(held_after[name] - held.get(name, 0.0)), "", 0)
          for name in held_after),
        Figure("exit status of the gateway", float(daemon.status or 0), "", 0),
    ])  # fmt: skip


def _prepare(daemon: Daemon) -> None:
    for which in (0, 1):
        daemon.assign(f"{LONE}{which}", assistant(which, spare=False))
        daemon.assign(f"spare{which}", assistant(which, spare=True))


def _warm_up(daemon: Daemon, folder: Path, calls: int) -> None:
    """Whatever is made once is made; heaps and pools have found their size."""
    users = (f"{LONE}0", f"{LONE}1", "spare0", "spare1")
    steps: tuple[Step, ...] = (ANSWER, Say(0), ANSWER)
    made = tuple(Caller(0.1 * n, steps, 20.0, users[n % 4]) for n in range(calls))
    plan = Plan(daemon.sip, made, clips=(clip(assistants.QUESTION),), packets=False)
    with phones.run(plan, folder) as running:
        running.report()
    time.sleep(SETTLE_S)


def _open_files(daemon: Daemon) -> Counter[str]:
    files: Counter[str] = Counter()
    for process in daemon.processes():
        files[process.role] += process.descriptors
    return files


def _busy_s(daemon: Daemon) -> float:
    return sum(process.cpu_s for process in daemon.processes())


def _shown(daemon: Daemon) -> dict[str, Any]:
    """Every call that the API has, by SIP Call-ID."""
    found: dict[str, Any] = {}
    before = ""
    while True:
        page = daemon.get(f"/call?limit=200{before}")
        found |= {call.get("phoneCallProviderId"): call for call in page}
        if len(page) < 200:
            return found
        before = f"&createdAtLt={page[-1]['createdAt']}"


def _env(vendors: dict[str, Vendor]) -> Iterator[tuple[str, str]]:
    for name, vendor in vendors.items():
        yield f"GATEWAY_VENDORS__{name.upper()}__BASE_URL", vendor.base_url
        yield f"GATEWAY_VENDORS__{name.upper()}__API_KEY", "simulated"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        folder = given.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        measure(folder, given.calls, given.seconds, given.seed)


if __name__ == "__main__":
    main()
