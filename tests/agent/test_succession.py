"""Which model is asked: a pure choice, a failure at a time."""

import pytest

from gateway.agent.succession import REST_S, Succession
from gateway.errors import Fault, VendorError


def failure(fault: Fault, after_s: float | None = None) -> VendorError:
    return VendorError("x", fault, "failed", after_s)


def tried(succession: Succession, order: list[int], faults: list[Fault]) -> list[object]:
    """Who is asked, and after which pauses, when one after the other fails so."""
    succession.begin(order, 0.0)
    seen: list[object] = [succession.current]
    for fault in faults:
        after = succession.failed(failure(fault), 0.0)
        if after is None:
            return [*seen, "end"]
        seen += [after, succession.current]
    return seen


T, B, A, U = Fault.THEIRS, Fault.OVERLOAD, Fault.AUTH, Fault.OURS


@pytest.mark.parametrize(
    ("order", "faults", "seen"),
    [
        ([0], [T, B, T], [0, 0.2, 0, 0.8, 0, "end"]),
        ([0], [A], [0, "end"]),
        ([0, 1], [T], [0, 0.0, 1]),
        ([0, 1], [T, B], [0, 0.0, 1, 0.2, 0]),
        ([0, 1], [T, B, T, T], [0, 0.0, 1, 0.2, 0, 0.0, 1, "end"]),
        ([0, 1], [A, T, T], [0, 0.0, 1, 0.2, 1, "end"]),
        ([0, 1], [U, A], [0, 0.0, 1, "end"]),
        ([0, 1, 2], [A, A, A], [0, 0.0, 1, 0.0, 2, "end"]),
    ],
)
def test_one_after_the_other(order: list[int], faults: list[Fault], seen: list[object]) -> None:
    assert tried(Succession((0.2, 0.8)), order, faults) == seen


def test_one_that_failed_rests_for_a_while() -> None:
    succession = Succession((0.2,))
    succession.begin([0, 1], 0.0)
    succession.failed(failure(T), 10.0)
    succession.begin([0, 1], 20.0)
    assert succession.current == 1
    succession.begin([0, 1], 10.0 + REST_S)
    assert succession.current == 0


def test_one_whose_key_is_wrong_is_gone_but_a_bad_request_is_forgotten() -> None:
    succession = Succession((0.2,))
    succession.begin([0, 1], 0.0)
    succession.failed(failure(A), 0.0)
    succession.begin([0, 1], 2 * REST_S)
    assert succession.current == 1
    succession.failed(failure(U), 2 * REST_S)
    succession.begin([0, 1], 4 * REST_S)
    assert succession.current == 1


def test_when_all_rest_the_first_is_asked_and_success_ends_a_rest() -> None:
    succession = Succession((0.2,))
    succession.begin([0, 1], 0.0)
    for _ in range(2):
        succession.failed(failure(B), 0.0)
    succession.begin([0, 1], 1.0)
    assert succession.current == 0
    succession.succeeded()
    succession.begin([1, 0], 1.0)
    assert succession.current == 0


def test_a_vendor_that_says_when_is_waited_for_but_not_for_ever() -> None:
    for said, waited in ((1.5, 1.5), (60.0, 2.0), (0.0, 0.2)):
        succession = Succession((0.2,))
        succession.begin([0], 0.0)
        assert succession.failed(failure(B, said), 0.0) == waited


def test_one_whose_key_was_refused_earlier_is_asked_again_before_the_call_is_lost() -> None:
    succession = Succession((0.2,))
    assert tried(succession, [0, 1], [A]) == [0, 0.0, 1]
    succession.succeeded()
    assert tried(succession, [0, 1], [T, T]) == [1, 0.2, 1, 0.0, 0]
    succession.succeeded()
    assert tried(succession, [0, 1], [T, A, T]) == [0, 0.0, 1, 0.2, 0, "end"]
