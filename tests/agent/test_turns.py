"""Whose turn it is, with a clock turned by hand: the machine alone, no vendors and no row."""

import pytest

from gateway.agent.turn_table import State
from gateway.agent.turns import PATIENCE_S, STUCK_S
from gateway.reasons import Ended
from tests.agent.turning import T0, machine, speaking


def test_a_turn_needs_silence_and_final_words() -> None:
    turns = machine("listen", wait_s=0.4)
    turns.onset(51.0, 51.0)
    turns.speech(52.0)
    turns.offset(52.08)
    turns.words("hello", True, False, 52.2)
    turns.wake(52.39)
    assert turns.state is State.WAITING
    turns.wake(52.4)
    assert turns.state is State.THINKING
    assert turns.outbox == ["ask"]
    assert turns.set_wait == pytest.approx(0.4)
    assert turns.take_text() == "hello"


def test_words_that_come_after_the_wait_are_asked_at_once() -> None:
    turns = machine("listen")
    turns.onset(51.0, 51.0)
    turns.offset(52.0)
    turns.wake(53.0)
    assert turns.state is State.WAITING
    turns.words("he", False, False, 53.1)
    assert turns.state is State.WAITING
    turns.words("hello", True, False, 53.2)
    assert turns.state is State.THINKING


def test_interim_words_are_taken_when_the_final_ones_never_come() -> None:
    turns = machine("listen")
    turns.onset(51.0, 51.0)
    turns.words("hel", False, False, 51.5)
    turns.words("hello", False, False, 51.6)
    turns.offset(52.0)
    turns.wake(53.0)
    turns.wake(53.0 + PATIENCE_S)
    assert turns.state is State.THINKING
    assert turns.take_text() == "hello"
    assert turns.guessed
    turns.words("Hello!", True, False, 58.0)  # now it comes: nothing new
    assert turns.state is State.THINKING
    assert turns.text == ""


def test_a_sound_without_words_is_forgotten() -> None:
    turns = machine("listen")
    turns.onset(51.0, 51.0)
    turns.offset(51.3)
    turns.wake(52.0)
    turns.wake(52.0 + PATIENCE_S)
    assert turns.state is State.LISTENING


@pytest.mark.parametrize(("expecting", "state"), [(True, "thinking"), (False, "listening")])
def test_speech_that_was_no_words_is_asked_again_by_a_dialogue_that_expects_some(
    expecting: bool, state: str
) -> None:
    turns = machine("listen")
    turns.expecting = expecting
    turns.onset(51.0, 51.0)
    turns.speech(51.8)
    turns.offset(51.9)
    turns.words("", True, False, 52.0)
    turns.wake(52.5)
    assert turns.state.value == state
    assert turns.unclear is expecting


def test_a_click_is_never_asked_again() -> None:
    turns = machine("listen")
    turns.expecting = True
    turns.onset(51.0, 51.0)
    turns.offset(51.08)
    turns.words("", True, False, 51.2)
    turns.wake(52.5)
    assert turns.state is State.LISTENING


def test_speaking_again_before_the_wait_is_over_is_one_turn() -> None:
    turns = machine("listen")
    turns.onset(51.0, 51.0)
    turns.offset(52.0)
    turns.words("I want", True, False, 52.1)
    turns.onset(52.2, 52.2)
    turns.wake(54.0)
    assert turns.state is State.HEARING
    turns.speech(54.0)
    turns.offset(54.1)
    turns.words("a pizza", True, False, 54.2)
    turns.wake(54.5)
    assert turns.take_text() == "I want a pizza"


def test_the_transcribers_end_of_turn_counts_although_the_line_is_noisy() -> None:
    turns = machine("listen", wait_s=0.4)
    turns.onset(51.0, 51.0)
    turns.speech(52.0)
    turns.words("hello", True, True, 52.5)
    assert turns.state is State.WAITING
    turns.wake(52.5)
    assert turns.state is State.THINKING


def test_a_noise_that_never_ends_is_not_listened_to() -> None:
    turns = machine("listen", silence_timeout_s=30)
    turns.onset(51.0, 51.0)
    turns.wake(51.0 + STUCK_S)
    turns.wake(51.0 + STUCK_S)
    turns.wake(51.0 + STUCK_S + PATIENCE_S)
    assert turns.state is State.LISTENING
    turns.wake(51.0 + STUCK_S + PATIENCE_S + 30)
    assert turns.state is State.ENDING
    assert turns.reason == Ended.SILENCE_TIMED_OUT


# Keys


def test_keys_are_collected_until_the_hash() -> None:
    turns = machine("listen")
    for n, key in enumerate("42"):
        turns.digit(key, 51.0 + n)
        turns.wake(51.0 + n)
    assert turns.state is State.KEYING
    turns.digit("#", 53.0)
    assert turns.state is State.THINKING
    assert turns.take_keys() == "42"
    assert turns.take_keys() == ""


def test_keys_are_complete_after_a_pause() -> None:
    turns = machine("listen")
    turns.digit("1", 51.0)
    turns.wake(52.99)
    assert turns.state is State.KEYING
    turns.wake(53.0)
    assert turns.state is State.THINKING


def test_a_key_interrupts() -> None:
    turns = speaking()
    turns.digit("#", 51.0)
    assert turns.state is State.THINKING
    assert turns.outbox == ["interrupt", "ask"]
    assert turns.take_keys() == "#"


def test_keys_pressed_during_the_greeting_wait_for_its_end() -> None:
    turns = machine("greet")
    turns.digit("5", 51.0)
    assert turns.state is State.GREETING
    turns.step("played-out", 52.0)
    assert turns.state is State.KEYING


# Ends


def test_silence_ends_the_call() -> None:
    turns = machine("listen", silence_timeout_s=25)
    turns.wake(T0 + 24.9)
    assert turns.state is State.LISTENING
    turns.wake(T0 + 25)
    assert turns.state is State.ENDING
    assert turns.reason == Ended.SILENCE_TIMED_OUT


def test_the_longest_duration_ends_the_call_in_mid_sentence() -> None:
    turns = speaking(max_duration_s=60)
    turns.wake(T0 + 60)
    assert turns.state is State.ENDING
    assert turns.reason == Ended.EXCEEDED_MAX_DURATION
    assert turns.outbox == ["interrupt", "farewell"]
    turns.wake(T0 + 100)
    assert turns.state is State.ENDED
    assert turns.outbox[-1] == "hang-up"


def test_the_first_reason_to_end_is_the_one_that_counts() -> None:
    turns = speaking()
    turns.end("model-dead", "first", 51.0, "why")
    turns.end("voice-dead", "second", 52.0, "and")
    assert (turns.state, turns.reason, turns.detail) == (State.ENDED, "first", "why")
    assert turns.outbox[-1] == "hang-up"
