"""Who speaks while the agent speaks or thinks: what holds it, interrupts it, or is passed over."""

import pytest

from gateway.agent.turn_table import State
from gateway.agent.turns import DOUBT_S, LONG_S
from tests.agent.turning import machine, speaking


def test_a_click_resumes_as_soon_as_it_is_over() -> None:
    turns = speaking(interrupt_voice_s=0.2)
    turns.onset(51.0, 51.0)
    assert turns.state is State.PAUSED
    turns.wake(51.1)
    turns.offset(51.15)
    assert turns.state is State.SPEAKING
    assert turns.outbox == ["resume"]


def test_a_cough_resumes_when_no_words_come() -> None:
    turns = speaking()
    turns.onset(51.0, 51.0)
    turns.wake(51.2)
    assert turns.state is State.DOUBTED
    turns.offset(51.5)
    turns.wake(51.5 + DOUBT_S - 0.01)
    assert turns.state is State.DOUBTED
    turns.wake(51.5 + DOUBT_S)
    assert turns.state is State.SPEAKING
    assert turns.outbox == ["resume"]


def test_a_cough_resumes_at_once_when_the_transcriber_says_so() -> None:
    turns = speaking()
    turns.onset(51.0, 51.0)
    turns.wake(51.2)
    turns.offset(51.5)
    turns.words("", True, False, 51.6)
    assert turns.state is State.SPEAKING


@pytest.mark.parametrize("text", ["Uh-huh.", "okay", "Okay, I see.", "okay okay"])
def test_an_acknowledgement_resumes(text: str) -> None:
    turns = speaking()
    turns.onset(51.0, 51.0)
    turns.wake(51.2)
    turns.words(text, False, False, 51.3)
    assert turns.state is State.DOUBTED
    turns.offset(51.4)
    turns.words(text, True, False, 51.5)
    assert turns.state is State.SPEAKING
    assert turns.outbox == ["resume"]
    assert turns.take_text() == text


def test_an_acknowledgement_that_goes_on_is_an_interruption() -> None:
    turns = speaking()
    turns.onset(51.0, 51.0)
    turns.wake(51.2)
    turns.words("okay", False, False, 51.3)
    turns.words("okay but wait", False, False, 51.6)
    assert turns.state is State.HEARING
    assert turns.outbox == ["interrupt"]


def test_words_interrupt_before_the_voice_has_lasted() -> None:
    turns = speaking(interrupt_voice_s=0.5)
    turns.onset(51.0, 51.0)
    turns.words("no", False, False, 51.1)
    assert turns.state is State.HEARING
    assert turns.outbox == ["interrupt"]


def test_a_voice_without_words_holds_the_agent_for_a_while_and_costs_it_no_word() -> None:
    turns = speaking()
    turns.onset(51.0, 51.0)
    turns.wake(51.2)
    turns.wake(51.2 + LONG_S - 0.01)
    assert turns.state is State.DOUBTED
    turns.wake(51.2 + LONG_S)
    assert turns.state is State.SPEAKING
    assert turns.outbox == ["resume"]


def test_a_voice_without_words_holds_an_agent_only_briefly_whom_only_words_interrupt() -> None:
    turns = speaking(interrupt_words=2)
    turns.onset(51.0, 51.0)
    turns.wake(51.2)
    turns.wake(51.2 + DOUBT_S)
    assert turns.state is State.SPEAKING
    turns.words("I do have", False, False, 53.0)
    assert turns.state is State.HEARING


def test_so_many_words_are_wanted_and_no_voice_is_long_enough() -> None:
    turns = speaking(interrupt_words=3)
    turns.onset(51.0, 51.0)
    turns.wake(51.2)
    turns.words("tell me", False, False, 51.9)
    assert turns.state is State.DOUBTED
    turns.words("tell me more", False, False, 52.0)
    assert turns.state is State.HEARING


def test_a_word_that_always_interrupts_needs_no_others() -> None:
    turns = speaking(interrupt_words=3)
    turns.onset(51.0, 51.0)
    turns.words("okay, wait", False, False, 51.3)
    assert turns.state is State.HEARING


def test_too_few_words_resume() -> None:
    turns = speaking(interrupt_words=3)
    turns.onset(51.0, 51.0)
    turns.wake(51.2)
    turns.offset(51.8)
    turns.words("tell me", True, False, 52.0)
    assert turns.state is State.SPEAKING


def test_words_that_come_when_the_caller_is_silent_again_interrupt_and_are_a_turn() -> None:
    turns = speaking(backoff_s=0.0)
    turns.onset(51.0, 51.0)
    turns.wake(51.2)
    turns.offset(51.6)
    turns.words("stop it", True, False, 52.0)
    assert turns.state is State.THINKING
    assert turns.outbox == ["interrupt", "ask"]


def test_words_that_come_too_late_to_hold_still_interrupt() -> None:
    turns = speaking()
    turns.onset(51.0, 51.0)
    turns.offset(51.1)
    assert turns.state is State.SPEAKING
    turns.words("no", True, False, 51.6)
    assert turns.state is State.WAITING
    assert turns.outbox == ["resume", "interrupt"]


def test_words_of_before_the_agent_spoke_do_not_interrupt_it_and_are_not_lost() -> None:
    turns = speaking()
    turns.words("by the way", True, False, 51.0)
    assert turns.state is State.SPEAKING
    turns.step("played-out", 52.0)
    turns.wake(53.0)
    assert turns.state is State.THINKING
    assert turns.take_text() == "by the way"


def test_after_an_interruption_the_agent_backs_off() -> None:
    turns = speaking(backoff_s=2.0, wait_s=0.1)
    turns.onset(51.0, 51.0)
    turns.words("no no", True, False, 51.1)
    turns.offset(51.2)
    turns.wake(53.0)
    assert turns.state is State.WAITING
    turns.wake(53.1)
    assert turns.state is State.THINKING


def test_a_sound_while_thinking_holds_the_answer_and_no_more() -> None:
    turns = machine("listen", "owed")
    turns.onset(51.0, 51.0)
    assert turns.state is State.HESITATING
    turns.offset(51.1)
    assert turns.state is State.THINKING
    assert turns.outbox == ["release"]


def test_a_voice_while_thinking_takes_the_turn_back() -> None:
    turns = machine("listen", "owed")
    turns.onset(51.0, 51.0)
    turns.wake(51.2)
    assert turns.state is State.HEARING
    assert turns.outbox == ["cancel"]


def test_the_greeting_is_not_interrupted_but_what_was_said_into_it_is_answered() -> None:
    turns = machine("greet")
    turns.onset(51.0, 51.0)
    turns.wake(52.5)
    turns.offset(53.0)
    turns.words("I need help", True, False, 53.1)
    assert turns.state is State.GREETING
    turns.step("played-out", 54.0)
    turns.wake(54.0)
    assert turns.state is State.THINKING


def test_a_caller_who_still_speaks_when_the_greeting_ends_is_heard() -> None:
    turns = machine("greet")
    turns.onset(51.0, 51.0)
    turns.step("played-out", 54.0)
    assert turns.state is State.HEARING
