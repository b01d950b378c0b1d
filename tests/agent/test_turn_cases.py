"""Habits of people on the telephone, each with what a good listener does: ``turn_cases.toml``."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.agent.telephone import Telephone

CASES: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("turn_cases.toml").read_text("utf-8")
)


@pytest.mark.parametrize("name", CASES)
async def test_a_habit(name: str) -> None:
    case = dict(CASES[name])
    lines: list[str] = case.pop("does")
    async with Telephone(**case) as line:
        await line.begins()
        for number, what in enumerate(lines, 1):
            try:
                await line.does(what)
            except AssertionError as error:
                raise AssertionError(f"line {number}, {what!r}: {error}") from None


def test_there_are_many() -> None:
    assert len(CASES) >= 60
