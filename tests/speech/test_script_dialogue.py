"""The script engine by table: what is recognised, what is answered, and where that leads."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.speech import catalog
from gateway.speech.contract import Called, Finished, Message, Said
from gateway.speech.script import DIGITS, Dialogue, Script, recognise, words
from gateway.speech.settings import VendorSettings

NOW = datetime(2026, 3, 4, 17, 5, tzinfo=UTC)

SCRIPT = {
    "start": "menu",
    "states": {
        "menu": {
            "ask": "What now, {{ Name }}?",
            "rules": [
                {
                    "phrases": ["what time is it", "time"],
                    "keys": ["1"],
                    "say": 'It is {{ "now" | date: "%H:%M" }}.',
                },
                {"phrases": ["spell a number"], "keys": ["3"], "say": "Good.", "next": "number"},
                {
                    "phrases": ["time to press five"],
                    "say": "Listen.",
                    "tool": {"name": "dtmf", "arguments": {"dtmf": "{{ Key }}5", "times": 1}},
                    "then": "It was {{ result }}.",
                },
            ],
            "unsure": ["Sorry?", "Press one, {{ Name }}."],
        },
        "number": {
            "ask": "Which?",
            "rules": [
                {"digits": {"least": 2, "most": 4}, "say": "{{ digits | spell }}"},
                {"phrases": ["back"], "keys": ["*"], "next": "menu"},
            ],
        },
    },
    "always": [
        {"phrases": ["goodbye"], "keys": ["9", "99"], "say": "Bye.", "tool": {"name": "endCall"}}
    ],
}


def dialogue(script: dict[str, object] = SCRIPT) -> Dialogue:
    return Dialogue(Script.model_validate(script), {"Name": "Ada", "Key": "#"})


def conversation(*users: str) -> list[Message]:
    """The agent's own words do not matter to where a conversation stands."""
    said = [Message("system", "s"), Message("assistant", "Hello.")]
    for text in users:
        said += [Message("user", text), Message("assistant", "…")]
    return said[:-1] if users else said


@pytest.mark.parametrize(
    ("users", "text"),
    [
        (["what time is it"], "It is 17:05."),
        (["Er, what TIME is it, please?"], "It is 17:05."),
        (["User's Keypad Entry: 1"], "It is 17:05."),
        (["1"], "It is 17:05."),
        (["one"], "It is 17:05."),
        (["sometimes"], "Sorry?"),
        ([""], "Sorry?"),
        (["what", "is"], "Press one, Ada."),
        (["what", "is", "this"], "Press one, Ada."),
        (["what", "time", "eh"], "Sorry?"),
        (["12"], "Sorry?"),
        (["3"], "Good. Which?"),
        (["spell a number", "4 7"], "4, 7"),
        (["3", "four seven oh"], "4, 7, 0"),
        (["3", "User's Keypad Entry: 99#"], "9, 9"),
        (["3", "*"], "What now, Ada?"),
        (["3", "back", "time"], "It is 17:05."),
        (["3", "5"], "Sorry, I did not catch that. You can say or key in a number; say back or "
                     "press star; say goodbye or press 9."),
        (["3", "12345"], "Sorry, I did not catch that. You can say or key in a number; say back "
                         "or press star; say goodbye or press 9."),
    ],
)  # fmt: skip
def test_what_is_said_is_answered(users: list[str], text: str) -> None:
    answer = dialogue().answer(conversation(*users), NOW)
    assert (answer.text, answer.call) == (text, None)


def test_a_tool_is_called_and_what_it_says_is_told() -> None:
    said = conversation("time to press five")
    answer = dialogue().answer(said, NOW)
    assert answer.text == "Listen."
    assert answer.call is not None
    assert answer.call.name == "dtmf"
    assert json.loads(answer.call.arguments) == {"dtmf": "#5", "times": 1}
    said += [
        Message("assistant", answer.text, (answer.call,)),
        Message("tool", "a five", (), answer.call.id),
    ]
    assert dialogue().answer(said, NOW).text == "It was a five."


