"""Whether a call may be recorded is asked first; what comes of either answer."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, cast

import pytest

from gateway.agent.brief import Brief, ConsentPlan, ToolBrief
from gateway.agent.handing import Context
from gateway.agent.messages import Action, Offer, Spoken, Start
from gateway.calls.leg import Down, Up
from gateway.calls.ports import Successor
from tests.calls import stage
from tests.calls.test_handover import Agents, Tools

ASKING = stage.BRIEF.model_copy(update={"record": False, "greeting": "May we?", "tools": ()})
MCP = ToolBrief(kind="mcp", name="shelf")


def asked(kind: Literal["stay-on-line", "verbal"], wait_s: float = 0.0) -> Brief:
    plan = ConsentPlan(kind=kind, brief=ASKING, wait_s=wait_s)
    return stage.BRIEF.model_copy(update={"consent": plan, "elsewhere": (MCP,), "name": "Ann"})


class Scene(stage.Scene):
    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self.heirs, self.desk = Agents(), Tools()
        agents, tools = cast(Any, self.heirs), cast(Any, self.desk)
        self.call.house = replace(self.call.house, agents=agents, tools=tools)
        self.call.agents, self.call.tools = agents, tools
        self.call.record.assistant_id = "a1"

    def says(self, text: str, interrupted: bool = False) -> None:
        self.heirs.listener(
            Spoken(
                call="c1", role="assistant", text=text, began_at=1.0, ended_at=2.0,
                interrupted=interrupted,
            )
        )  # fmt: skip

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0)

    @property
    def first(self) -> Start:
        return next(message for message in self.heirs.told if isinstance(message, Start))


async def test_who_stays_on_the_line_is_recorded_from_then_on() -> None:
    scene = Scene(asked("stay-on-line"))
    scene.call.leg_event(Up())
    assert scene.first.brief == ASKING
    assert not scene.leg.recorded
    assert scene.call.record.consent
    assert scene.call.record.consent.granted_at is None
    scene.says("May", interrupted=True)
    await asyncio.sleep(0)
    assert not scene.heirs.heirs
    scene.says("May we?")
    await scene.until(lambda: scene.leg.recorded)
    (heir,) = scene.heirs.heirs
    assert (heir.brief.name, heir.brief.consent, heir.history) == ("Ann", None, ())
    assert scene.call.record.consent.granted_at
    assert scene.call.record.assistant_id == "a1"
    await scene.until(lambda: any(isinstance(m, Offer) for m in scene.heirs.told))
    scene.says("Hello.")  # what comes later is nobody's consent
    scene.call.end("manually-canceled")
    record = await scene.finished()
    assert [event.what for event in record.events].count("recording_consent") == 1


@pytest.mark.parametrize("kind", ["stay-on-line", "verbal"])
async def test_who_hangs_up_before_has_not_agreed(kind: Literal["stay-on-line", "verbal"]) -> None:
    scene = Scene(asked(kind, wait_s=3600.0))
    scene.call.leg_event(Up())
    scene.says("May we?")
    scene.call.leg_event(Down(by_peer=True, answered=True, status=None, detail=""))
    record = await scene.finished()
    assert record.consent
    assert (record.consent.type, record.consent.granted_at) == (kind, None)
    assert (record.recording, scene.leg.recorded, scene.heirs.heirs) == (None, "", [])


async def test_who_says_yes_is_recorded_from_then_on() -> None:
    scene = Scene(asked("verbal"))
    scene.call.leg_event(Up())
    scene.says("May we?")
    await asyncio.sleep(0)
    assert not scene.heirs.heirs  # to stay is not enough
    scene.heirs.listener(
        Action(call="c1", action="t1", tool="recording_consent_given", kind="recordingConsent")
    )
    await scene.until(lambda: scene.leg.recorded)
    assert scene.call.record.consent
    assert scene.call.record.consent.granted_at
    scene.call.end("manually-canceled")
    await scene.finished()


async def test_one_who_cannot_come_then_ends_the_call() -> None:
    scene = Scene(asked("stay-on-line"))
    scene.heirs.error = "no voice"
    scene.call.leg_event(Up())
    scene.says("May we?")
    record = await scene.finished()
    assert (record.ended_reason, record.ended_detail) == (
        "call.start.error-get-assistant", "no voice",
    )  # fmt: skip


async def test_it_is_asked_for_once_and_also_by_a_later_assistant() -> None:
    scene = Scene(stage.BRIEF)
    scene.call.leg_event(Up())
    later = Successor(brief=asked("verbal"), name="Ann", papers={}, context=Context())
    assert await scene.call.handover.to(later) == ""
    assert scene.heirs.heirs[-1].brief == ASKING
    assert scene.leg.paused  # what was recorded without a question goes on only with an answer
    await scene.call.consent.granted()
    assert scene.heirs.heirs[-1].brief.name == "Ann"
    assert scene.heirs.heirs[-1].history  # of the assistant before
    assert not scene.leg.paused
    assert await scene.call.handover.to(later) == ""
    assert (scene.heirs.heirs[-1].brief.name, scene.heirs.heirs[-1].brief.consent) == ("Ann", None)
    scene.call.end("manually-canceled")
    await scene.finished()
