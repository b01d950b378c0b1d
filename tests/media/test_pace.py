"""Sound departs at the same phase of every beat, by a clock turned by hand."""

import random

import numpy as np

from gateway.media.lines import BEAT_S
from gateway.media.pace import Pace


def departures(ready_s: list[float], pace: Pace | None = None) -> np.ndarray:
    pace = pace or Pace()
    return np.array([ready + pace.wait_s(ready) for ready in ready_s])


def test_beats_that_think_for_different_times_depart_alike() -> None:
    chance = random.Random(1)
    ready = [chance.uniform(0.004, 0.007) for _ in range(3000)]
    left = departures(ready)[500:]
    assert np.percentile(np.abs(np.diff(ready)), 50) > 0.0005
    assert np.percentile(np.abs(np.diff(left)), 99) < 0.00005
    assert left.max() < 0.009


def test_one_slow_beat_delays_the_others_by_little_and_not_for_ever() -> None:
    pace = Pace()
    departures([0.002] * 500, pace)
    departures([0.015], pace)
    assert departures([0.002], pace)[0] < 0.0045
    assert departures([0.002] * 1000, pace)[-1] < 0.0025


def test_more_rows_are_followed_within_a_few_beats() -> None:
    pace = Pace()
    departures([0.001] * 100, pace)
    assert np.ptp(departures([0.006] * 100, pace)[10:]) < 0.001


def test_a_beat_that_takes_half_its_time_departs_at_once() -> None:
    assert departures([0.6 * BEAT_S] * 100)[-1] == 0.6 * BEAT_S
    assert Pace().wait_s(0.9 * BEAT_S) == 0.0
