"""How often callers are cut off, and how long they wait: the default against fixed waits."""

import statistics

from gateway.agent.plans import Endpointing
from tests.bench.bench_endpointing import GIVEN_UP_S, count, overheard


def fixed(wait_s: float) -> Endpointing:
    return Endpointing(by="text", punctuation_s=wait_s, no_punctuation_s=wait_s, number_s=wait_s)


def test_the_default_cuts_few_callers_off_and_lets_none_wait_long() -> None:
    default = count(Endpointing())
    assert default.cut_percent <= 5
    assert statistics.median(default.waits) <= 0.4
    assert max(default.waits) <= 2.5


def test_no_fixed_wait_is_as_good() -> None:
    default, short, long = count(Endpointing()), count(fixed(0.5)), count(fixed(0.8))
    assert short.cut_off > 3 * default.cut_off
    assert long.cut_off > 2 * default.cut_off
    assert statistics.median(long.waits) > 2 * statistics.median(default.waits)


def test_noise_makes_turns_longer_but_cuts_nobody_off() -> None:
    quiet, noisy = count(Endpointing()), count(Endpointing(), noise=0.5)
    assert noisy.cut_off <= quiet.cut_off + 1
    assert len(noisy.waits) == noisy.turns - noisy.cut_off
    assert max(noisy.waits) < GIVEN_UP_S


def test_sounds_that_are_no_words_never_interrupt_for_good() -> None:
    for words in (0, 2):
        wrong, held = overheard(words, 0.2, 120.0, 3)
        assert wrong == 0
        assert 0 < held < 60
