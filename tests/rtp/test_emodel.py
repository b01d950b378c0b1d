"""The E-model at points that the ITU and others publish."""

import pytest

from gateway.rtp.emodel import BEST_R, delay_s, mos, rating


def test_a_perfect_line() -> None:
    assert rating("PCMU", 0, 0) == BEST_R
    assert mos(BEST_R) == pytest.approx(4.41, abs=0.005)


@pytest.mark.parametrize(("r", "score"), [(0, 1.0), (50, 2.58), (60, 3.1), (70, 3.6), (80, 4.03),
                                          (90, 4.34), (100, 4.5)])  # fmt: skip
def test_scores_of_g107_table_b1(r: float, score: float) -> None:
    assert mos(r) == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize(("ms", "loses"), [(50, 0), (100, 0), (150, 0.1), (200, 3.0),
                                           (300, 14.8), (400, 24.8)])  # fmt: skip
def test_delay_is_felt_from_150_ms_on(ms: float, loses: float) -> None:
    assert BEST_R - rating("PCMU", 0, ms / 1000) == pytest.approx(loses, abs=1.0)


def test_loss_costs_and_bursts_cost_more() -> None:
    scores = [mos(rating("PCMU", loss, 0.1)) for loss in (0, 0.01, 0.05, 0.2, 1)]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] == pytest.approx(4.31, abs=0.05)
    assert scores[-1] < 1.7
    assert rating("PCMU", 0.05, 0.1, burst=2) < rating("PCMU", 0.05, 0.1)


def test_what_is_not_known_is_not_rated_best() -> None:
    assert rating("G729", 0, 0) == pytest.approx(BEST_R - 11)
    assert rating("unheard-of", 0, 0) < BEST_R
    assert delay_s(0.2, 0.01) == pytest.approx(0.18)
