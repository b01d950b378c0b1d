"""What a call costs, by a list that its owner edits."""

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.calls.prices import PriceFile, Prices, read
from gateway.calls.record import CallRecord, Usage
from gateway.errors import ConfigError

LIST = """
checked = 2026-01-01
[hearing.ears]
"*" = { minute = 0.006 }
[thinking.brains]
"big" = { in = 2.0, cached = 0.5, out = 8.0 }
"big-2*" = { in = 3.0, out = 9.0 }
"small*" = { in = 0.1, out = 0.4, request = 0.01 }
[thinking.brains-elsewhere]
like = "brains"
"big" = { in = 4.0 }
[speaking.mouths]
"*" = { characters = 0.1 }
[trunks.carrier]
in = 0.004
[trunks.carrier.out]
"" = 0.05
"+49" = 0.01
"+491" = 0.02
"""


@pytest.fixture
def prices(tmp_path: Path) -> Prices:
    path = tmp_path / "prices.toml"
    path.write_text(LIST)
    return read(path)


def billed(prices: Prices, *usage: Usage, **record: object) -> CallRecord:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    made = CallRecord(id="c1", direction="outbound", usage=list(usage), **record)  # type: ignore[arg-type]
    made.answered_at, made.ended_at = at, at + timedelta(seconds=90)
    prices.bill(made)
    return made


def cost(prices: Prices, part: str, vendor: str, model: str = "", **used: float) -> float | None:
    usage = Usage(part=part, vendor=vendor, model=model, requests=1, **used)  # type: ignore[arg-type]
    return billed(prices, usage).usage[0].cost


def test_sound_is_paid_by_the_minute_and_text_by_the_character(prices: Prices) -> None:
    assert cost(prices, "hearing", "ears", "any", seconds=90) == 0.009
    assert cost(prices, "speaking", "mouths", characters=250, seconds=20) == 0.025


def test_an_analysis_is_paid_as_the_model_it_is_asked_of(prices: Prices) -> None:
    used = {"tokens_in": 1_000_000, "tokens_out": 100_000}
    assert cost(prices, "analysis", "brains", "big", **used) == 2.8


def test_cached_tokens_are_cheaper(prices: Prices) -> None:
    used = {"tokens_in": 1_000_000, "tokens_cached": 600_000, "tokens_out": 100_000}
    assert cost(prices, "thinking", "brains", "big", **used) == 1.9
    # Unless the list knows no such price.
    assert cost(prices, "thinking", "brains", "big-2", **used) == 3.9


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("big", 2.0),
        ("big-2025-04-14", 2.0),
        ("big-latest", 2.0),
        ("big@20250101", 2.0),
        ("big-2", 3.0),
        ("big-2-latest", 3.0),
        ("small-7b", 0.11),
        ("bigger", None),
        ("", None),
    ],
)
def test_a_models_edition_does_not_change_its_price(
    prices: Prices, model: str, dollars: float | None
) -> None:
    assert cost(prices, "thinking", "brains", model, tokens_in=1_000_000) == dollars


def test_a_vendor_may_be_like_another_with_prices_of_its_own(prices: Prices) -> None:
    assert cost(prices, "thinking", "brains-elsewhere", "big", tokens_in=1_000_000) == 4.0
    assert cost(prices, "thinking", "brains-elsewhere", "small", tokens_in=1_000_000) == 0.11


def test_a_failed_request_is_not_paid_by_the_piece(prices: Prices) -> None:
    usage = Usage(part="thinking", vendor="brains", model="small", requests=3, failed=2)
    assert billed(prices, usage).usage[0].cost == 0.01


@pytest.mark.parametrize(
    ("dialled", "dollars"),
    [
        ("+49301234", 0.015),
        ("+4917012", 0.03),
        ("+331234", 0.075),
        ("sip:+4930@gw.example", 0.015),
        ("sip:bob@example.org", 0.0),
    ],
)
def test_a_trunks_minutes_cost_by_the_numbers_beginning(
    prices: Prices, dialled: str, dollars: float
) -> None:
    assert billed(prices, trunk="carrier", dialled=dialled).transport_cost == dollars


def test_what_has_no_price_costs_nothing_and_is_known_to_have_none(prices: Prices) -> None:
    record = billed(
        prices,
        Usage(part="hearing", vendor="strangers", seconds=60),
        Usage(part="hearing", vendor="ears", seconds=60),
        trunk="unknown",
        dialled="+49",
    )
    assert [usage.cost for usage in record.usage] == [None, 0.006]
    assert record.transport_cost == 0
    assert record.cost == 0.006


def test_a_call_that_was_never_answered_has_no_minutes(prices: Prices) -> None:
    record = CallRecord(id="c1", direction="outbound", trunk="carrier", dialled="+49")
    prices.bill(record)
    assert (record.minutes, record.cost) == (0, 0)


def test_the_list_that_is_shipped_can_be_read() -> None:
    shipped = PriceFile().current()
    assert cost(shipped, "thinking", "openai", "gpt-4.1", tokens_in=1000, tokens_out=100) == 0.0028
    assert cost(shipped, "thinking", "azure-openai", "gpt-4o-2024-08-06", tokens_in=1000) == 0.0025
    assert cost(shipped, "thinking", "anthropic", "claude-opus-4-5-20251101", tokens_in=1000) == (
        0.005
    )
    assert cost(shipped, "hearing", "embedded", seconds=60) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("checked = ", "not valid TOML"),
        ("", "checked: Field required"),
        ('checked = 2026-01-01\n[hearing.a]\n"*" = { minutes = 1 }', r"hearing.a.*minutes: Extra"),
        ('checked = 2026-01-01\n[hearing.a]\n"*" = { minute = -1 }', r"hearing.a.*minute: Input"),
        ('checked = 2026-01-01\n[speaking.a]\nlike = "b"', "a is like b, which has no prices"),
    ],
)
def test_a_wrong_list_says_where(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"\[calls\] prices: {path}: .*{says}"):
        PriceFile(str(path))


def test_a_missing_list_is_named() -> None:
    with pytest.raises(ConfigError, match=r"/nowhere/prices.toml: No such file"):
        PriceFile("/nowhere/prices.toml")


def test_an_edited_list_counts_from_the_next_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "prices.toml"

    def edit(text: str, at: int) -> None:
        path.write_text(text)
        os.utime(path, (at, at))

    edit(LIST, 1)
    file = PriceFile(str(path))
    assert cost(file.current(), "hearing", "ears", seconds=60) == 0.006
    edit(LIST.replace("0.006", "0.012"), 2)
    assert cost(file.current(), "hearing", "ears", seconds=60) == 0.012
    with caplog.at_level(logging.ERROR):
        edit("nonsense", 3)
        assert cost(file.current(), "hearing", "ears", seconds=60) == 0.012
        path.unlink()
        assert cost(file.current(), "hearing", "ears", seconds=60) == 0.012
    assert len(caplog.records) == 2
    assert "the prices stay as they were" in caplog.text
