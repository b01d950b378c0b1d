"""The gateway as it runs on a VM: ``trunkline run`` on loopback, watched from outside."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gateway.probe.child import tied
from tests.peers.child import free_port

ROOT = Path(__file__).parents[2]
KEY = "bench"
RTP_PORTS = "10000-15999"  # below what tests take, and below what the system gives away
START_S, STOP_S = 60.0, 20.0
ROLES = {
    "gateway.media.process": "media",
    "gateway.agent.process": "agent",
    "gateway.speech.vendors.recogniser": "recogniser",
}
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """One process of the gateway, at one moment."""

    pid: int
    role: str  # main, media, agent, recogniser, other
    cpu_s: float
    own_kib: int  # memory of its own: heap, stacks
    shared_kib: int  # of the lines, counted by its share
    descriptors: int
    threads: int


class Daemon:
    """Started when entered, asked to leave when left. Its log and state are below ``folder``."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.sip = ("127.0.0.1", free_port())
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = folder / "daemon.log"
        self._env = {
            "GATEWAY_SIP__LISTEN": f"udp:127.0.0.1:{self.sip[1]}",
            "GATEWAY_RTP__PORTS": RTP_PORTS,
            "GATEWAY_API__LISTEN": self.url.removeprefix("http://"),
            "GATEWAY_API__KEY": KEY,
            "GATEWAY_STATE_DIR": str(folder / "state"),
            "GATEWAY_LOG__LEVEL": "info",
            **(env or {}),
        }
        self.status: int | None = None  # of its exit

    def __enter__(self) -> Self:
        command = [Path(sys.executable).with_name("trunkline"), "run"]
        command += ["--config", ROOT / "config" / "gateway.toml"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                tied(command), env={**os.environ, **self._env}, stdout=log, stderr=log, cwd=ROOT
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self.status = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            for process in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            self._process.wait()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                self.get("/health/ready")
                return
            time.sleep(0.1)
        raise RuntimeError(f"the gateway did not start:\n{self.last_words()}")

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])

    # The API

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, body)

    def download(self, path: str) -> bytes:
        """A file that the API has, wherever it says it lies."""
        request = urllib.request.Request(
            self.url + path, headers={"Authorization": f"Bearer {KEY}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            octets: bytes = answer.read()
        return octets

    def _ask(self, method: str, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise OSError(f"{method} {path}: {error.code} {error.read().decode()}") from None
        return json.loads(text) if text.startswith(("{", "[")) else text

    def assign(self, user: str, assistant: Mapping[str, Any]) -> None:
        """Calls to this SIP user are held by this assistant."""
        made = self.post("/assistant", assistant)
        uri = f"sip:{user}@127.0.0.1"
        number = {"provider": "vapi", "sipUri": uri, "assistantId": made["id"]}
        self.post("/phone-number", number)

    def calls(self, sip_call_ids: set[str], within_s: float = 10.0) -> dict[str, Any]:
        """The ended calls with these SIP Call-IDs, as the API shows them."""
        until = time.monotonic() + within_s
        while True:
            found = {
                call["phoneCallProviderId"]: call
                for call in self.get("/call?limit=1000")
                if call.get("phoneCallProviderId") in sip_call_ids and call["status"] == "ended"
            }
            if len(found) == len(sip_call_ids) or time.monotonic() > until:
                return found
            time.sleep(0.2)

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics by its name and labels."""
        samples = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", self.get("/metrics"), re.MULTILINE)
        return {name: float(value) for name, value in samples}

    # The processes

    @property
    def pid(self) -> int:
        return self._process.pid

    def processes(self) -> list[Process]:
        """Main and everything below it."""
        found = []
        for pid in [self.pid, *_below(self.pid)]:
            with contextlib.suppress(OSError):
                found.append(look_at(pid, self.pid))
        return found

    def pids(self, role: str) -> list[int]:
        """Those of one role, the busiest first: of two media processes one is a spare."""
        of_role = [process for process in self.processes() if process.role == role]
        return [process.pid for process in sorted(of_role, key=lambda p: -p.cpu_s)]


def _below(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            with contextlib.suppress(OSError):
                yield from _below(int(child))


def look_at(pid: int, main: int) -> Process:
    home = Path(f"/proc/{pid}")
    command = home.joinpath("cmdline").read_text()
    role = next((role for module, role in ROLES.items() if module in command), "other")
    times = home.joinpath("stat").read_text().rpartition(")")[2].split()
    status = dict(re.findall(r"^(\w+):\s*(\d+)", home.joinpath("status").read_text(), re.M))
    rollup = dict(re.findall(r"^(\w+):\s*(\d+)", home.joinpath("smaps_rollup").read_text(), re.M))
    return Process(
        pid=pid,
        role="main" if pid == main else role,
        cpu_s=(int(times[11]) + int(times[12])) / TICKS,
        own_kib=int(rollup["Pss_Anon"]),
        shared_kib=int(rollup["Pss_Shmem"]),
        descriptors=len(list(home.joinpath("fd").iterdir())),
        threads=int(status["Threads"]),
    )
