"""Every way through a transfer, and its outcome: who has the caller, what the record and the model
are told, and why the call ended if it did. The rows are those of docs/transfers.md."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agent.brief import ToolBrief
from gateway.agent.messages import (
    Action,
    ActionResult,
    Add,
    Away,
    HangUp,
    Happened,
    Say,
    Spoken,
    Summarise,
    Summary,
    ToAgent,
)
from gateway.calls import forwarding, outcomes, transfer
from gateway.calls.destination import Destination
from gateway.calls.leg import Down, Headers, LegEvent, Pressed, Referring, Up
from gateway.calls.ports import CallRefused, Route
from gateway.calls.record import CallRecord, Status
from gateway.calls.second_leg import Reach
from gateway.calls.steering import Steering
from gateway.calls.transfer_table import TABLE, State
from gateway.errors import GatewayError, NoRoom
from gateway.media.line import Line, Owner
from gateway.media.lines import (
    FRAME,
    HUSHED,
    LENT,
    NO_PAYLOAD,
    RING,
    UNHEARD,
    VOICED,
    Lines,
    Writer,
)
from gateway.media.sounds import Sounds
from tests.calls import stage

DOCS = Path(__file__).parents[2] / "docs/transfers.md"


_houses: list["House"] = []


class House:
    """The owner of all lines."""

    def __init__(self) -> None:
        self.lines = Lines.make(4)
        self.sounds = Sounds(self.lines, "us")
        self.media = Lines(self.lines.fd, 4, Writer.MEDIA)
        _houses.append(self)

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


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(transfer, "LOOK_S", 0.0)
    monkeypatch.setattr(forwarding, "QUIET_LOOK_S", 0.0)
    yield
    while _houses:
        _houses.pop().lines.close()


BLIND = Destination(name="+15550100", target="tel:+15550100", papers={"type": "number"})
DIAL = BLIND.model_copy(update={"verb": "dial"})
TOLD = BLIND.model_copy(update={"verb": "dial", "meeting": "told", "message": "A caller for you."})
GREETS = TOLD.model_copy(update={"meeting": "greets"})
ACCEPTS = TOLD.model_copy(update={"meeting": "accepts"})


async def begun(to: Destination, **more: Any) -> Scene:
    scene = Scene(to.model_copy(update=more))
    await scene.begin()
    return scene


# By REFER.


async def test_the_callers_side_takes_the_refer_and_reports_success() -> None:
    scene = await begun(BLIND, headers=(("X-Account", "7"),))
    assert scene.leg.referred == [("tel:+15550100", None, (("X-Account", "7"),))]
    scene.call.leg_event(Referring("accepted"))
    scene.call.leg_event(Referring("done", 200))
    record = await scene.ended("assistant-forwarded-call", "connected")
    assert Status.FORWARDING in scene.statuses
    assert record.destination == {"type": "number"}
    (update,) = [m for m in scene.followed if isinstance(m, Happened) and m.what == "transfer"]
    assert update.facts == {"destination": {"type": "number"}}


async def test_the_refer_is_refused() -> None:
    scene = await begun(BLIND)
    scene.call.leg_event(Referring("refused", 603, "Decline"))
    await scene.back("failed", "refused to transfer", "603 Decline")


async def test_a_leg_that_cannot_refer() -> None:
    scene = Scene(BLIND)
    scene.leg.cannot = GatewayError("another REFER is under way in this call")
    await scene.begin()
    await scene.back("failed", "another REFER is under way")


@pytest.mark.parametrize(
    ("status", "detail", "outcome", "words"),
    [
        (486, "Busy Here", "busy", "busy"),
        (408, "no NOTIFY told how the transfer went", "no-answer", "no NOTIFY"),
        (603, "Decline", "declined", "declined"),
        (404, "Not Found", "failed", "404"),
        (None, "the peer stopped telling how the transfer goes", "failed", "Nobody told"),
    ],
)
async def test_the_refer_is_taken_and_comes_to_nothing(
    status: int | None, detail: str, outcome: str, words: str
) -> None:
    scene = await begun(BLIND)
    scene.call.leg_event(Referring("accepted"))
    scene.call.leg_event(Referring("refused", status, detail))
    await scene.back(outcome, words)
    assert scene.call.record.transfers[0].status == status


GONE = Down(by_peer=True, answered=True, status=None, detail="")


async def test_the_caller_hangs_up_before_the_refer_is_taken() -> None:
    scene = await begun(BLIND)
    scene.call.leg_event(GONE)
    await scene.ended("customer-ended-call-during-transfer", "cancelled")


async def test_the_caller_is_let_go_once_the_refer_is_taken() -> None:
    scene = await begun(BLIND)
    scene.call.leg_event(Referring("accepted"))
    scene.call.leg_event(GONE)
    await scene.ended("assistant-forwarded-call", "forwarded")


async def test_a_summary_goes_in_a_header() -> None:
    scene = Scene(BLIND.model_copy(update={"summary": True, "headers_in_uri": True}))
    scene.agents.listener(Action(call="c1", action="a1", tool="move", kind="transferCall"))
    await scene.until(lambda: scene.of(Summarise))
    scene.agents.listener(Summary(call="c1", text="Wants\r\na table."))
    await scene.until(lambda: scene.leg.referred)
    assert scene.leg.referred[0][0] == "tel:+15550100?X-Transfer-Summary=Wants%20a%20table."
    scene.call.end("manually-canceled")
    await scene.ended("manually-canceled", "cancelled")


async def test_bye_lets_go_with_headers() -> None:
    scene = Scene(BLIND.model_copy(update={"verb": "bye", "headers": (("X-Route", "sales"),)}))
    scene.agents.listener(Action(call="c1", action="a1", tool="move", kind="transferCall"))
    await scene.ended("assistant-forwarded-call", "forwarded")
    assert scene.leg.parting == (("X-Route", "sales"),)


# By a call of our own.


async def test_ringback_and_then_the_two_talk_without_the_agent() -> None:
    scene = await begun(DIAL, extension="12")
    assert scene.flags & UNHEARD
    assert scene.flags & HUSHED
    assert scene.house.lines["play_frames"][1]
    scene.other.told(Up())
    await scene.until(lambda: scene.hears_other)
    assert scene.other.second.dialled == ["12"]
    assert not scene.flags & (UNHEARD | HUSHED)
    assert not scene.house.lines["play_frames"][1]
    assert scene.statuses[-1] is Status.FORWARDING
    await scene.until(lambda: scene.agents.stopped == ["c1"])
    scene.other.told(GONE)
    await scene.ended("assistant-forwarded-call", "completed")
    assert scene.other.second.closed


async def test_two_may_not_talk_for_ever() -> None:
    scene = Scene(DIAL)
    scene.other.bridged_s = 0.001
    await scene.begin()
    scene.other.told(Up())
    record = await scene.ended("assistant-forwarded-call", "completed")
    assert "longest time" in record.transfers[-1].detail
    assert scene.other.second.hung_up
    assert scene.leg.hung_up


async def test_the_caller_hangs_up_on_the_other_party() -> None:
    scene = await begun(DIAL)
    scene.other.told(Up())
    await scene.until(lambda: scene.hears_other)
    scene.call.leg_event(GONE)
    await scene.ended("assistant-forwarded-call", "completed")
    assert scene.other.second.hung_up


@pytest.mark.parametrize("events", [True, False], ids=["events", "tones, which a bridge carries"])
async def test_keys_cross_the_bridge(events: bool) -> None:
    scene = await begun(DIAL)
    scene.other.told(Up())
    await scene.until(lambda: scene.hears_other)
    if not events:
        scene.house.lines["digits_in"][1:3] = NO_PAYLOAD
    scene.press(1, 5)
    scene.press(2, 11)
    scene.call.leg_event(Pressed("7"))
    scene.other.told(Pressed("8"))
    await scene.until(lambda: "7" in scene.other.second.dialled and "8" in scene.leg.dialled)
    for _ in range(5):
        await asyncio.sleep(0)
    assert sorted(scene.other.second.dialled) == (["5", "7"] if events else ["7"])
    assert sorted(scene.leg.dialled) == (["#", "8"] if events else ["8"])
    scene.call.end("manually-canceled")
    await scene.finished()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(486, "busy"), (480, "no-answer"), (603, "declined"), (503, "failed"), (408, "no-answer")],
)
async def test_the_other_party_cannot_be_had(status: int, outcome: str) -> None:
    for to in (DIAL, TOLD):
        scene = await begun(to)
        scene.other.told(Down(by_peer=True, answered=False, status=status, detail="No"))
        await scene.back(outcome, str(status))
        assert scene.other.second.closed


@pytest.mark.parametrize("error", [CallRefused("no pattern allows it"), NoRoom("all are taken")])
async def test_whom_we_may_not_call_is_not_called(error: Exception) -> None:
    for to in (BLIND, DIAL, TOLD):
        if isinstance(error, NoRoom) and to is BLIND:
            continue
        scene = Scene(to)
        scene.other.refusal = error
        await scene.begin()
        await scene.back("failed", str(error))


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        (DIAL, "customer-ended-call-during-transfer"),
        (TOLD, "customer-ended-call-before-warm-transfer"),
    ],
)
async def test_the_caller_hangs_up_while_it_rings(to: Destination, reason: str) -> None:
    scene = await begun(to)
    scene.call.leg_event(GONE)
    await scene.ended(reason, "cancelled")
    assert scene.other.second.hung_up


# With words to the other party first.


async def test_it_is_told_why_while_the_caller_hears_music() -> None:
    scene = await begun(TOLD)
    assert scene.house.lines["play_frames"][1]
    scene.other.told(Up())
    await scene.until(lambda: scene.of(Say))
    (say,) = scene.of(Say)
    assert say == Say(call="c1", text="A caller for you.", aside=True)
    assert scene.flags & LENT
    assert scene.flags & UNHEARD
    assert not scene.hears_other
    scene.said()
    await scene.until(lambda: scene.hears_other)
    assert not scene.flags & LENT
    scene.call.end("manually-canceled")
    await scene.ended("manually-canceled", "cancelled")


async def test_it_hangs_up_while_it_is_told() -> None:
    scene = await begun(TOLD)
    scene.other.told(Up())
    await scene.until(lambda: scene.of(Say))
    scene.other.told(GONE)
    assert cast(Say, scene.of(Say)[-1]).interrupt  # the caller does not hear the rest of it
    await scene.back("failed", "hung up before")


async def test_the_caller_hangs_up_while_it_is_told() -> None:
    scene = await begun(TOLD)
    scene.other.told(Up())
    await scene.until(lambda: scene.of(Say))
    scene.call.leg_event(GONE)
    await scene.ended("customer-ended-call-after-warm-transfer-attempt", "cancelled")


async def test_it_speaks_first() -> None:
    scene = await begun(GREETS)
    scene.other.told(Up())
    await scene.until(lambda: scene.call.forwarding.state is State.LISTENING)
    assert not scene.of(Say)
    scene.speak(2, 20, 40)
    await scene.until(lambda: scene.of(Say))
    scene.said()
    await scene.until(lambda: scene.hears_other)
    scene.call.end("manually-canceled")
    await scene.finished()


@pytest.mark.parametrize("told", [False, True])
async def test_a_mailbox_is_no_one_to_take_the_call(told: bool) -> None:
    """It is known by its beep, also after it has paused and is being told of the caller."""
    scene = await begun(GREETS)
    scene.other.told(Up())
    await scene.until(lambda: scene.call.forwarding.state is State.LISTENING)
    if told:
        scene.speak(2, 20, 40)
        await scene.until(lambda: scene.call.forwarding.state is State.TELLING)
    t = np.arange(8000) / 16_000
    beep = np.concatenate([8000 * np.sin(2 * np.pi * 1000 * t), np.zeros(12_000)])
    scene.play(2, beep.astype(np.int16))
    await scene.back("no-answer", "machine answered (beep)")


async def test_nobody_speaks() -> None:
    scene = await begun(GREETS, patience_s=0.01)
    scene.other.told(Up())
    await scene.back("no-answer", "nobody spoke")


async def pressing(patience_s: float = 60.0, **more: Any) -> Scene:
    scene = await begun(ACCEPTS, patience_s=patience_s, **more)
    scene.other.told(Up())
    await scene.until(lambda: scene.call.forwarding.state is State.LISTENING)
    scene.speak(2, 20, 40)
    await scene.until(lambda: scene.of(Say))
    assert cast(Say, scene.of(Say)[0]).text.endswith(
        "Press 1 to take the call, or 2 to decline it."
    )
    return scene


@pytest.mark.parametrize("early", [True, False])
async def test_it_takes_the_call_by_a_key(early: bool) -> None:
    scene = await pressing()
    if early:
        scene.press(2, 1)
        for _ in range(50):
            await asyncio.sleep(0)
        scene.said()
    else:
        scene.said()
        assert not scene.hears_other
        scene.press(2, 1)
    await scene.until(lambda: scene.hears_other)
    assert not scene.leg.dialled
    scene.call.end("manually-canceled")
    await scene.finished()


async def test_it_declines_by_a_key() -> None:
    scene = await pressing()
    scene.said()
    scene.other.told(Pressed("2"))
    await scene.back("declined", "declined to take the call")


async def test_it_presses_nothing_as_a_machine_would() -> None:
    scene = await pressing(0.01)
    scene.said()
    await scene.back("no-answer", "nobody accepted")


async def test_an_apology_ends_the_call_for_the_reason_of_the_failure() -> None:
    scene = await begun(TOLD, apology="Nobody is there.", end_on_failure=True)
    scene.other.told(Down(by_peer=True, answered=False, status=486, detail="Busy"))
    await scene.until(lambda: scene.of(Say))
    assert scene.of(Say) == [Say(call="c1", text="Nobody is there.", then_end=True)]
    scene.call.end("assistant-ended-call")  # as the agent asks for when it has been said
    await scene.ended("call.forwarding.operator-busy", "busy")


# Attended: the caller's side takes the place of our call.

REPLACED = TOLD.model_copy(update={"verb": "refer"})


async def consulted() -> Scene:
    scene = await begun(REPLACED)
    scene.other.told(Up())
    await scene.until(lambda: scene.of(Say))
    scene.said()
    assert scene.leg.referred == [("tel:+15550100", scene.other.second, ())]
    return scene


async def test_the_callers_side_replaces_our_call() -> None:
    scene = await consulted()
    scene.call.leg_event(Referring("accepted"))
    scene.other.told(GONE)
    scene.call.leg_event(Referring("done", 200))
    await scene.ended("assistant-forwarded-call", "connected")


async def test_a_caller_whose_side_cannot_is_bridged_instead() -> None:
    scene = await consulted()
    scene.call.leg_event(Referring("refused", 501, "Not Implemented"))
    await scene.until(lambda: scene.hears_other)
    scene.call.end("manually-canceled")
    await scene.finished()


async def test_it_goes_while_it_is_replaced_in_vain() -> None:
    scene = await consulted()
    scene.other.told(GONE)
    scene.call.leg_event(Referring("refused", 481, "gone"))
    await scene.back("failed", "hung up before")


# Without an agent to wish for it.


async def test_a_party_that_is_sent_on_as_soon_as_it_is_there() -> None:
    scene = Scene(DIAL, onward=True)
    await scene.until(lambda: scene.call.forwarding.state is State.DIALLING)
    scene.other.told(Down(by_peer=True, answered=False, status=480, detail="No"))
    await scene.ended("call.forwarding.no-answer", "no-answer")


async def test_a_wish_from_outside() -> None:
    scene = Scene(DIAL)
    assert scene.call.forwarding.start(DIAL)
    await scene.until(lambda: scene.call.forwarding.state is State.DIALLING)
    scene.other.told(Up())
    await scene.until(lambda: scene.hears_other)
    assert not scene.call.forwarding.start(DIAL)  # the agent has left
    scene.call.end("manually-canceled")
    await scene.ended("manually-canceled", "cancelled")


async def test_a_caller_waits_and_goes_on() -> None:
    scene = Scene(DIAL)
    holding = scene.call.holding
    assert holding.resume() is None
    assert holding.hold()
    assert not holding.hold()
    assert scene.leg.held
    assert scene.flags & UNHEARD
    assert scene.flags & HUSHED
    assert scene.house.lines["play_frames"][1]
    assert holding.resume() is not None
    assert not scene.leg.held
    assert not scene.flags & (UNHEARD | HUSHED)
    assert not scene.house.lines["play_frames"][1]
    assert [cast(Away, away).away for away in scene.of(Away)] == [True, False]
    assert holding.hold()
    await scene.begin()
    assert not scene.leg.held  # a transfer takes it back
    assert not holding.hold()  # it waits already
    scene.other.told(Up())
    await scene.until(lambda: scene.hears_other)
    assert holding.hold()
    assert scene.leg.held
    assert scene.other.second.held
    assert not scene.hears_other
    assert holding.resume() is not None
    assert not scene.leg.held
    assert not scene.other.second.held
    assert scene.hears_other
    scene.call.end("manually-canceled")
    await scene.finished()


async def test_who_is_held_from_outside_is_told_of_to_the_model() -> None:
    scene = Scene(DIAL)
    assert Steering(scene.call).hold()
    assert Steering(scene.call).resume()
    assert "on hold" in cast(Add, scene.of(Add)[-1]).messages[0]["content"]
    scene.call.end("manually-canceled")
    await scene.finished()


@pytest.mark.parametrize("by", ["time", "operator", "end"])
async def test_an_agent_puts_its_caller_on_hold(by: str) -> None:
    scene = Scene(DIAL)
    tool = ToolBrief(kind="hold", name="wait", options={"max_s": 0.01 if by == "time" else 600.0})
    scene.call.take_on(Route(brief=stage.BRIEF.model_copy(update={"tools": (tool,)})))
    scene.agents.listener(
        Action(call="c1", action="a1", tool="wait", kind="hold", arguments={"seconds": 300})
    )
    if by != "time":
        await scene.until(lambda: scene.leg.held)
        assert scene.flags & HUSHED
    if by == "operator":
        assert Steering(scene.call).resume()
        assert not Steering(scene.call).resume()
        assert not scene.of(Add)  # the tool's result says it
    if by == "end":
        scene.call.end("manually-canceled")
    else:
        result = await scene.result()
        assert result.ok
        assert "back on the line" in result.content
        assert [e.what for e in scene.call.record.events if e.what in ("hold", "resume")] == [
            "hold",
            "resume",
        ]
        assert not scene.leg.held
        scene.call.end("manually-canceled")
    await scene.finished()
    await scene.until(lambda: not len(scene.tasks))


# All of them.


async def test_one_at_a_time() -> None:
    scene = await begun(BLIND)
    scene.agents.listener(Action(call="c1", action="a2", tool="move", kind="transferCall"))
    result = await scene.result()
    assert (result.action, result.ok) == ("a2", False)
    assert "under way" in result.content
    scene.call.end("manually-canceled")
    await scene.finished()


def test_every_state_can_be_left_by_all_who_may_leave() -> None:
    for state in State:
        if state not in (State.OVER,):
            assert TABLE[state, "cancel"][0] is State.OVER
            assert TABLE[state, "caller-gone"][0] is State.OVER
    for state in (State.LISTENING, State.TELLING, State.ASKING, State.REPLACING, State.BRIDGED):
        assert (state, "lost") in TABLE


INPUTS = sorted({what for _, what in TABLE})


@given(st.sampled_from(["refer", "bye", "dial", "call"]), st.lists(st.sampled_from(INPUTS)))
def test_whatever_comes_in_whatever_order_there_is_one_outcome(wish: str, came: list[str]) -> None:
    """And when the caller hangs up, at the latest."""
    state, ends = State.START, []
    for what in (wish, *came, "caller-gone"):
        state, actions = TABLE.get((state, what), (state, ""))
        ends += [action for action in actions.split() if action.startswith("end-")]
    assert state is State.OVER
    (end,) = ends
    assert end.removeprefix("end-") in outcomes.OUTCOMES


@pytest.mark.parametrize("state", [s for s in State if s is not State.OVER])
@pytest.mark.parametrize("what", ["caller-gone", "cancel", "broken"])
def test_from_every_state_each_end_of_the_call_is_an_outcome(state: State, what: str) -> None:
    after, does = TABLE[state, what]
    assert after is State.OVER
    assert [a for a in does.split() if a.startswith("end-")] == does.split()


async def test_the_agent_ends_the_call_while_it_is_transferred() -> None:
    scene = await begun(TOLD)
    scene.agents.listener(HangUp(call="c1", reason="assistant-ended-call"))
    await scene.ended("assistant-ended-call", "cancelled")
    assert scene.other.second.hung_up


def test_every_outcome_is_documented_and_reached() -> None:
    ends = {a.removeprefix("end-") for _, does in TABLE.values() for a in does.split()
            if a.startswith("end-")}  # fmt: skip
    finer = {outcomes.of_status("failed", status) for status in (None, 404, 408, 486, 603)}
    assert ends | finer == set(outcomes.OUTCOMES)
    rows = DOCS.read_text().partition("## Outcomes")[2]
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", rows, re.MULTILINE))
    assert documented == set(outcomes.OUTCOMES)
