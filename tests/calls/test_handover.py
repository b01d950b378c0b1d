"""Another agent takes the call: what the next one is given, and what the record keeps of it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from gateway.agent.brief import ToolBrief
from gateway.agent.handing import Context
from gateway.agent.messages import (
    Action,
    ActionResult,
    Became,
    Checkpoint,
    Extract,
    Extracted,
    FromAgent,
    Know,
    Say,
    Spoken,
    Start,
)
from gateway.agent.plans import VoicemailPlan
from gateway.api.destinations import destination
from gateway.calls.errand import Errand
from gateway.calls.leg import Up
from gateway.calls.ports import CallRefused, Successor
from tests.calls import stage

SALES = stage.BRIEF.model_copy(update={"greeting": "Sales here."})
CALLED = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "a1", "name": "move", "arguments": "{}"}],
}
CONVERSATION: tuple[dict[str, Any], ...] = (
    {"role": "system", "content": "You are the desk."},
    {"role": "user", "content": "Sales, please."},
    CALLED,
)


class Agents(stage.FakeAgents):
    """One agent that stands somewhere, and a successor that comes or does not."""

    error = ""

    def __init__(self) -> None:
        super().__init__()
        self.heirs: list[Start] = []

    def conversation(self, call: str) -> tuple[Start, Checkpoint]:
        start = Start(call=call, row=3, brief=stage.BRIEF)
        return start, Checkpoint(conversation=CONVERSATION, turns=1)

    def become(self, start: Start) -> None:
        self.heirs.append(start)
        self.listener(Became(call=start.call, part=start.part, error=self.error))


class Tools(stage.FakeTools):
    def __init__(self) -> None:
        super().__init__()
        self.wanted: list[dict[str, Any]] = []
        self.successors: list[Successor | CallRefused] = []

    async def successor(self, errand: Errand) -> Successor:
        self.wanted.append(errand.written)
        found = self.successors.pop(0)
        if isinstance(found, CallRefused):
            raise found
        return found


def sales(**more: Any) -> Successor:
    papers = {"assistant": {"name": "Sales"}}
    return Successor(brief=SALES, name="Sales", papers=papers, assistant_id="s1", **more)


class Scene(stage.Scene):
    def __init__(self, given: dict[str, Any], kind: str) -> None:
        options = {}
        if kind == "transferCall":
            known = destination(given, "en").model_dump(mode="json")
            options = {"destinations": [known]}
        tool = ToolBrief(kind=kind, name="move", options=options, written={"destinations": [given]})
        super().__init__(stage.BRIEF.model_copy(update={"tools": (tool,)}))
        self.heirs, self.desk, self.kind = Agents(), Tools(), kind
        self.agents = self.heirs
        agents, tools = cast(Any, self.heirs), cast(Any, self.desk)
        self.call.house = replace(self.call.house, agents=agents, tools=tools)
        self.call.agents, self.call.tools = agents, tools
        self.call.leg_event(Up())

    def ask(self, action: str = "a1") -> None:
        self.heirs.listener(Action(call="c1", action=action, tool="move", kind=self.kind))

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0)

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.heirs.told if isinstance(message, kind)]

    def followed_by(self, kind: type) -> list[FromAgent]:
        return [message for message in self.followed if isinstance(message, kind)]

    async def end(self) -> None:
        self.call.end("manually-canceled")
        await self.finished()


TO_SALES = {"type": "assistant", "assistantName": "Sales"}


async def test_who_comes_later_does_not_ask_itself_who_has_answered() -> None:
    """The caller's long story would be a machine's greeting."""
    scene = Scene(TO_SALES, "handoff")
    detecting = SALES.model_copy(update={"voicemail": VoicemailPlan()})
    scene.desk.successors.append(replace(sales(), brief=detecting))
    scene.ask()
    await scene.until(lambda: scene.heirs.heirs)
    assert scene.heirs.heirs[0].brief == SALES
    await scene.end()


async def test_a_transfer_to_an_assistant_is_a_handoff() -> None:
    scene = Scene({**TO_SALES, "message": "I give you Sales."}, "transferCall")
    scene.desk.successors = [sales(context=Context(kind="rolling"))]
    scene.ask()
    await scene.until(lambda: scene.of(Say))
    assert scene.of(Say) == [Say(call="c1", text="I give you Sales.")]
    assert scene.heirs.heirs == []  # not before that has been said
    scene.heirs.listener(
        Spoken(call="c1", role="assistant", text="words", began_at=0.0, ended_at=1.0)
    )
    await scene.until(lambda: scene.followed_by(Became))
    ((way,),) = [tool["destinations"] for tool in scene.desk.wanted]
    assert (way["assistantName"], way["transferMode"]) == ("Sales", "rolling-history")
    (start,) = scene.heirs.heirs
    assert (start.brief.greeting, start.part, start.turns) == ("Sales here.", 1, 1)
    assert start.rolling
    result = "The call has been handed over to Sales."
    answered = {"role": "tool", "content": result, "tool_call_id": "a1"}
    assert start.history == (*CONVERSATION, answered)
    assert scene.of(ActionResult) == []
    record = scene.call.record
    assert (record.assistant_id, scene.call.papers["assistant"]["name"]) == ("s1", "Sales")
    assert [one.name for one in record.activations][-1] == "Sales"
    assert (record.transcript[-1].role, record.transcript[-1].text) == ("tool_result", result)
    await scene.end()


async def test_the_owner_s_transfer_mode_is_kept() -> None:
    mode = "swap-system-message-in-history"
    scene = Scene({**TO_SALES, "transferMode": mode, "message": ""}, "transferCall")
    scene.desk.successors = [sales()]
    scene.ask()
    await scene.until(lambda: scene.heirs.heirs)
    assert scene.desk.wanted[0]["destinations"][0]["transferMode"] == mode
    assert [m["role"] for m in scene.heirs.heirs[0].history] == ["user", "assistant", "tool"]
    await scene.end()


@pytest.mark.parametrize("kind", ["transferCall", "handoff"])
async def test_one_who_cannot_come_leaves_the_call_with_its_agent(kind: str) -> None:
    scene = Scene({**TO_SALES, "message": ""}, kind)
    scene.desk.successors = [CallRefused("There is no Sales."), sales(), sales()]
    scene.ask()
    await scene.until(lambda: len(scene.of(ActionResult)) == 1)
    scene.heirs.error = "no such voice"
    scene.ask()
    await scene.until(lambda: len(scene.of(ActionResult)) == 2)
    first, second = scene.of(ActionResult)
    assert (first.ok, second.ok) == (False, False)
    assert "There is no Sales." in first.content
    assert "no such voice" in second.content
    assert scene.call.record.events[-2].what == "handoff_failed"
    assert scene.call.brief.greeting == ""
    scene.heirs.error = ""
    scene.ask()
    await scene.until(lambda: scene.followed_by(Became))
    assert scene.call.brief.greeting == "Sales here."
    await scene.end()


async def test_facts_become_variables_before_the_next_one_comes() -> None:
    scene = Scene(TO_SALES, "handoff")
    schema = {"type": "object", "properties": {"day": {"type": "string"}}}
    heir = sales(extract=schema, variables={"shop": "North"}, result="Sales has it.")
    scene.desk.successors = [replace(heir, derive=lambda facts: facts | {"when": facts["day"]})]
    scene.ask()
    await scene.until(lambda: scene.of(Extract))
    assert scene.of(Extract)[0].schema_ == schema
    assert scene.heirs.heirs == []
    scene.heirs.listener(Extracted(call="c1", values={"day": "Monday"}))
    await scene.until(lambda: scene.heirs.heirs)
    known = scene.heirs.heirs[0].variables
    assert (known["day"], known["shop"]) == ("Monday", "North")
    told = [{"day": "Monday", "when": "Monday"}, {"shop": "North"}]
    assert [k.variables for k in scene.of(Know)] == told
    assert "Sales has it." in [m.get("content") for m in scene.heirs.heirs[0].history]
    await scene.end()


async def test_a_wish_from_outside_may_be_an_assistant_too() -> None:
    scene = Scene({**TO_SALES, "message": ""}, "transferCall")
    scene.desk.successors = [sales()]
    assert scene.call.forwarding.start(destination({**TO_SALES, "message": ""}, "en"))
    await scene.until(lambda: scene.followed_by(Became))
    assert scene.call.brief.greeting == "Sales here."
    assert scene.of(ActionResult) == []
    await scene.end()


@pytest.mark.parametrize("kind", ["transferCall", "handoff"])
async def test_a_deed_that_its_plan_rejects_is_not_done(kind: str) -> None:
    scene = Scene(TO_SALES, kind)
    scene.desk.rejects = "the shop is shut"
    scene.ask()
    await scene.until(lambda: scene.of(ActionResult))
    (result,) = scene.of(ActionResult)
    assert not result.ok
    assert "not allowed now: the shop is shut" in result.content
    assert scene.desk.wanted == []
    await scene.end()
