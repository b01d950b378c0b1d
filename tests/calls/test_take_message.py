"""When a message that a caller leaves is over."""

import pytest

from gateway.calls.actions.take_message import Taking


def told(taking: Taking, seconds: float, voice: bool, keys: str = "") -> Taking:
    for _ in range(round(seconds * 10)):
        taking.hear([voice] * 5, keys)
    return taking


def test_a_silence_ends_it_but_not_one_before_it() -> None:
    taking = Taking(60, 3)
    told(taking, 5, voice=False)
    told(taking, 2, voice=True)
    assert told(taking, 2.8, voice=False).why == ""
    assert told(taking, 0.3, voice=False).why == "silence"
    assert taking.seconds == pytest.approx(10.1)


def test_one_who_says_nothing_is_not_waited_for_for_ever() -> None:
    assert told(Taking(60, 3), 9.8, voice=False).why == ""
    assert told(Taking(60, 3), 10.1, voice=False).why == "nothing was said"


def test_the_longest_time_ends_it() -> None:
    assert told(Taking(5, 3), 4.8, voice=True).why == ""
    assert told(Taking(5, 3), 5.1, voice=True).why == "longest time"


def test_a_key_ends_it_and_only_that_one() -> None:
    assert told(Taking(60, 3), 1, voice=True, keys="1").why == ""
    assert told(Taking(60, 3), 1, voice=True, keys="1#").why == "key"
