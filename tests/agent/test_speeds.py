"""Which of equal models has been the quickest of late."""

from gateway.agent.brief import Choice
from gateway.agent.messages import Used
from gateway.agent.speeds import FAILED_S, FORGOTTEN_S, Speeds

A, B, C = (Choice(vendor="v", model=name) for name in "abc")


def measured(speeds: Speeds, choice: Choice, first_s: float | None, at: float = 0.0,
             lasted_s: float = 3.0, fault: str = "") -> None:  # fmt: skip
    speeds.used(
        Used(
            call="c", part="thinking", vendor=choice.vendor, model=choice.model, began_at=at,
            ended_at=at + lasted_s, first_at=None if first_s is None else at + first_s,
            fault=fault,
        )
    )  # fmt: skip


def order(speeds: Speeds, now: float = 10.0) -> str:
    return "".join(choice.model for choice in speeds.sorted((A, B, C), now))


def test_nothing_is_known_so_the_order_is_the_given_one() -> None:
    assert order(Speeds()) == "abc"


def test_the_unknown_are_tried_first_and_then_the_quickest_is_first() -> None:
    speeds = Speeds()
    measured(speeds, A, 0.8)
    assert order(speeds) == "bca"
    measured(speeds, B, 0.5)
    measured(speeds, C, 0.3)
    assert order(speeds) == "cba"


def test_equally_quick_ones_stay_in_the_given_order() -> None:
    speeds = Speeds()
    for choice, first_s in ((A, 0.38), (B, 0.31), (C, 0.35)):
        measured(speeds, choice, first_s)
    assert order(speeds) == "abc"


def test_one_slow_answer_does_not_overturn_a_long_habit_but_many_do() -> None:
    speeds = Speeds()
    for choice, first_s in ((A, 0.3), (B, 0.6), (C, 0.9)):
        measured(speeds, choice, first_s)
    measured(speeds, A, 1.5)
    assert order(speeds) == "abc"
    for _ in range(10):
        measured(speeds, A, 1.5)
    assert order(speeds) == "bca"


def test_what_was_cut_short_makes_no_model_look_quicker() -> None:
    speeds = Speeds()
    for choice, first_s in ((A, 0.5), (B, 0.6)):
        measured(speeds, choice, first_s)
    measured(speeds, B, None, lasted_s=0.1)  # the caller went on speaking
    measured(speeds, C, None, lasted_s=0.1)
    assert order(speeds) == "cab"
    measured(speeds, A, None, lasted_s=3.0)  # a rival was quicker
    measured(speeds, C, None, lasted_s=3.0)
    assert order(speeds) == "bac"


def test_a_failure_counts_as_a_long_silence() -> None:
    speeds = Speeds()
    measured(speeds, A, None, lasted_s=0.01, fault="auth")
    measured(speeds, B, FAILED_S - 1)
    measured(speeds, C, FAILED_S + 1)
    assert order(speeds) == "bac"


def test_what_is_old_is_forgotten() -> None:
    speeds = Speeds()
    for choice, first_s in ((A, 0.9), (B, 0.6), (C, 0.3)):
        measured(speeds, choice, first_s)
    assert order(speeds) == "cba"
    assert order(speeds, FORGOTTEN_S + 3.0) == "abc"
