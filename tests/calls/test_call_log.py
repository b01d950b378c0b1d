"""A line of JSON for each ended call, in a file that may be moved away at any time."""

import json
import logging
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.calls.call_log import CallLog
from gateway.calls.record import CallRecord, Line, Party, Turn, Usage
from gateway.errors import ConfigError

AT = datetime(2026, 1, 1, tzinfo=UTC)


def record(name: str = "c1") -> CallRecord:
    return CallRecord(
        id=name,
        direction="inbound",
        customer=Party(number="+4930"),
        answered_at=AT,
        ended_at=AT + timedelta(seconds=90),
        ended_reason="customer-ended-call",
        transport_cost=0.01,
        transcript=[Line(role="user", text="a secret", at=AT, began_s=0, ended_s=1)],
        turns=[
            Turn(number=1, total_ms=512.34, own_ms=12.0, segments=[("queue", 12.0)],
                 vendors={"thinking": "openai"})
        ],
        usage=[Usage(part="thinking", vendor="openai", tokens_in=9, cost=0.02)],
    )  # fmt: skip


def lines(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_a_call_is_one_line_without_its_words(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    written = CallLog(str(path))
    written.ended(record(), {})
    written.close()
    (line,) = path.read_text().splitlines()
    assert "secret" not in line
    call = json.loads(line)
    assert call["customer"] == "+4930"
    assert (call["seconds"], call["cost"], call["ended_reason"]) == (
        90.0, 0.03, "customer-ended-call",
    )  # fmt: skip
    assert call["turns"] == [
        {"number": 1, "total_ms": 512.3, "own_ms": 12.0, "segments": [["queue", 12.0]],
         "vendors": {"thinking": "openai"}}
    ]  # fmt: skip
    assert call["usage"][0]["tokens_in"] == 9
    assert call["sound"]["packets_lost"] == 0
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


def test_a_file_that_was_moved_away_is_begun_again(tmp_path: Path) -> None:
    path, moved = tmp_path / "calls.jsonl", tmp_path / "calls.jsonl.1"
    written = CallLog(str(path))
    written.ended(record("a"), {})
    written._writer.submit(path.rename, moved)  # by logrotate, between two lines
    for name in ("b", "c"):
        written.ended(record(name), {})
    written.close()
    assert (lines(moved), lines(path)) == (["a"], ["b", "c"])


def test_one_that_was_cut_off_in_place_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    written = CallLog(str(path))
    written.ended(record("a"), {})
    written._writer.submit(path.write_text, "")  # logrotate's copytruncate
    written.ended(record("b"), {})
    written.close()
    assert lines(path) == ["b"]


def test_a_later_start_adds_to_it(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    for name in ("a", "b"):
        written = CallLog(str(path))
        written.ended(record(name), {})
        written.close()
    assert lines(path) == ["a", "b"]


def test_a_disk_that_fails_is_told_and_nothing_else_happens(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "calls.jsonl"
    written = CallLog(str(path))
    with caplog.at_level(logging.ERROR):
        written._writer.submit(path.unlink)
        written._writer.submit(folder.rmdir)
        written.ended(record("a"), {})
        written._writer.submit(folder.mkdir)
        written.ended(record("b"), {})
        written.close()
    assert "the call log: [Errno 2]" in caplog.text
    assert lines(path) == ["b"]


def test_a_place_where_nothing_can_be_written_stops_the_start() -> None:
    with pytest.raises(ConfigError, match=r"\[calls\] log: /nowhere/calls.jsonl: No such file"):
        CallLog("/nowhere/calls.jsonl")
