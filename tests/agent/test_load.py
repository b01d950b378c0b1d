"""Calls are spread by what the processes do, and refused before they all suffer."""

import pytest

from gateway.agent.load import SILENT_S, Load, Overloaded, lightest

BUDGET_S = 0.2


def load(cpu: float = 0.0, *lags_s: float, calls: int = 0) -> Load:
    made = Load()
    for lag_s in lags_s or (0.0,):
        made.told(cpu, lag_s, calls, BUDGET_S, 0.0)
    return made


def given(*loads: tuple[Load, int], count: int = 1, now: float = 1.0) -> list[int]:
    """Who gets the next calls."""
    held = [calls for _, calls in loads]
    chosen = []
    for _ in range(count):
        chosen.append(lightest([(load, held[n]) for n, (load, _) in enumerate(loads)], now))
        held[chosen[-1]] += 1
    return chosen


def test_idle_processes_take_turns() -> None:
    assert given((Load(), 0), (Load(), 0), (Load(), 0), count=4) == [0, 1, 2, 0]


def test_the_one_that_works_least_is_next_whatever_it_holds() -> None:
    # Twenty quiet calls are less than five that talk.
    assert given((load(0.5, calls=5), 5), (load(0.1, calls=20), 20)) == [1]


def test_a_burst_between_two_reports_is_spread_as_well() -> None:
    # A call of the first has been taking 10 % of a core, one of the second 1 %.
    chosen = given((load(0.2, calls=2), 2), (load(0.02, calls=2), 2), count=20)
    assert chosen.count(0) == 1
    assert chosen.index(0) >= 17


def test_calls_that_have_ended_make_no_negative_load() -> None:
    assert load(0.3, calls=9).with_calls(2) == 0.3


def test_one_that_lags_gets_none() -> None:
    assert given((load(0.0, 0.3, 0.3), 0), (load(0.9, 0.0, 0.1), 50), count=3) == [1, 1, 1]


def test_one_long_breath_is_no_lag() -> None:
    breath = load(0.0, 0.0, 5.0)
    assert not breath.lagging
    assert given((breath, 0), (load(0.5), 9)) == [0]


def test_who_has_lagged_must_come_well_under_the_budget() -> None:
    lagging = load(0.0, 0.3, 0.3)
    seen = []
    for lag_s in (0.15, 0.15, 0.05, 0.05):
        lagging.told(0.0, lag_s, 0, BUDGET_S, 0.0)
        seen.append(lagging.lagging)
    assert seen == [True, True, False, False]
    lagging.told(0.0, 0.15, 0, BUDGET_S, 0.0)
    assert not lagging.lagging


def test_a_process_that_says_nothing_gets_no_calls() -> None:
    assert given((load(0.0), 0), (load(0.5), 9), now=SILENT_S - 0.1) == [0]
    talking = load(0.5)
    talking.told_at = SILENT_S
    assert given((load(0.0), 0), (talking, 9), now=SILENT_S + 1) == [1]


def test_one_that_has_just_started_is_trusted() -> None:
    assert given((Load(), 0), (load(0.5), 9), now=100.0) == [0]


def test_if_all_lag_the_call_is_refused() -> None:
    with pytest.raises(Overloaded) as full:
        given((load(0.0, 0.3, 0.3), 0), (load(0.0, 0.9, 0.9), 0))
    assert full.value.status == 503
