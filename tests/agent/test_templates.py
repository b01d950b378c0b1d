"""Liquid templates with a call's variables."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agent.templates import Templates

AT = datetime(2026, 3, 4, 15, 6, tzinfo=timezone(timedelta(hours=1)))
TEMPLATES = Templates({"name": "Kim", "customer": {"number": "+4930"}, "items": ["a", "b"]}, AT)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello {{ name }}!", "Hello Kim!"),
        ("Hello {{name}}!", "Hello Kim!"),
        ("{{ customer.number }}", "+4930"),
        ("{% if name == 'Kim' %}yes{% else %}no{% endif %}", "yes"),
        ("{% for i in items %}{{ i }}{% endfor %}", "ab"),
        ("{{ name | upcase }}", "KIM"),
        ("{{ nobody | default: 'you' }}", "you"),
        ("{{ now }}", "Mar 4, 2026 2:06 PM"),
        ("{{ date }} {{ time }}", "Mar 4, 2026 2:06 PM"),
        ("{{ day }} {{ month }} {{ year }}", "4 March 2026"),
        ('{{ "now" | date: "%H:%M", "Europe/Berlin" }}', "15:06"),
        ('{{ now | date: "%A" }}', "Wednesday"),
        ('{{ "2026-01-02T00:00:00Z" | date: "%b %d" }}', "Jan 02"),
    ],
)
def test_variables_are_filled_in(text: str, filled: str) -> None:
    assert TEMPLATES.fill(text) == filled


@pytest.mark.parametrize(
    "text",
    [
        "Hello {{ nobody }}!",
        "{{nobody}} and {{  other.thing[0] }}",
        "{{ customer.name }}",
        "{{ unclosed",
        "{% nonsense %}",
        "{{ name | no_such_filter }}",
        '{{ "now" | date: "%H", "No/Where" }}',
        '{{ "soon" | date }}',
        "just { braces }",
    ],
)
def test_what_is_unknown_stays_as_it_was_written(text: str) -> None:
    assert TEMPLATES.fill(text) == text


def test_a_variable_of_the_call_may_be_named_like_one_of_ours() -> None:
    assert Templates({"date": "tomorrow"}, datetime.now(UTC)).fill("{{ date }}") == "tomorrow"


@settings(deadline=None)
@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    assert isinstance(TEMPLATES.fill(text), str)


@settings(deadline=None)
@given(st.text(alphabet="{}% |.ab'"))
def test_no_broken_template_breaks_it(text: str) -> None:
    assert isinstance(TEMPLATES.fill(text), str)
