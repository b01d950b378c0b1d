"""Who takes a call over, and what a model is told about them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.api.briefs import Defaults
from gateway.api.call_view import CallView
from gateway.api.handoff_tools import handoff_briefs
from gateway.api.server_messages import Messages
from gateway.api.successors import Successors
from gateway.api.targets import Targets
from gateway.calls.ports import CallRefused, Successor
from gateway.store import Store
from tests.api.hooks import Peer, a_call, wire

MODEL = {"provider": "script", "script": {}}
SALES = {"name": "Sales", "model": MODEL, "firstMessage": "Sales here."}
TO_SALES = {"type": "assistant", "assistant": SALES}


@pytest.fixture
async def successors(store: Store) -> AsyncIterator[Successors]:
    to = wire({})
    messages = Messages(CallView("org", "http://gateway.test"))
    yield Successors(store, Defaults(), messages, to, Targets())
    await to.close()


async def named(successors: Successors, way: dict[str, Any], **papers: Any) -> Successor:
    return await successors.of(a_call(), papers, way)


async def test_an_inline_assistant_takes_over_with_its_overrides(successors: Successors) -> None:
    over = {"firstMessage": "Hi {{who}}.", "variableValues": {"who": "Al"}}
    found = await named(successors, {**TO_SALES, "assistantOverrides": over}, squadId="x", kept=1)
    assert (found.name, found.brief.greeting, found.variables) == (
        "Sales", "Hi {{who}}.", {"who": "Al"}
    )  # fmt: skip
    assert (found.assistant_id, found.papers["kept"]) == (None, 1)
    assert found.papers["assistant"]["name"] == "Sales"
    assert "squadId" not in found.papers


async def test_one_without_a_greeting_thinks_of_one(successors: Successors) -> None:
    silent = {"name": "Sales", "model": MODEL}
    found = await named(successors, {"assistant": silent})
    assert found.brief.greeting_mode == "generate"
    waits = {**silent, "firstMessageMode": "assistant-waits-for-user"}
    assert (await named(successors, {"assistant": waits})).brief.greeting_mode == "wait"


@pytest.mark.parametrize(
    ("more", "kind", "count"),
    [
        ({}, "all", 0),
        ({"contextEngineeringPlan": {"type": "all"}}, "all", 0),
        ({"contextEngineeringPlan": {"type": "lastNMessages", "maxMessages": 4}}, "last", 4),
        ({"contextEngineeringPlan": {"type": "userAndAssistantMessages"}}, "spoken", 0),
        ({"contextEngineeringPlan": {"type": "previousAssistantMessages"}}, "own", 0),
        ({"contextEngineeringPlan": {"type": "none"}}, "none", 0),
        ({"transferMode": "rolling-history"}, "rolling", 0),
        ({"message": "Wait."}, "rolling", 0),
        ({"transferMode": "swap-system-message-in-history"}, "all", 0),
    ],
)
async def test_how_much_it_knows(
    successors: Successors, more: dict[str, Any], kind: str, count: int
) -> None:
    context = (await named(successors, {**TO_SALES, **more})).context
    assert (context.kind, context.count) == (kind, count)


async def test_variables_by_the_model_s_arguments_and_by_a_plan(successors: Successors) -> None:
    schema = {"type": "object", "properties": {"day": {"type": "string"}}}
    parameters = {"type": "object", "properties": {"topic": {"type": "string"}}}
    tool = {
        "destinations": [{**TO_SALES, "variableExtractionPlan": {"schema": schema}}],
        "function": {"parameters": parameters},
    }
    found = await successors.of_tool(a_call(), {}, tool, {"topic": "price", "made_up": 1})
    assert (found.variables, found.extract) == ({"topic": "price"}, schema)


async def test_one_of_several_is_meant_by_its_name(successors: Successors) -> None:
    shop = {"type": "assistant", "assistant": {**SALES, "name": "Shop"}}
    tool = {"destinations": [TO_SALES, shop]}
    found = await successors.of_tool(a_call(), {}, tool, {"destination": "Shop"})
    assert found.name == "Shop"
    with pytest.raises(CallRefused, match="'Bar'; there are: Sales, Shop"):
        await successors.of_tool(a_call(), {}, tool, {"destination": "Bar"})


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ({"assistantName": "Sales"}, "no assistant named 'Sales' in this call's squad"),
        ({"assistantId": "00000000-0000-4000-8000-000000000000"}, "does not exist"),
        ({"assistant": {"name": "Mute"}}, "model"),
    ],
)
async def test_nobody_that_is_there(successors: Successors, way: Any, why: str) -> None:
    with pytest.raises(CallRefused, match=why):
        await named(successors, {"type": "assistant", **way})


async def test_a_member_of_the_call_s_squad_keeps_the_squad(successors: Successors) -> None:
    squad = {"members": [{"assistant": {**SALES, "name": "Desk"}}, {"assistant": SALES}]}
    way = {"type": "assistant", "assistantName": "Sales"}
    found = await named(successors, way, squad=squad)
    assert (found.name, found.papers["squad"]) == ("Sales", squad)


async def test_a_server_says_who(successors: Successors, peer: Peer) -> None:
    papers = peer.papers()
    peer.answers = [(200, json.dumps({"destination": TO_SALES}).encode())]
    found = await successors.of_tool(a_call(), papers, {}, {"topic": "price"})
    assert found.name == "Sales"
    (message,) = peer.messages
    assert message["type"] == "handoff-destination-request"
    assert message["parameters"] == {"topic": "price"}


async def test_the_result_is_the_server_s_else_the_owner_s(
    successors: Successors, peer: Peer
) -> None:
    tool = {"defaultResult": "Sales has it."}
    for told, result in (({}, "Sales has it."), ({"result": "Ask Al."}, "Ask Al.")):
        peer.answers = [(200, json.dumps({"destination": TO_SALES, **told}).encode())]
        assert (await successors.of_tool(a_call(), peer.papers(), tool, {})).result == result
    fixed = {"destinations": [TO_SALES]}
    assert (await successors.of_tool(a_call(), {}, {**tool, **fixed}, {})).result == "Sales has it."
    assert (await successors.of_tool(a_call(), {}, fixed, {})).result == ""


async def test_what_follows_from_the_facts_is_a_variable_too(successors: Successors) -> None:
    plan = {
        "schema": {"type": "object", "properties": {"day": {"type": "string"}}},
        "aliases": [
            {"key": "when", "value": "{{ $.day }}"},
            {"key": "said", "value": "{{ who }} on {{ day }}"},
        ],
    }
    record = a_call(variables={"who": "Al"})
    found = await successors.of(record, {}, {**TO_SALES, "variableExtractionPlan": plan})
    assert found.extract == plan["schema"]
    known = {"day": "Monday", "when": "Monday", "said": "Al on Monday"}
    assert found.derive({"day": "Monday"}) == known


async def test_a_dynamic_destination_has_a_server_of_its_own(
    successors: Successors, peer: Peer
) -> None:
    way = {"type": "dynamic", "server": {"url": peer.url}}
    peer.answers = [(200, json.dumps({"destination": TO_SALES}).encode())]
    found = await successors.of_tool(a_call(), {}, {"destinations": [way]}, {})
    assert found.name == "Sales"


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (500, b"", "answered 500"),
        (200, b"no JSON", "Whom to hand over to"),
        (200, b"[]", "names nobody"),
        (200, b'{"destination": "Sales"}', "names nobody"),
        (200, b'{"error": "All are asleep."}', "All are asleep"),
        (200, b'{"destination": {"type": "assistant", "assistantName": "X"}}', "named 'X'"),
        (200, b'{"destination": {"type": "assistant", "assistant": 7}}', "used"),
    ],
)
async def test_a_server_that_says_nobody(
    successors: Successors, peer: Peer, status: int, answer: bytes, why: str
) -> None:
    peer.answers = [(status, answer)]
    with pytest.raises(CallRefused, match=why):
        await successors.of_tool(a_call(), peer.papers(), {}, {})


async def test_a_plan_that_is_none_is_told(successors: Successors, peer: Peer) -> None:
    way = {**TO_SALES, "contextEngineeringPlan": 3}
    peer.answers = [(200, json.dumps({"destination": way}).encode())]
    with pytest.raises(CallRefused, match="cannot be used"):
        await successors.of_tool(a_call(), peer.papers(), {}, {})


async def test_without_a_server_nobody_can_be_asked(successors: Successors) -> None:
    with pytest.raises(CallRefused, match="neither destinations nor a server"):
        await successors.of_tool(a_call(), {}, {}, {})


async def test_the_same_assistant_goes_on_altered_without_a_greeting(
    successors: Successors,
) -> None:
    papers = {"assistant": SALES, "squad": {"members": []}}
    record = a_call(assistant_id="s1")
    found = await successors.altered(record, papers, {"endCallMessage": "Bye."})
    assert (found.assistant_id, found.brief.end_message) == ("s1", "Bye.")
    assert (found.brief.greeting_mode, found.papers["squad"]) == ("wait", {"members": []})


def test_a_model_is_told_of_each_destination_or_of_all_in_one_tool(database_url: str) -> None:
    shop = {"type": "assistant", "assistantName": "The Shop", "description": "sells"}
    ways = [TO_SALES, shop]
    each = handoff_briefs({"destinations": ways}, (), "en")
    assert [brief.name for brief in each] == ["handoff_to_Sales", "handoff_to_The_Shop"]
    assert each[1].description == "The Shop: sells"
    assert each[1].written["destinations"] == [shop]
    (one,) = handoff_briefs({"destinations": ways, "function": {"name": "give"}}, (), "en")
    assert one.name == "give"
    assert one.parameters["properties"]["destination"]["enum"] == ["Sales", "The Shop"]
    assert one.parameters["required"] == ["destination"]
    (asked,) = handoff_briefs({"destinations": [{"type": "dynamic"}]}, (), "en")
    assert (asked.name, asked.parameters["properties"]) == ("handoff", {})


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ({"assistantName": "S", "transferMode": "rolling-history"}, "Transferring."),
        ({"assistantName": "S", "message": "One moment."}, "One moment."),
        ({"assistantName": "S", "message": ""}, None),
        ({"assistantName": "S"}, None),
        ({"assistantName": "S", "message": {"contents": [{"text": "Eins", "language": "de"},
                                                         {"text": "One", "language": "en"}]}},
         "One"),
    ],
)  # fmt: skip
def test_the_older_kind_of_destination_says_something(
    way: dict[str, Any], said: str | None, database_url: str
) -> None:
    (brief,) = handoff_briefs({"destinations": [{"type": "assistant", **way}]}, (), "en")
    assert [message.content for message in brief.messages] == ([said] if said else [])
