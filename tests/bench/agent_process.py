"""One agent process of the gateway under the hands of a bench, which is its main and its media."""

import asyncio
import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence

from gateway.agent.brief import Brief, Choice
from gateway.agent.child import Child
from gateway.agent.messages import (
    Adopt,
    FromAgent,
    HangUp,
    Setup,
    Start,
    Stop,
    Stopped,
    TurnTimings,
    Used,
)
from gateway.media.lines import BEAT_S, Lines, Writer
from tests.bench.daemon import Process, look_at
from tests.bench.talkers import Talkers, noise

COMMAND = (sys.executable, "-m", "gateway.agent.process")
FIRST, REST = "It is a quarter past nine in the evening.", "Is there anything else?"


def cloud(**more: object) -> Brief:
    """Deepgram hears, OpenAI thinks, ElevenLabs speaks."""
    return Brief(
        hearing=Choice(vendor="deepgram", model="nova-3"),
        thinking=Choice(vendor="openai", model="gpt-4o-mini"),
        speaking=Choice(vendor="11labs", model="eleven_turbo_v2", options={"voice": "rachel"}),
        system=({"role": "system", "content": "You tell callers what time it is. " * 20},),
        greeting="Hello, how can I help you?",
        **more,
    )


class Office:
    """``async with office(...)``: the process is ready, its callers' time goes by beats."""

    def __init__(self, capacity: int) -> None:
        self.made = Lines.make(capacity)
        self.talkers = Talkers(Lines(os.dup(self.made.fd), capacity, Writer.MEDIA), noise())
        self.wake = os.eventfd(0, os.EFD_NONBLOCK)
        self.timings: list[TurnTimings] = []
        self.used: list[Used] = []
        self.ended: list[HangUp] = []
        self.told: Counter[str] = Counter()
        self.late_ms: list[float] = []  # the beat's
        self._stopped: dict[str, asyncio.Event] = {}
        self.child: Child

    def heard(self, message: FromAgent) -> None:
        self.told[message.type] += 1
        match message:
            case TurnTimings():
                self.timings.append(message)
            case Used():
                self.used.append(message)
            case HangUp():
                self.ended.append(message)
            case Stopped(call=call):
                self._stopped[call].set()

    def begin(self, row: int, brief: Brief, wait_beats: int = 0) -> None:
        self.made.clear(row)
        self.talkers.sit(row, wait_beats)
        self._stopped[f"call-{row}"] = asyncio.Event()
        self.child.send(Start(call=f"call-{row}", row=row, brief=brief))

    async def end(self, row: int) -> None:
        """Returns when nothing of the call is left there."""
        self.talkers.leave(row)
        self.child.send(Stop(call=f"call-{row}"))
        await self._stopped[f"call-{row}"].wait()

    def look(self) -> Process:
        return look_at(self.child.pid, 0)

    def beat(self, now: float) -> None:
        self.talkers.beat(now)
        os.eventfd_write(self.wake, 1)

    async def beats(self) -> None:
        """In real time."""
        due = time.monotonic()
        while True:
            due += BEAT_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            self.late_ms.append(1e3 * (now - due))
            self.beat(now)


@contextlib.asynccontextmanager
async def office(
    capacity: int,
    vendors: Mapping[str, str],
    command: Sequence[str] = COMMAND,
    voice_cache_mb: int = 64,
) -> AsyncIterator[Office]:
    """``vendors``: each one's base_url."""
    made = Office(capacity)
    setup = Setup(
        lines=made.made.fd,
        capacity=capacity,
        wakes=(made.wake,),
        vendors={name: {"base_url": url, "api_key": "none"} for name, url in vendors.items()},
        voice_cache_bytes=voice_cache_mb << 20,
        log={"level": "warning"},
    )

    def died(_: Child, status: int) -> None:
        raise RuntimeError(f"the agent process has died: {status}")

    made.child = Child(command, setup, made.heard, lambda *_: None, died)
    await made.child.ready.wait()
    made.child.send(Adopt(index=0))
    beating = asyncio.create_task(made.beats())
    try:
        yield made
    finally:
        beating.cancel()
        await made.child.stop()
        os.close(made.wake)
        made.made.close()
