"""Simulated vendors that fall ill: each a process, so that it can be killed and stopped like one.

``python -m tests.bench.ill_vendors soniox 9001`` is such a process. It prints a line when it
listens, and takes orders as lines of JSON.
"""

import asyncio
import json
import signal
import subprocess
import sys
from random import Random
from types import TracebackType
from typing import Any, Self

from tests.bench.daemon import ROOT
from tests.peers.child import free_port
from tests.simulators.deepgram_wire import DeepgramSimulator
from tests.simulators.openai_wire import OpenAISimulator, Rule
from tests.simulators.transcriber_wire import TranscriberSimulator
from tests.simulators.voice_wire import VoiceSimulator
from tests.simulators.wire import Server, Trouble

HEARD = "what time is it"
ANSWER = "It is time to measure. Thank you for asking me, and do call again."
Order = dict[str, Any]

# What the vendor's process is told while it is ill. ``sudden`` hits what is under way, ``trouble``
# what comes new.
ORDERS: dict[str, Order] = {
    "refuses the key": {"trouble": {"kind": "refuse", "status": 401}},
    "has no room": {"trouble": {"kind": "refuse", "status": 429, "retry_after": "1"}},
    "is out of order": {"trouble": {"kind": "refuse", "status": 503}},
    "is slow": {"delay_s": 2.0},
    "falls silent": {"sudden": {"kind": "stall"}, "trouble": {"kind": "stall", "after": 3}},
    "breaks off": {"sudden": {"kind": "cut"}, "trouble": {"kind": "cut", "after": 2}},
    "says half": {"sudden": {"kind": "half"}, "trouble": {"kind": "half", "after": 1}},
    "talks nonsense": {"sudden": {"kind": "nonsense"}, "trouble": {"kind": "nonsense"}},
}
ILLNESSES = ("killed", "stopped", *ORDERS)


def simulator(vendor: str, port: int) -> Server:
    match vendor:
        case "deepgram":
            return DeepgramSimulator(port, words=[HEARD], final_s=0.06)
        case "soniox":
            return TranscriberSimulator(port, vendor=vendor, words=[HEARD])
        case "openai" | "groq":
            return OpenAISimulator(
                port, rules=[Rule("", ANSWER)], first_token_s=0.2, token_s=0.01, first_audio_s=0.12
            )
    return VoiceSimulator(port, vendor=vendor)


class Vendor:
    """One of them. ``base_url`` outlives its process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._port = free_port()
        self.base_url = f"http://127.0.0.1:{self._port}"
        if name in ("openai", "groq"):
            self.base_url += "/v1"

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def falls_ill(self, how: str) -> None:
        if how == "killed":
            self._process.kill()
        elif how == "stopped":
            self._process.send_signal(signal.SIGSTOP)
        else:
            self._tell(ORDERS[how])

    def recovers(self, how: str) -> None:
        if how == "killed":
            self._process.communicate()
            self._begin()
        elif how == "stopped":
            self._process.send_signal(signal.SIGCONT)
        else:
            self._tell({})

    def _begin(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.ill_vendors", self.name, str(self._port)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout
        if not self._process.stdout.readline():
            raise RuntimeError(f"the simulator of {self.name} did not start")

    def _tell(self, order: Order) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()


def illness(dice: Random) -> str:
    """Half of them are a process that is gone or stopped."""
    return dice.choice(ILLNESSES[:2] if dice.random() < 0.5 else ILLNESSES[2:])


def obey(server: Server, line: str) -> None:
    order = json.loads(line)
    server.delay_s = order.get("delay_s", 0.0)
    for when in ("trouble", "sudden"):
        setattr(server, when, Trouble(**order[when]) if when in order else None)


async def serve(server: Server) -> None:
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async with server:
        print("listens", flush=True)
        while line := await orders.readline():
            obey(server, line.decode())


if __name__ == "__main__":
    asyncio.run(serve(simulator(sys.argv[1], int(sys.argv[2]))))
