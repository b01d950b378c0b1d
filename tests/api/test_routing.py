"""A number's rules: who answers whom, when, and how often."""

import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.api.routing import choose, problems

MONDAY = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def chosen(
    rule: dict[str, Any], caller: str = "+493011", at: datetime = MONDAY, **headers: str
) -> bool:
    rules = [{"when": rule, "assistantId": "a"}]
    return choose(rules, caller, headers, at, random.Random(1)) is not None


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({}, True),
        ({"callers": ["+49*"]}, True),
        ({"callers": ["+1*", "+4930*"]}, True),
        ({"callers": ["+1*"]}, False),
        ({"from": "09:30", "to": "17:00"}, True),
        ({"from": "08:00", "to": "09:30"}, False),
        ({"from": "10:00", "to": "17:00", "timeZone": "Europe/Berlin"}, True),  # there it is 10:30
        ({"from": "10:00", "to": "17:00"}, False),
        ({"days": ["monday"]}, True),
        ({"days": ["sunday"]}, False),
        ({"from": "22:00", "to": "10:00", "days": ["sunday"]}, True),  # since last night
        ({"from": "22:00", "to": "10:00", "days": ["monday"]}, False),
        ({"headers": {"x-lang": "DE*"}}, True),
        ({"headers": {"X-Lang": "fr"}}, False),
        ({"headers": {"X-Other": "*?"}}, False),
    ],
)
def test_a_rule_fits_by_caller_time_and_header(when: dict[str, Any], fits: bool) -> None:
    assert chosen(when, **{"X-Lang": "de-AT"}) is fits


def test_the_first_rule_that_fits_decides_and_is_named() -> None:
    rules = [
        {"when": {"callers": ["+1*"]}, "assistantId": "a"},
        {"name": "rest", "squadId": "s"},
    ]
    found = choose(rules, "+49", {}, MONDAY, random.Random(1))
    assert found
    assert (found.source["squadId"], found.why) == ("s", {"rule": "rest"})
    assert choose(rules[:1], "+49", {}, MONDAY, random.Random(1)) is None


def test_shares_are_drawn_by_weight_and_the_one_drawn_is_told() -> None:
    shares = [{"assistantId": "a", "weight": 3}, {"assistantId": "b", "weight": 1, "name": "B"}]
    rng = random.Random(7)
    drawn = [choose([{"shares": shares}], "", {}, MONDAY, rng) for _ in range(1000)]
    count = Counter(one.why["share"] for one in drawn if one)
    assert 700 < count["a"] < 800
    assert count["B"] == 1000 - count["a"]
    assert next(one.why for one in drawn if one) == {"rule": 1, "share": "a", "weight": 3, "of": 4}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"assistantId": "a", "when": {"timeZone": "Mars/Base"}}, "routing.0.when.timeZone"),
        ({"assistantId": "a", "when": {"from": "9 o'clock"}}, "routing.0.when.from"),
        ({}, "routing.0 must have either"),
        ({"shares": [{"weight": 1}]}, "routing.0.shares.0 must have either"),
        ({"shares": [{"weight": 0, "squadId": "s"}]}, "routing.0.shares must have a weight"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_named(rule: dict[str, Any], said: str) -> None:
    assert problems([rule])[0].startswith(said)
    assert not problems([{"assistantId": "a"}])
