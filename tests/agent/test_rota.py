"""Which vendor has its turn after a failure."""

import pytest

from gateway.agent.rota import Rota
from gateway.errors import Fault, VendorError

PAUSES = (0.0, 0.5, 1.0)


def error(fault: Fault, after_s: float | None = None) -> VendorError:
    return VendorError("v", fault, "x", after_s)


def run(count: int, *faults: Fault) -> list[tuple[float | None, int]]:
    rota = Rota(count, PAUSES)
    return [(rota.failed(error(fault)), rota.current) for fault in faults]


T, A = Fault.THEIRS, Fault.AUTH


@pytest.mark.parametrize(
    ("count", "faults", "expected"),
    [
        (1, [T, T, T, T], [(0.0, 0), (0.5, 0), (1.0, 0), (None, 0)]),
        (1, [A], [(None, 0)]),
        (2, [T, T, T, T, T], [(0.0, 1), (0.0, 0), (0.5, 1), (0.5, 0), (1.0, 1)]),
        (2, [A, T, T, T, T], [(0.0, 1), (0.0, 1), (0.5, 1), (1.0, 1), (None, 1)]),
        (2, [T, A], [(0.0, 1), (0.0, 0)]),
        (3, [A, A, A], [(0.0, 1), (0.0, 2), (None, 2)]),
        (3, [T, T, T, T], [(0.0, 1), (0.0, 2), (0.0, 0), (0.5, 1)]),
    ],
)
def test_failures_hand_on_the_turn(
    count: int, faults: list[Fault], expected: list[tuple[float | None, int]]
) -> None:
    assert run(count, *faults) == expected


def test_a_success_begins_again_with_the_vendor_that_had_it() -> None:
    rota = Rota(2, PAUSES)
    rota.failed(error(T))
    rota.failed(error(T))
    rota.failed(error(T))
    rota.succeeded()
    assert rota.current == 1
    assert (rota.failed(error(T)), rota.current) == (0.0, 0)


def test_a_vendor_that_says_when_is_waited_for_only_if_there_is_no_other() -> None:
    assert Rota(1, PAUSES).failed(error(Fault.OVERLOAD, 1.5)) == 1.5
    assert Rota(1, PAUSES).failed(error(Fault.OVERLOAD, 60.0)) == 2.0
    assert Rota(2, PAUSES).failed(error(Fault.OVERLOAD, 60.0)) == 0.0


def test_one_whose_key_was_refused_long_ago_is_asked_again_before_the_call_is_lost() -> None:
    rota = Rota(2, PAUSES)
    assert (rota.failed(error(A)), rota.current) == (0.0, 1)
    rota.succeeded()
    for _ in PAUSES:
        rota.failed(error(T))
        assert rota.current == 1
    assert (rota.failed(error(T)), rota.current) == (0.0, 0)
    assert (rota.failed(error(A)), rota.current) == (0.0, 1)
    assert rota.failed(error(T)) is None
