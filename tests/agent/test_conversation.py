"""The conversation keeps the order that chat models insist on, and survives being written down."""

import json

from gateway.agent.conversation import RUNNING, Conversation
from gateway.speech.contract import Called


def roles(conversation: Conversation) -> list[str]:
    return [m.role for m in conversation.messages()]


def test_what_the_caller_says_before_an_answer_is_one_message() -> None:
    conversation = Conversation()
    conversation.user("I want")
    conversation.user("a pizza")
    assert [m.content for m in conversation.messages()] == ["I want a pizza"]
    conversation.assistant("Which one?")
    conversation.user("Any")
    assert roles(conversation) == ["user", "assistant", "user"]


def test_a_message_of_which_nothing_was_heard_never_happened() -> None:
    conversation = Conversation()
    conversation.user("Hello")
    entry = conversation.assistant("Hi")
    entry.content = ""
    conversation.forget_if_empty(entry)
    assert roles(conversation) == ["user"]
    conversation.forget_if_empty(entry)


def test_results_take_their_place_behind_their_call_whatever_was_said_since() -> None:
    conversation = Conversation()
    conversation.user("Look")
    entry = conversation.assistant("Let me see.")
    conversation.called(entry, Called("a", "look", "{}"))
    conversation.called(entry, Called("b", "look", "{}"))
    conversation.user("Hurry")
    assert not conversation.owes_reply
    shown = conversation.shown()
    assert [(m.role, m.content) for m in shown] == [
        ("user", "Look"),
        ("assistant", "Let me see."),
        ("tool", RUNNING),
        ("tool", RUNNING),
        ("user", "Hurry"),
    ]
    assert conversation.result("b", "second")
    assert conversation.result("a", "first")
    assert not conversation.result("a", "again")
    assert not conversation.result("c", "unknown")
    assert [m.content for m in conversation.shown()][2:4] == ["second", "first"]
    assert conversation.waiting == ()


def test_who_owes_whom_an_answer() -> None:
    conversation = Conversation([{"role": "system", "content": "Be kind."}])
    assert not conversation.owes_reply
    conversation.user("Hello")
    assert conversation.owes_reply
    entry = conversation.assistant("Hi")
    assert not conversation.owes_reply
    conversation.called(entry, Called("a", "look", "{}"))
    conversation.result("a", "seen")
    conversation.assistant("Well")
    assert conversation.owes_reply  # the result has not been shown
    conversation.shown()
    assert not conversation.owes_reply


def test_it_comes_back_the_same_from_plain_data() -> None:
    conversation = Conversation([{"role": "system", "content": "Be kind."}])
    conversation.user("Look")
    entry = conversation.assistant("Let me see.")
    conversation.called(entry, Called("a", "look", '{"at": 1}'))
    again = Conversation(json.loads(json.dumps(conversation.plain())))
    assert again.plain() == conversation.plain()
    assert again.messages() == conversation.messages()
    assert again.waiting == (Called("a", "look", '{"at": 1}'),)
    assert again.result("a", "seen")
