"""Calls that come and go, with vendors' real clients: what a process holds does not grow."""

import asyncio
import gc
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from gateway.agent.brief import Brief, Choice
from gateway.agent.messages import FromAgent, Spoken, Start
from gateway.agent.pipeline import Agent
from gateway.agent.row import Row
from gateway.agent.vendors import Catalog
from gateway.speech import catalog
from gateway.speech.settings import VendorSettings
from tests.agent.stage import Media
from tests.simulators.deepgram_wire import DeepgramSimulator
from tests.simulators.openai_wire import OpenAISimulator
from tests.simulators.voice_wire import VoiceSimulator

AT_ONCE, WARM_UP, CALLS = 5, 20, 60
PATIENCE_S = 30.0
BRIEF = Brief(
    hearing=Choice(vendor="deepgram", model="nova-3"),
    thinking=Choice(vendor="openai", model="gpt-4o-mini"),
    speaking=Choice(vendor="11labs", options={"voice": "rachel"}),
    greeting="Hi.",
)


async def one_call(name: str, vendors: Catalog) -> None:
    """Until its greeting is over, as the caller hears it."""
    media, told = Media(), list[FromAgent]()
    start = Start(call=name, row=media.row, brief=BRIEF)
    agent = Agent(
        start, Row(media.agent, media.row), vendors, told.append, time.monotonic, datetime.now(UTC)
    )
    agent.open()
    while not any(isinstance(message, Spoken) for message in told):
        media.beat(time.monotonic())
        agent.beat(time.monotonic())
        await asyncio.sleep(0)
    await agent.close()
    del agent
    media.close()


def held() -> Counter[str]:
    gc.collect()
    kinds = Counter(f"{type(o).__module__}.{type(o).__qualname__}" for o in gc.get_objects())
    ours = {kind: n for kind, n in kinds.items() if kind.startswith("gateway.")}
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return Counter(ours, tasks=len(asyncio.all_tasks()), descriptors=descriptors)


async def test_calls_that_are_over_leave_nothing_behind() -> None:
    async with AsyncExitStack() as stack:
        deepgram = await stack.enter_async_context(DeepgramSimulator())
        openai = await stack.enter_async_context(OpenAISimulator())
        voice = await stack.enter_async_context(VoiceSimulator(vendor="11labs"))
        places = {"deepgram": deepgram, "openai": openai, "11labs": voice}
        settings = {n: VendorSettings(base_url=place.base_url) for n, place in places.items()}
        vendors = Catalog(settings, lambda _: None, time.monotonic)

        async def calls(count: int) -> None:
            for first in range(0, count, AT_ONCE):
                batch = range(first, first + AT_ONCE)
                await asyncio.gather(*(one_call(f"c{n}", vendors) for n in batch))

        await calls(WARM_UP)
        before = held()
        await calls(CALLS)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while held() - before:  # the simulator's side of a goodbye takes a while
                    await asyncio.sleep(0.01)
        more = held() - before
        await catalog.close()
    assert not more
    assert deepgram.connections == WARM_UP + CALLS
