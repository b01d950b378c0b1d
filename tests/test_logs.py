"""What the logs look like, and whose call a line is about."""

import json
import logging

import pytest

from gateway.logs import LogSettings, about, configure


@pytest.fixture(autouse=True)
def as_before() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_carry_the_call_the_facts_and_the_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(LogSettings(format="json"))
    log = logging.getLogger("gateway.test")
    with about("c1"):
        log.info("it rings", extra={"status": 180})
    try:
        raise ValueError("no such row")
    except ValueError:
        log.exception("it broke")
    ringing, broke = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert ringing["event"] == "it rings"
    assert (ringing["call"], ringing["status"], ringing["level"]) == ("c1", 180, "info")
    assert "call" not in broke
    assert "no such row" in broke["error"]


def test_text_lines_are_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSettings(format="text"))
    with about("0123456789"):
        logging.getLogger("gateway.calls.call").warning("refused", extra={"status": 486})
    line = capsys.readouterr().err
    assert "warning calls.call [01234567]: refused status=486" in line
