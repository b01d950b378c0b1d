"""``trunkline undelivered``: what no webhook took, listed and sent again."""

from typing import Any

from typer.testing import CliRunner

from gateway.cli import app
from tests.cli.conftest import FakeApi

CALL = "c0ffee00-0e4f-4c42-9c3b-2f7c0a6f1b11"
LETTERS = [
    {"id": "1", "callId": CALL, "type": "status-update", "createdAt": "2026-01-02T03:04:05.000Z",
     "why": "HTTP status 500"},
    {"id": "2", "callId": CALL, "type": "end-of-call-report",
     "createdAt": "2026-01-02T03:05:06.000Z", "why": "HTTP status 500"},
]  # fmt: skip


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["undelivered", *words])


def test_they_are_listed_with_the_reason(api: FakeApi) -> None:
    api.answers["GET /undelivered?limit=1000"] = [(200, LETTERS)]
    result = run()
    assert result.exit_code == 0, result.output
    first, second = result.output.splitlines()
    assert first.split(maxsplit=4)[2:] == [CALL, "status-update", "HTTP status 500"]
    assert "end-of-call-report" in second


def test_they_are_sent_again_each_by_itself(api: FakeApi) -> None:
    api.answers[f"GET /undelivered?limit=1000&callId={CALL}"] = [(200, LETTERS)]
    api.answers["POST /undelivered/1/send"] = [(502, {"message": "Still not taken: HTTP 500"})]
    api.answers["POST /undelivered/2/send"] = [(200, LETTERS[1])]
    result = run("--send", "--call", CALL)
    assert result.exit_code == 1
    first, second = result.output.splitlines()
    assert "Still not taken" in first
    assert second.endswith("delivered")


def test_nothing_is_left(api: FakeApi) -> None:
    api.answers["GET /undelivered?limit=1000"] = [(200, [])]
    assert run("--send").exit_code == 0
