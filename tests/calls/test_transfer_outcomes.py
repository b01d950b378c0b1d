"""What holds of each transfer, whoever wishes for it and however it is carried out, and of calls on
hold. The outcomes are those of docs/transfers.md."""

import re
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agent.brief import ToolBrief
from gateway.agent.messages import (
    Action,
    Add,
    Away,
    HangUp,
)
from gateway.calls import outcomes
from gateway.calls.leg import Down, Up
from gateway.calls.ports import Route
from gateway.calls.steering import Steering
from gateway.calls.transfer_table import TABLE, State
from gateway.media.lines import (
    HUSHED,
    UNHEARD,
)
from tests.calls import stage
from tests.calls.transferring import BLIND, DIAL, TOLD, Scene, begun

DOCS = Path(__file__).parents[2] / "docs/transfers.md"

pytestmark = pytest.mark.usefixtures("transfers_at_once")


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
