"""The API at 500 requests a second beside 50 calls in which agents speak; then the same 50 calls
while the server of their messages is gone, silent, slow or failing.

Quiet and loaded stretches take turns in one run, so that what else the machine does is in both.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gateway.probe.child import tied
from tests.bench import assistants, phones, wire
from tests.bench.bench_sip_rate import ENV, ROOT
from tests.bench.clients import Order
from tests.bench.clips import clip
from tests.bench.daemon import KEY, Daemon
from tests.bench.plan import Caller, Plan, Report, Say, Step, Wait
from tests.bench.results import Figure, as_program, publish

CALLS, RAMP_S, STRETCH_S, PAIRS = 50, 5.0, 15.0, 2
RATE, CONNECTIONS = 500.0, 64
SHORT_RATE = 5.0  # calls of a second, for the time from INVITE to 200
HOOKED_S = 25.0
SLOW_S = 5.0
KEPT = 100  # assistants and tools that are there all the time
# Some 5 s: over when the next question comes, so that each is a turn and no barge-in.
SAID = "It is time to measure, and this answer is long enough to be heard for a while."
PROMPT = (
    "You are the receptionist of a small hotel at the sea. Be short, be friendly, and never "
    "promise a room before you have looked whether there is one. " * 10
)
ASSISTANT: dict[str, Any] = {
    "name": "load",
    "firstMessage": "Hello, this is the hotel. What can I do for you?",
    "model": {
        "provider": "openai",
        "model": "gpt-4o",
        "temperature": 0.3,
        "messages": [{"role": "system", "content": PROMPT}],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": name,
                    "description": "What it does, in a sentence.",
                    "parameters": {
                        "type": "object",
                        "properties": {"day": {"type": "string"}, "beds": {"type": "number"}},
                        "required": ["day"],
                    },
                },
            }
            for name in ("look_up_room", "book_room", "cancel_room")
        ],
    },
    "transcriber": {"provider": "deepgram", "model": "nova-3", "language": "en"},
    "voice": {"provider": "11labs", "voiceId": "burt", "stability": 0.5},
    "serverMessages": ["end-of-call-report", "status-update", "tool-calls"],
    "server": {"url": "https://example.org/hook", "timeoutSeconds": 20},
    "startSpeakingPlan": {"waitSeconds": 0.4},
}
TOOL = ASSISTANT["model"]["tools"][0]


def measure(folder: Path) -> None:
    # The state of a run before, if the folder was kept, has calls that are not ours.
    folder = Path(tempfile.mkdtemp(prefix="api-load-", dir=folder))
    with Daemon(folder, {"GATEWAY_AGENTS__PROCESSES": "1"}) as daemon:
        daemon.assign("bench", assistants.embedded(SAID))
        measure_load(daemon, folder)
        measure_hooks(daemon, folder)


def measure_load(daemon: Daemon, folder: Path) -> None:
    kept = {
        path: [daemon.post(path, body)["id"] for _ in range(KEPT)]
        for path, body in (("/assistant", ASSISTANT), ("/tool", TOOL))
    }
    lasts = RAMP_S + 2 * PAIRS * (STRETCH_S + 1.0)
    long = tuple(Caller(RAMP_S * n / CALLS, _talk(n, lasts)) for n in range(CALLS))
    short = tuple(
        Caller(RAMP_S + n / SHORT_RATE, (Wait(1.0),))
        for n in range(int(SHORT_RATE * (lasts - RAMP_S - 2)))
    )
    plan = Plan(daemon.sip, long + short, "bench", (clip(assistants.QUESTION),), limit_s=lasts)
    quiet: list[tuple[float, float]] = []
    loaded: list[tuple[float, float]] = []
    cpu: dict[str, dict[str, float]] = {"quiet": {}, "loaded": {}}
    tallies = []
    with phones.run(plan, folder) as running:
        _favour(running.pid, *(process.pid for process in daemon.processes()))
        running.until(RAMP_S)
        calls = [call["id"] for call in daemon.get(f"/call?limit={CALLS}")]
        order = Order(
            int(daemon.url.rpartition(":")[2]), KEY, RATE, STRETCH_S, CONNECTIONS,
            kept["/assistant"], kept["/tool"], calls, ASSISTANT, TOOL,
        )  # fmt: skip
        for turn in range(2 * PAIRS):
            running.until(RAMP_S + turn * (STRETCH_S + 1.0))
            began, before = time.time(), _cpu(daemon)
            if turn % 2:
                tallies.append(_ask(order))
            else:
                time.sleep(STRETCH_S)
            (loaded if turn % 2 else quiet).append((began, time.time()))
            _add(cpu["loaded" if turn % 2 else "quiet"], before, _cpu(daemon), time.time() - began)
        report = running.report()
    made = [*_api(tallies), *_sound("quiet", report, quiet), *_sound("loaded", report, loaded)]
    made += _ratios(made, "quiet", "loaded")
    extra = 1e3 * (cpu["loaded"]["main"] - cpu["quiet"]["main"]) / PAIRS / made[0].value
    made.append(Figure("main, for each request", extra, "ms"))
    for name, shares in cpu.items():
        made += [Figure(f"{name}: {role}, share of a core", 100 * shares[role] / PAIRS, "%")
                 for role in ("main", "media", "agent", "recogniser")]  # fmt: skip
    made.append(Figure("phones, share of a core", 100 * report.cpu_share, "%"))
    publish(f"API: {RATE:g} requests/s beside {CALLS} calls", made)


def _talk(number: int, until_s: float) -> tuple[Step, ...]:
    """A question every 10 s, the callers evenly spread."""
    steps: list[Step] = [Wait(2.0 + number / CALLS * 10)]
    at = RAMP_S * number / CALLS + 2.0 + number / CALLS * 10
    while at < until_s - 4.0:
        steps += [Say(0), Wait(9.0)]
        at += 10.0
    return (*steps, Wait(60.0))


def _ask(order: Order) -> dict[str, Any]:
    # What they tell is longer than a pipe holds, and came through one cut off now and then.
    with tempfile.TemporaryFile("w+") as told:
        with subprocess.Popen(
            tied([sys.executable, "-m", "tests.bench.clients"]),
            stdin=subprocess.PIPE, stdout=told, text=True, cwd=ROOT, env=ENV,
        ) as clients:  # fmt: skip
            _favour(clients.pid)
            clients.communicate(json.dumps(asdict(order)) + "\n", timeout=STRETCH_S + 90)
        if clients.returncode:
            raise RuntimeError(f"the clients of the API ended with {clients.returncode}")
        told.seek(0)
        tally: dict[str, Any] = json.loads(told.read().splitlines()[-1])
    return tally


def _favour(*pids: int) -> None:
    """Precedence for every thread, over whatever else the machine does, if that is allowed; the
    media process has its own."""
    with contextlib.suppress(PermissionError):
        for task in (task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()):
            if os.sched_getscheduler(int(task.name)) == os.SCHED_OTHER:
                os.sched_setscheduler(int(task.name), os.SCHED_RR, os.sched_param(1))


def _api(tallies: list[dict[str, Any]]) -> list[Figure]:
    kinds = {kind: [ms for t in tallies for ms in t["ms"][kind]] for kind in tallies[0]["ms"]}
    every = [ms for values in kinds.values() for ms in values]
    p50, p99, most = wire.percentiles(every, 50, 99, 100)
    errors = {kind: n for t in tallies for kind, n in t["errors"].items()}
    if errors:
        print(f"errors: {errors}")
    asked, took = sum(t["asked"] for t in tallies), sum(t["took_s"] for t in tallies)
    made = [
        Figure("requests answered a second", sum(t["answered"] for t in tallies) / took, "1/s"),
        Figure("requests asked", asked, "requests"),
        Figure("requests that failed", sum(errors.values()), "requests", 0),
        Figure("request, from due to answered, p50", p50),
        Figure("request, from due to answered, p99", p99),
        Figure("request, from due to answered, max", most),
        Figure("clients late, p99", max(t["late_ms"] for t in tallies)),
        Figure("clients, share of a core", 100 * max(t["cpu_share"] for t in tallies), "%"),
        Figure("answers, MB a second", sum(t["octets"] for t in tallies) / took / 1e6, "MB/s"),
    ]
    for kind, values in kinds.items():
        p50, p99 = wire.percentiles(values, 50, 99)
        made += [Figure(f"{kind}, p50", p50), Figure(f"{kind}, p99", p99)]
    return made


def _sound(name: str, report: Report, spans: list[tuple[float, float]]) -> list[Figure]:
    """Packets, turns and set-up within these spans."""
    errors, gone, loud, setup, turns = [], 0, [], [], []
    # A phone's neighbour in the range of ports gets its RTCP.
    each = [packets[packets["payload"] == 0] for packets in wire.each_call(report)]
    for number, call in enumerate(report.calls):
        for since, until in spans:
            if since <= call.invited_at < until and call.status == 200:
                setup.append(1e3 * (call.answered_at - call.invited_at))
            if number >= CALLS:
                continue
            inside = each[number][(each[number]["at"] >= since) & (each[number]["at"] < until)]
            if len(inside):
                errors.append(np.abs(wire.grid_errors_s(inside)))
                gone += wire.lost(inside)
                loud.append((inside["peak"] > 256).mean())
        if number < CALLS:
            turns += [1e3 * one.response_s for one in wire.answers(call, each[number], number)
                      if any(since <= one.ended_at < until for since, until in spans)]  # fmt: skip
    ms = 1e3 * np.concatenate(errors)
    figures = [
        Figure(f"{name}: calls with sound", len(errors) / len(spans), "calls"),
        Figure(f"{name}: packets of sound, not silence", 100 * float(np.mean(loud)), "%"),
        Figure(f"{name}: packets lost", gone, "packets", 0),
    ]
    kinds: list[tuple[str, Any]] = [("packet's distance from its beat", ms), ("turn", turns)]
    if setup:
        kinds.append(("INVITE to 200", setup))
    for what, values in kinds:
        p50, p99 = wire.percentiles(values, 50, 99)
        figures += [Figure(f"{name}: {what}, p50", p50), Figure(f"{name}: {what}, p99", p99)]
    return figures


def _ratios(figures: list[Figure], before: str, after: str) -> list[Figure]:
    known = {figure.name: figure for figure in figures}
    return [
        Figure(f"{name.replace(after, f'{after}/{before}', 1)}", f.value / b.value, "")
        for name, f in known.items()
        if f.unit == "ms" and name.startswith(f"{after}: ")
        and (b := known[name.replace(after, before, 1)]).value
    ]  # fmt: skip


def _cpu(daemon: Daemon) -> dict[int, tuple[str, float]]:
    return {process.pid: (process.role, process.cpu_s) for process in daemon.processes()}


def _add(
    to: dict[str, float],
    before: dict[int, tuple[str, float]],
    after: dict[int, tuple[str, float]],
    wall_s: float,
) -> None:
    for pid, (role, cpu) in after.items():
        share = (cpu - before.get(pid, ("", 0.0))[1]) / wall_s
        to[role] = to.get(role, 0.0) + share


def measure_hooks(daemon: Daemon, folder: Path) -> None:
    made: list[Figure] = []
    with _servers() as urls:
        for name, url in (("none", ""), *urls.items(), ("none again", "")):
            user = name.replace(" ", "-")
            server = {"server": {"url": url}} if url else {}
            daemon.assign(f"hook-{user}", assistants.embedded(SAID, **server))
            callers = tuple(Caller(RAMP_S * n / CALLS, _talk(n, HOOKED_S)) for n in range(CALLS))
            plan = Plan(daemon.sip, callers, f"hook-{user}", (clip(assistants.QUESTION),),
                        limit_s=HOOKED_S)  # fmt: skip
            before = daemon.metrics()
            with phones.run(plan, folder) as running:
                _favour(running.pid, *(process.pid for process in daemon.processes()))
                began = running.began_at
                report = running.report()
            after = daemon.metrics()
            made += _sound(name, report, [(began + RAMP_S, began + HOOKED_S)])
            sent = sum(v - before.get(n, 0.0) for n, v in after.items()
                       if n.startswith("trunkline_server_messages_total"))  # fmt: skip
            made.append(Figure(f"{name}: server messages done with", sent, "messages"))
            if url:
                made += _ratios(made, "none", name)
    publish(f"webhooks to bad servers, {CALLS} calls", made)


@contextlib.contextmanager
def _servers() -> Iterator[dict[str, str]]:
    """What is wrong with each, and its URL."""
    with contextlib.ExitStack() as open_:

        def listening() -> socket.socket:
            return open_.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))

        black, slow, failing = listening(), listening(), listening()
        with socket.create_server(("127.0.0.1", 0)) as gone:
            refused = gone.getsockname()[1]
        for server, wait_s, answer in (
            (slow, SLOW_S, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            (failing, 0.0, b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        ):
            threading.Thread(target=_serve, args=(server, wait_s, answer), daemon=True).start()
        ports = {"refused": refused, "black hole": black.getsockname()[1],
                 "slow": slow.getsockname()[1], "failing": failing.getsockname()[1]}  # fmt: skip
        yield {name: f"http://127.0.0.1:{port}/hook" for name, port in ports.items()}


def _serve(server: socket.socket, wait_s: float, answer: bytes) -> None:
    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 20)
            time.sleep(wait_s)
            connection.sendall(answer)
            while connection.recv(1 << 20):
                pass

    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=one, args=(connection,), daemon=True).start()


def test_api_load(tmp_path: Path) -> None:
    measure(tmp_path)


if __name__ == "__main__":
    as_program(measure)