def test_a_tool_that_leaves_nothing_to_say_is_answered_with_nothing() -> None:
    said = [*conversation("goodbye"), Message("tool", "ok", (), "call_1")]
    assert dialogue().answer(said, NOW).text == ""


def test_a_first_reply_without_a_caller_asks() -> None:
    assert dialogue().answer([], NOW).text == "What now, Ada?"


def test_expected_are_the_phrases_of_the_state_and_those_that_always_hold() -> None:
    menu = ["what time is it", "time", "spell a number", "time to press five", "goodbye"]
    assert dialogue().expected([]) == menu
    assert dialogue().expected(conversation("time", "3")) == ["back", "goodbye", DIGITS]


def test_every_expected_phrase_is_recognised() -> None:
    demo = json.loads(Path("config/assistants/demo.json").read_text())["model"]["script"]
    script = Script.model_validate(demo)
    for name, state in script.states.items():
        for phrase in Dialogue(script.model_copy(update={"start": name})).expected([]):
            if phrase != DIGITS:
                assert recognise(state.rules, script.always, phrase)[0], (name, phrase)


@given(st.text(max_size=60))
def test_anything_said_is_answered(text: str) -> None:
    answer = dialogue().answer(conversation(text, text), NOW)
    assert answer.text or answer.call
    assert "".join(answer.pieces()) == answer.text


def changed(**states: object) -> dict[str, object]:
    return {**SCRIPT, "states": {**SCRIPT["states"], **states}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ({}, "script: script.start: Field required"),
        (SCRIPT | {"start": "nowhere"}, "start: there is no state 'nowhere'"),
        (changed(a={"rules": [{"say": "x"}]}), "script.states.a.rules.0: .*recognises nothing"),
        (changed(a={"rules": [{"keys": ["1"]}]}), "does nothing"),
        (changed(a={"rules": [{"keys": ["E"], "say": "x"}]}), "rules.0.keys: .*no keys.*'E'"),
        (changed(a={"rules": [{"phrases": ["?!"], "say": "x"}]}), "nothing that can be said"),
        (changed(a={"rules": [{"keys": ["1"], "sya": "x"}]}), "rules.0.sya: Extra inputs"),
        (
            changed(a={"rules": [{"keys": ["1"], "next": "b"}]}),
            "states.a.rules.0.next: there is no state 'b'",
        ),
        (
            changed(a={"rules": [{"keys": ["1"], "say": "x"}, {"keys": ["1"], "say": "y"}]}),
            "states.a.rules.1: '1' is in states.a.rules.0 too",
        ),
        (changed(a={"ask": "{{ x | }"}), "states.a.ask: .*not a Liquid template"),
        (changed(a={"unsure": ["{% if %}"]}), "states.a.unsure: .*not a Liquid template"),
    ],
)
def test_a_wrong_script_is_refused_with_the_field_named(
    script: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        catalog.check("thinking", "script", "", {"script": script})


async def test_the_vendor_streams_the_answer_in_pieces() -> None:
    thinking = catalog.thinking("script", "", {"script": SCRIPT}, VendorSettings(), "call-1")
    await thinking.open()
    *said, called, finished = [d async for d in thinking.reply(conversation("goodbye"), ())]
    assert said == [Said("Bye.")]
    assert isinstance(called, Called)
    assert (called.name, called.arguments) == ("endCall", "{}")
    assert finished == Finished("tool_calls")
    long = [d async for d in thinking.reply(conversation("3", "eh"), ())]
    assert len([d for d in long if isinstance(d, Said)]) > 4
    assert long[-1] == Finished("stop")
    assert thinking.expected(conversation("3")) == ["back", "goodbye", DIGITS]
    await thinking.close()


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert words("Let\N{RIGHT SINGLE QUOTATION MARK}s  PLAY — now!") == ("let's", "play", "now")
