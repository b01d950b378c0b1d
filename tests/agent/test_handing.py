"""What the next agent on a call knows of the conversation, as the plan says."""

from typing import Any, cast

import pytest

from gateway.agent.brief import Brief, Choice
from gateway.agent.handing import Context, opening, passed_on
from gateway.agent.messages import Start

CALLED = {"id": "t1", "name": "look", "arguments": "{}"}
HANDS = {"id": "t2", "name": "handoff", "arguments": "{}"}
FOUND = {"role": "tool", "content": "a shop", "tool_call_id": "t1"}
DONE = {"role": "tool", "content": "handed over", "tool_call_id": "t2"}
TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "You are the desk."},
    {"role": "user", "content": "Hello."},
    {"role": "assistant", "content": "Hi."},
    {"role": "system", "content": "You are the shop."},
    {"role": "assistant", "content": "Wait.", "tool_calls": [CALLED]},
    FOUND,
    {"role": "user", "content": "Thanks."},
    {"role": "assistant", "content": "", "tool_calls": [HANDS]},
]
SAID = [message for message in TALK if message["role"] != "system"]


def handed(kind: str, count: int = 0, since: int = 4) -> list[dict[str, Any]]:
    context = Context(kind=cast(Any, kind), count=count)
    return list(passed_on(TALK, context, since, "handed over"))


def test_all_is_all_but_the_old_instructions_and_every_tool_has_a_result() -> None:
    assert handed("all") == [*SAID, DONE]


def test_none_is_nothing() -> None:
    assert handed("none") == []


def test_rolling_keeps_the_old_instructions_where_they_were() -> None:
    assert handed("rolling") == [*TALK, DONE]


@pytest.mark.parametrize(
    ("count", "known"),
    [
        (0, []),
        (1, []),  # a result alone is none without its call
        (2, [SAID[-1], DONE]),
        (3, [*SAID[-2:], DONE]),
        (4, [*SAID[-2:], DONE]),  # the result of a call that was cut off
        (5, [*SAID[-4:], DONE]),
        (99, [*SAID, DONE]),
    ],
)
def test_the_last_messages_are_whole(count: int, known: list[dict[str, Any]]) -> None:
    assert handed("last", count) == known


def test_only_words_of_caller_and_agents() -> None:
    assert handed("spoken") == [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Hi."},
        {"role": "assistant", "content": "Wait."},
        {"role": "user", "content": "Thanks."},
    ]


def test_the_present_agent_s_own_part() -> None:
    assert handed("own") == [*TALK[4:], DONE]
    assert handed("own", since=99) == []


def test_nothing_that_is_handed_on_is_the_former_agent_s_to_change() -> None:
    for message in handed("all"):
        message["content"] = "other"
    assert TALK[1]["content"] == "Hello."


@pytest.mark.parametrize("rolling", [False, True])
def test_new_instructions_come_before_or_after(rolling: bool) -> None:
    choice = Choice(vendor="clay")
    told = ({"role": "system", "content": "You are {{ who }}."},)
    brief = Brief(hearing=choice, thinking=choice, speaking=choice, system=told)
    history = ({"role": "user", "content": "I am {{ who }}."},)
    start = Start(call="c1", row=1, brief=brief, history=history, rolling=rolling)
    mine = {"role": "system", "content": "You are Kim."}
    known = opening(start, lambda text: text.replace("{{ who }}", "Kim"))
    assert known == ([*history, mine] if rolling else [mine, *history])
