"""``trunkline calls``: the table, one call in full, and a gateway that does not answer."""

import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.cli.story import waterfall
from tests.cli.conftest import FakeApi
from tests.cli.test_call import ENDED, ID

CALL = ENDED | {
    "createdAt": "2026-01-02T03:04:00.000Z",
    "customer": {"sipUri": "sip:bob@192.0.2.7"},
    "stereoRecordingUrl": f"http://gw/call/{ID}/stereo-recording",
}
OTHER = {
    "id": "5b9cffff-0e4f-4c42-9c3b-2f7c0a6f1b11",
    "type": "inboundPhoneCall",
    "status": "in-progress",
    "createdAt": "2026-01-02T04:00:00.000Z",
    "customer": {"number": "+4930123456"},
}


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["calls", *words])


def test_the_latest_calls_are_a_table(api: FakeApi) -> None:
    api.answers["GET /call?limit=20"] = [(200, [OTHER, CALL])]
    result = run()
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines()]
    assert " ".join(rows[1]) == "5b9cffff 2026-01-02 04:00:00 in +4930123456 in-progress"
    assert rows[2][:5] == [ID[:8], "2026-01-02", "03:04:00", "out", "sip:bob@192.0.2.7"]
    assert rows[2][-3:] == ["12", "s", "customer-ended-call"]


def test_one_call_in_full_with_its_waterfall(api: FakeApi) -> None:
    api.answers["GET /call?limit=1000"] = [(200, [OTHER, CALL])]
    result = run(ID[:6])
    assert result.exit_code == 0, result.output
    text = result.output
    assert "sip:bob@192.0.2.7" in text
    assert "caller  what time is it" in text
    assert "You are kind" not in text
    first, second = (line for line in text.splitlines() if "█" in line)
    assert first.index("█") + first.count("█") == second.index("█")
    assert (first.count("█"), second.count("█")) == (25, 15)


def test_what_a_call_cost_is_shown_item_by_item(api: FakeApi) -> None:
    costs = [
        {"type": "transport", "provider": "vapi.sip", "minutes": 1.5, "cost": 0.015},
        {"type": "transcriber", "transcriber": {"provider": "soniox"}, "minutes": 1.5,
         "cost": 0, "unpriced": True},
        {"type": "model", "model": {"provider": "openai", "model": "gpt-4.1"},
         "promptTokens": 1200, "completionTokens": 80, "cost": 0.0015},
        {"type": "voice", "voice": {"provider": "11labs"}, "characters": 400, "cost": 0.02},
        {"type": "vapi", "subType": "normal", "minutes": 1.5, "cost": 0},
    ]  # fmt: skip
    api.answers["GET /call?limit=1000"] = [(200, [CALL | {"cost": 0.0365, "costs": costs}])]
    lines = [" ".join(line.split()) for line in run(ID[:6]).output.splitlines()]
    assert lines[lines.index("cost 0.0365 $") + 1 :] == [
        "transport 1.50 min 0.0150 $",
        "transcriber soniox 1.50 min no price is known",
        "model openai/gpt-4.1 1200 + 80 tokens 0.0015 $",
        "voice 11labs 400 characters 0.0200 $",
    ]


def test_a_segment_is_shown_with_its_vendor_in_the_colour_of_its_kind() -> None:
    segments = [
        {"name": "end_of_speech_wait", "ms": 100},
        {"name": "model_first_token", "ms": 200, "vendor": "openai"},
        {"name": "queue", "ms": 100},
    ]
    turn = {"number": 1, "totalMs": 400, "ownMs": 100, "segments": segments}
    _, *lines = waterfall([turn])
    assert ["[blue]" in lines[0], "[yellow]" in lines[1], "[red]" in lines[2]] == [True] * 3
    assert "model_first_token (openai)" in lines[1]
    assert [line.index("[") for line in lines[1:]] == [lines[0].index("[") + 10 * n for n in (1, 3)]


def test_an_ambiguous_beginning_is_refused(api: FakeApi) -> None:
    api.answers["GET /call?limit=1000"] = [(200, [OTHER, CALL])]
    result = run("5b9c")
    assert result.exit_code == 1
    assert "2 calls have an id that begins with '5b9c'" in result.output


def test_a_wrong_key_is_told_from_a_wrong_gateway(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_API__KEY", "another")
    assert "refuses our key" in run().output


def test_something_else_that_listens_is_told(api: FakeApi) -> None:
    api.answers["GET /call?limit=20"] = [(200, "<html>")]
    assert "not like a Trunkline" in run().output


def test_no_gateway_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("GATEWAY_API__LISTEN", f"127.0.0.1:{port}")
    monkeypatch.setenv("GATEWAY_API__KEY", "any")
    result = run()
    assert result.exit_code == 1
    assert f"nothing answers at http://127.0.0.1:{port}" in result.output


def test_a_key_never_made_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("GATEWAY_API__KEY", raising=False)
    result = run()
    assert result.exit_code == 1
    assert f"{tmp_path / 'api.key'} does not exist" in result.output


def test_the_key_of_the_state_directory_is_used(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEWAY_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("GATEWAY_API__KEY")
    (tmp_path / "api.key").write_text("the-right-key\n")
    api.answers["GET /call?limit=20"] = [(200, [])]
    assert run().exit_code == 0
