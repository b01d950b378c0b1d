"""Calls that come and go, with vendors' real clients: what a process holds does not grow."""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.agent.brief import Brief, Choice
from gateway.agent.messages import Add, FromAgent, Spoken, Start
from gateway.agent.pipeline import Agent
from gateway.agent.row import Row
from gateway.agent.vendors import Catalog
from gateway.speech import catalog
from gateway.speech.settings import VendorSettings
from tests.agent.stage import Media
from tests.simulators.deepgram_wire import DeepgramSimulator
from tests.simulators.openai_wire import OpenAISimulator
from tests.simulators.voice_wire import VoiceSimulator

AT_ONCE, WARM_UP, CALLS = 5, 10, 30
PATIENCE_S = 30.0
BRIEF = Brief(
    hearing=Choice(vendor="deepgram", model="nova-3"),
    thinking=Choice(vendor="openai", model="gpt-4o-mini"),
    speaking=Choice(vendor="11labs", options={"voice": "rachel"}),
    greeting="Hi.",
)


async def one_call(name: str, vendors: Catalog, cut: bool) -> None:
    """A greeting and an answer, as the caller hears them, or cut short in the middle of that."""
    media, told = Media(), list[FromAgent]()
    start = Start(call=name, row=media.row, brief=BRIEF)
    agent = Agent(
        start, Row(media.agent, media.row), vendors, told.append, time.monotonic, datetime.now(UTC)
    )

    async def beat_until(done: Callable[[], bool]) -> None:
        while not done():
            media.beat(time.monotonic())
            agent.beat(time.monotonic())
            await asyncio.sleep(0)

    def spoken() -> int:
        return sum(isinstance(message, Spoken) for message in told)

    agent.open()
    await beat_until(lambda: spoken() == 1)
    agent.receive(Add(call=name, messages=({"role": "user", "content": "And?"},), answer=True))
    await beat_until(lambda: not agent.quiet if cut else spoken() == 2)
    await agent.close()
    media.close()


def held() -> Counter[str]:
    """Objects that a reference leads to, and what waits for the garbage collector alone."""
    kinds = Counter(f"{type(o).__module__}.{type(o).__qualname__}" for o in gc.get_objects())
    ours = {kind: n for kind, n in kinds.items() if kind.startswith("gateway.")}
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return Counter(ours, tasks=len(asyncio.all_tasks()), descriptors=descriptors)


@pytest.fixture
def nothing_collected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("nothing_collected")
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
                await asyncio.gather(*(one_call(f"c{n}", vendors, cut=n % 2 == 1) for n in batch))

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
