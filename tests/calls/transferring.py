"""The stage on which transfers are played: a call with an agent, the other party, and all lines."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np

from gateway.agent.brief import ToolBrief
from gateway.agent.messages import (
    Action,
    ActionResult,
    Away,
    Spoken,
    ToAgent,
)
from gateway.calls.destination import Destination
from gateway.calls.leg import Down, Headers, LegEvent, Up
from gateway.calls.record import CallRecord
from gateway.calls.second_leg import Reach
from gateway.calls.transfer_table import State
from gateway.errors import GatewayError
from gateway.media.line import Line, Owner
from gateway.media.lines import (
    FRAME,
    HUSHED,
    LENT,
    RING,
    UNHEARD,
    VOICED,
    Lines,
    Writer,
)
from gateway.media.sounds import Sounds
from tests.calls import stage

HOUSES: list["House"] = []


class House:
    """The owner of all lines."""

    def __init__(self) -> None:
        self.lines = Lines.make(4)
        self.sounds = Sounds(self.lines, "us")
        self.media = Lines(self.lines.fd, 4, Writer.MEDIA)
        HOUSES.append(self)

    def line(self, row: int) -> Line:
        self.lines["digits_in"][row] = 101
        return Line(cast(Owner, self), row, 30_000 + 2 * row, "127.0.0.1")


class Leg(stage.FakeLeg):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self.line, self.row = line, line.row
        self.referred: list[tuple[str, object, Headers]] = []
        self.parting: Headers = ()
        self.held = False
        self.cannot: GatewayError | None = None

    def refer(self, target: str, *, replaces: object = None, headers: Headers = ()) -> None:
        if self.cannot:
            raise self.cannot
        self.referred.append((target, replaces, headers))

    def hold(self) -> None:
        self.held = True

    def resume(self) -> None:
        self.held = False

    def hang_up(self, detail: str, headers: Headers = ()) -> None:
        super().hang_up(detail)
        self.parting = headers


class FakeReach:
    bridged_s = 0.0

    def __init__(self, house: House) -> None:
        self.second = Leg(house.line(2))
        self.told: Callable[[LegEvent], None] = lambda event: None
        self.headers: Headers = ()
        self.refusal: Exception | None = None
        self.fetched: list[str] = []

    def call(self, caller: object, to: Destination, headers: Headers, told: Any) -> Leg:
        if self.refusal:
            raise self.refusal
        self.headers, self.told = headers, told
        return self.second

    def refer_to(self, caller: object, to: Destination) -> str:
        if self.refusal:
            raise self.refusal
        return to.target

    async def ready(self, sound: str) -> bool:
        self.fetched.append(sound)
        return sound == "hold"


class Scene(stage.Scene):
    def __init__(self, to: Destination, onward: bool = False) -> None:
        tool = ToolBrief(
            kind="transferCall", name="move", options={"destinations": [to.model_dump(mode="json")]}
        )
        super().__init__(stage.BRIEF.model_copy(update={"tools": (tool,)}))
        self.house = House()
        self.leg = Leg(self.house.line(1))
        self.other = FakeReach(self.house)
        self.call.leg = cast(Any, self.leg)
        self.call.house = replace(self.call.house, reach=cast(Reach, self.other))
        self.call.forwarding.onward = to if onward else None
        self.call.leg_event(Up())
        self.house.lines["agent"][1] = 0
        self.to = to

    async def begin(self) -> None:
        """The model asks for it; returns when it is under way."""
        self.agents.listener(Action(call="c1", action="a1", tool="move", kind="transferCall",
                                    arguments={"destination": self.to.name}))  # fmt: skip
        await self.until(lambda: self.call.forwarding.state not in (None, State.START))

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0)

    def said(self, text: str = "words") -> None:
        self.agents.listener(
            Spoken(call="c1", role="assistant", text=text, began_at=0.0, ended_at=1.0)
        )

    def of(self, kind: type) -> list[ToAgent]:
        return [message for message in self.agents.told if isinstance(message, kind)]

    @property
    def flags(self) -> int:
        return int(self.house.lines["mixes"][1])

    @property
    def hears_other(self) -> bool:
        sources = self.house.lines["sources"]
        return bool((sources[1] == 3).any() and (sources[2] == 2).any())

    def speak(self, row: int, voiced: int, silent: int) -> None:
        lines = self.house.media
        for kind, count in ((VOICED, voiced), (0, silent)):
            for _ in range(count):
                lines["speech"][row, int(lines["beat"][row]) % RING] = kind
                lines["beat"][row] += 1

    def press(self, row: int, code: int) -> None:
        lines = self.house.media
        lines["digit"][row, int(lines["digits"][row]) % 32] = code
        lines["digits"][row] += 1

    def play(self, row: int, sound: np.ndarray) -> None:
        """At most a second and a half of samples that the peer sends."""
        lines = self.house.media
        for frame in sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME):
            lines["heard"][row, int(lines["beat"][row]) % RING] = frame
            lines["beat"][row] += 1

    async def result(self) -> ActionResult:
        await self.until(lambda: self.of(ActionResult))
        return cast(ActionResult, self.of(ActionResult)[0])

    async def back(self, outcome: str, *words: str) -> None:
        """The caller is with the agent, who is told; everything is as it was."""
        result = await self.result()
        assert not result.ok
        for word in (*words, "still on the line"):
            assert word in result.content
        assert not self.flags & (UNHEARD | HUSHED | LENT)
        assert not self.house.lines["play_frames"][1]
        assert not self.hears_other
        aways = self.of(Away)
        assert not aways or not cast(Away, aways[-1]).away
        assert not self.over.is_set()
        assert self.call.record.transfers[-1].outcome == outcome
        assert self.call.record.events[-2].what == "transfer_failed"  # the last is the action's
        assert not self.house.lines["followers"].any()
        self.call.end("manually-canceled")
        await self.finished()

    async def ended(self, reason: str, outcome: str) -> CallRecord:
        record = await self.finished()
        assert record.ended_reason == reason
        assert record.transfers[-1].outcome == outcome
        assert not self.house.lines["followers"].any()
        assert self.leg.closed
        return record


BLIND = Destination(name="+15550100", target="tel:+15550100", papers={"type": "number"})
DIAL = BLIND.model_copy(update={"verb": "dial"})
TOLD = BLIND.model_copy(update={"verb": "dial", "meeting": "told", "message": "A caller for you."})
GREETS = TOLD.model_copy(update={"meeting": "greets"})
ACCEPTS = TOLD.model_copy(update={"meeting": "accepts"})
GONE = Down(by_peer=True, answered=True, status=None, detail="")


async def begun(to: Destination, **more: Any) -> Scene:
    scene = Scene(to.model_copy(update=more))
    await scene.begin()
    return scene
