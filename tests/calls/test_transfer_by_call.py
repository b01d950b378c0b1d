"""Transfers by a call of our own: at once, or with words to the other party first."""

import asyncio
from typing import Any, cast

import numpy as np
import pytest

from gateway.agent.messages import (
    Say,
)
from gateway.calls.destination import Destination
from gateway.calls.leg import Down, Pressed, Up
from gateway.calls.ports import CallRefused
from gateway.calls.record import Status
from gateway.calls.transfer_table import State
from gateway.errors import NoRoom
from gateway.media.lines import (
    HUSHED,
    LENT,
    NO_PAYLOAD,
    UNHEARD,
)
from tests.calls.transferring import (
    ACCEPTS,
    BLIND,
    DIAL,
    GONE,
    GREETS,
    TOLD,
    Scene,
    begun,
)

pytestmark = pytest.mark.usefixtures("transfers_at_once")


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
