"""Which numbers are allowed, and how they are rewritten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.trunks.numbers import Rule, permits, plain, rewrite


@pytest.mark.parametrize(
    ("patterns", "number", "allowed"),
    [
        ([], "+4930", False),
        (["*"], "+4930", True),
        (["+49*"], "+4930123", True),
        (["+49*"], "+4830123", False),
        (["+49*"], "4930123", False),
        (["+49*", "!+49900*"], "+49900123", False),
        (["!+49900*", "+49*"], "+49900123", False),
        (["!+49900*"], "+4930", False),
        (["+49[2-9]?"], "+4930", True),
        (["+49[2-9]?"], "+4910", False),
        (["1??"], "112", True),
        (["1??"], "1123", False),
    ],
)
def test_patterns(patterns: list[str], number: str, allowed: bool) -> None:
    assert permits(patterns, number) is allowed


@given(st.text())
def test_nothing_is_allowed_by_no_pattern(number: str) -> None:
    assert not permits([], number)
    assert not permits(["!*", "*"], number)


def test_marks_of_grouping_are_no_part_of_a_number() -> None:
    assert plain("+49 (30) 123-45.67") == "+49301234567"
    assert plain("*21#") == "*21#"
    assert plain("reception-desk") == "reception-desk"


@pytest.mark.parametrize(
    ("rule", "number", "written"),
    [
        ({"strip": "+", "prefix": "00"}, "+4930", "004930"),
        ({"strip": "+", "prefix": "00"}, "4930", "4930"),
        ({"match": "^0[1-9]", "strip": 1, "prefix": "+49"}, "030", "+4930"),
        ({"match": "^0[1-9]", "strip": 1, "prefix": "+49"}, "0030", "0030"),
        ({"match": r"^\+49(\d+)$", "replace": r"0\1"}, "+4930", "030"),
        ({"prefix": "9"}, "112", "9112"),
    ],
)
def test_rules(rule: dict[str, object], number: str, written: str) -> None:
    assert rewrite([Rule.model_validate(rule)], number) == written


def test_the_first_rule_that_applies_is_the_only_one() -> None:
    rules = [Rule(strip="+49", prefix="0"), Rule(strip="+", prefix="00"), Rule(prefix="x")]
    assert [rewrite(rules, n) for n in ("+4930", "+4420", "112")] == ["030", "004420", "x112"]


@pytest.mark.parametrize(
    "rule",
    [{"match": "("}, {"replace": "a", "prefix": "b"}, {"match": "^a", "replace": r"\1"}, {"x": 1}],
)
def test_a_rule_that_cannot_work_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(rule)
