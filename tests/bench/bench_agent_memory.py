"""Memory of a conversation in an agent process, by how much more the process holds with more of
them: its own, and the rows of the lines that it has looked at, which it shares with media.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import uvloop

from tests.bench.agent_process import FIRST, REST, cloud, office
from tests.bench.results import Figure, as_program, publish
from tests.bench.vendors import simulated

STEPS = (25, 50, 100, 150, 200)
TALK_S = 20.0  # two turns of everybody at least
COMING_S = 8.0


async def grow() -> list[tuple[int, int, int]]:
    """Calls, own KiB, shared KiB."""
    async with AsyncExitStack() as stack:
        vendors = stack.enter_context(
            simulated(f"{FIRST} {REST}", "openai", "deepgram", "11labs", tls=True)
        )
        urls = {name: vendor.url for name, vendor in vendors.items()}
        place = await stack.enter_async_context(office(max(STEPS), urls))
        seen, calls = [], 0
        for step in STEPS:
            for row in range(calls, step):
                place.begin(row, cloud())
                await asyncio.sleep(COMING_S / (step - calls))
            calls = step
            await asyncio.sleep(TALK_S)
            look = place.look()
            seen.append((calls, look.own_kib, look.shared_kib))
        return seen


def measure(_: Path) -> None:
    seen = np.array(uvloop.run(grow()))
    calls, own, shared = seen.T
    slope = np.polyfit(calls, own, 1)[0]
    publish(
        "memory of a conversation",
        [
            Figure("agent process: own memory, a conversation", float(slope), "KiB", 1024),
            Figure("shared with media, a conversation", float(np.polyfit(calls, shared, 1)[0]),
                   "KiB"),
            *(Figure(f"own memory with {n} conversations", kib / 1024, "MiB")
              for n, kib, _ in seen.tolist()),
        ],
    )  # fmt: skip


def test_agent_memory(tmp_path: Path) -> None:
    measure(tmp_path)


if __name__ == "__main__":
    as_program(measure)
