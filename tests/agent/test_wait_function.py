"""An owner's formula for the wait: what it may be, and that it is nothing else."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agent.wait_function import LONGEST_MS, wait_function


@pytest.mark.parametrize(
    ("text", "x", "ms"),
    [
        ("200 + 8000 * x", 0.5, 4200),
        ("20 + 500 * sqrt(x) + 2500 * x^3", 0.25, 20 + 250 + 2500 / 64),
        ("20 + 500 * Math.sqrt(x) + 2500 * Math.pow(x, 3)", 1, 3020),
        ("-x ** 2 + 400", 1, 399),
        ("(x + 1) / 2 * 100", 0.5, 75),
        ("max(300, min(1000, 2000 * x))", 0.1, 300),
        (" 700 ", 0.9, 700),
        ("exp(0) * PI", 0.3, math.pi),
        ("x - 5", 0.5, 0),
        ("1 / x", 0, LONGEST_MS),
        ("log(x)", 0, LONGEST_MS),
        ("1e300 * 1e300 * x", 1, LONGEST_MS),
        ("1e300 * 1e300 - 1e300 * 1e300 * x", 1, LONGEST_MS),
        ("9 ^ 9 ^ 9 ^ 9", 1, LONGEST_MS),
    ],
)
def test_what_it_comes_to(text: str, x: float, ms: float) -> None:
    assert wait_function(text)(x) == pytest.approx(ms)


@pytest.mark.parametrize(
    "text",
    [
        "", "import os", "__import__('os')", "x.real", "[x]", "lambda: x", "y + 1", "'a' * 9",
        "True", "sqrt()", "min(x, key=abs)", "(" * 90, "x if x else 1", "9" * 399, "x" * 401,
        "print(x)", "x and 1", "exp(*x)", "1_0 @ x", "sqrt(x)(x)",
    ],
)  # fmt: skip
def test_what_is_no_formula(text: str) -> None:
    with pytest.raises(ValueError, match=r"formula|longer|large|calls"):
        wait_function(text)


@given(st.text(alphabet="0123456789x+-*/^(). ,sqrtmaxe", max_size=40), st.floats(0, 1))
def test_any_text_is_a_formula_or_an_error_and_nothing_else(text: str, x: float) -> None:
    try:
        wait = wait_function(text)
    except ValueError:
        return
    assert 0 <= wait(x) <= LONGEST_MS
