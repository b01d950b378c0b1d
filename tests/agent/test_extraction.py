"""Facts out of a conversation: whatever way the model answers, and if it does not."""

import asyncio
import json
from typing import Any

import pytest

from gateway.agent import extraction
from gateway.agent.brief import Choice
from gateway.agent.extraction import facts
from gateway.agent.messages import Extract, Extracted
from gateway.speech.contract import Message
from tests.agent.stage import THEIRS, Clay, ClayThinking, Stage, call, say

SCHEMA = {"type": "object", "properties": {"day": {"type": "string"}}}
TALK = [Message("user", "On Monday.")]


async def asked(*reply: Any) -> tuple[dict[str, Any], Clay]:
    clay = Clay(replies=[list(reply)])
    return await facts(ClayThinking(clay, Choice(vendor="clay")), TALK, SCHEMA), clay


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ([call("note_facts", '{"day": "Monday"}')], {"day": "Monday"}),
        (say('Here: ```json {"day": "Monday"} ```'), {"day": "Monday"}),
        ([call("note_facts", "no JSON"), *say('{"day": "Monday"}')], {"day": "Monday"}),
        ([call("other", '{"day": "Monday"}')], {}),
        ([call("note_facts", '["Monday"]')], {}),
        (say("I know nothing."), {}),
        (say("}{"), {}),
        ([], {}),
        ([THEIRS], {}),
    ],
)
async def test_what_it_finds(reply: list[Any], found: dict[str, Any]) -> None:
    values, clay = await asked(*reply)
    assert values == found
    (messages,) = clay.asked
    assert messages[0] == TALK[0]
    assert messages[-1].role == "system"
    assert json.dumps(SCHEMA) in messages[-1].content


async def test_a_model_that_says_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extraction, "LIMIT_S", 0.0)
    values, _ = await asked(asyncio.Event())
    assert values == {}


async def test_the_agent_takes_them_out_of_what_was_said() -> None:
    async with Stage(greeting_mode="wait") as stage:
        stage.clay.replies = [say("Noted."), [call("note_facts", '{"day": "Monday"}')]]
        await stage.turn("On Monday.")
        await stage.until("speaking")
        await stage.until("listening")
        stage.agent.receive(Extract(call="c1", schema_=SCHEMA))
        await stage.settle()
        assert stage.of(Extracted) == [Extracted(call="c1", values={"day": "Monday"})]
        contents = [message.content for message in stage.clay.asked[-1]]
        assert contents[:3] == ["You are Kim.", "On Monday.", "Noted."]
