"""Calls that come and go through one agent process: what it holds after 1,000, and after 10,000
more. Its vendors are the embedded ones but for the transcriber and the voice, which are simulators,
so that each call opens and closes a websocket; callers say nothing.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from tests.bench.agent_process import FIRST, REST, Office, cloud, office
from tests.bench.daemon import Process
from tests.bench.results import Figure, as_program, publish
from tests.bench.vendors import simulated

WARM_UP, CALLS, AT_ONCE = 1_000, 10_000, 20
TALK_BEATS = 5  # of a call, and then it is over
SETTLE_S = 3.0


async def churn(place: Office, count: int) -> None:
    left = iter(range(count))

    async def lane(row: int) -> None:
        for _ in left:
            place.begin(row, cloud())
            await asyncio.sleep(TALK_BEATS * 0.02)
            await place.end(row)

    await asyncio.gather(*(lane(row) for row in range(AT_ONCE)))
    await asyncio.sleep(SETTLE_S)


async def run(warm_up: int, calls: int) -> tuple[Process, Process, int]:
    """Before, after, and how many calls ended by themselves, which none should."""
    async with AsyncExitStack() as stack:
        vendors = stack.enter_context(simulated(f"{FIRST} {REST}", "openai", "deepgram", "11labs"))
        urls = {name: vendor.url for name, vendor in vendors.items()}
        place = await stack.enter_async_context(office(AT_ONCE, urls))
        await churn(place, warm_up)
        before = place.look()
        await churn(place, calls)
        return before, place.look(), len(place.ended)


def measure(_: Path, warm_up: int = WARM_UP, calls: int = CALLS) -> None:
    before, after, ended = uvloop.run(run(warm_up, calls))
    publish(
        f"churn of {calls} calls in an agent process",
        [
            Figure("own memory, a call", (after.own_kib - before.own_kib) / calls, "KiB", 0.1),
            Figure("own memory before", before.own_kib / 1024, "MiB"),
            Figure("own memory after", after.own_kib / 1024, "MiB"),
            Figure("descriptors", after.descriptors - before.descriptors, "more", 0),
            Figure("threads", after.threads - before.threads, "more", 0),
            Figure("CPU time, a call", 1e3 * (after.cpu_s - before.cpu_s) / calls),
            Figure("calls that ended by themselves", ended, "calls", 0),
        ],
    )


def test_agent_churn(tmp_path: Path) -> None:
    measure(tmp_path)


if __name__ == "__main__":
    as_program(measure)
