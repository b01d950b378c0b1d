"""Phrases and end phrases, whatever their case and punctuation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agent.words import Phrases, contains, plain_words

ACKNOWLEDGES = Phrases(["okay", "uh-huh", "I see", "im listening", "yeah sure", ""])


@pytest.mark.parametrize(
    "text", ["Okay.", "uh-huh", "Uh-huh, okay!", "I see. I see.", "I'm listening", "yeah, sure"]
)
def test_nothing_but_go_on(text: str) -> None:
    assert ACKNOWLEDGES.only(plain_words(text))


@pytest.mark.parametrize("text", ["", "okay but", "I", "see", "yeah", "no", "okay stop okay"])
def test_something_else(text: str) -> None:
    assert not ACKNOWLEDGES.only(plain_words(text))


def test_without_any_phrase_nothing_is_an_acknowledgement() -> None:
    assert not Phrases([]).only(["okay"])


def test_phrases_are_found_as_whole_words() -> None:
    phrases = ("good bye", "!", "see you")
    assert contains("Well then: Good bye, Kim!", phrases) == "good bye"
    assert contains("Good. Bye.", phrases) == "good bye"
    assert contains("I see your point", phrases) is None
    assert contains("", phrases) is None


@settings(deadline=None)
@given(st.text())
def test_words_have_no_punctuation(text: str) -> None:
    for word in plain_words(text):
        assert word
        assert not set(word) & set(" .,!?'-_")
