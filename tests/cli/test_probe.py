"""``trunkline probe``: what it says, writes and exits with."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app, probe
from gateway.config import Settings
from gateway.errors import GatewayError
from gateway.probe import visit
from gateway.probe.report import Report
from gateway.probe.visit import Expect, Visit


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> list[Visit]:
    """What would have been called; the call itself always finds sound to fail."""
    seen: list[Visit] = []

    async def call(order: Visit) -> Report:
        seen.append(order)
        report = Report(order.target)
        report.note("answer", True, "200 within 5 ms [PCMU]")
        report.note("sound", False, "nothing came back")
        return report

    monkeypatch.setattr(probe, "call_and_check", call)
    return seen


def test_one_line_per_check_and_status_1(visits: list[Visit]) -> None:
    result = CliRunner().invoke(app, ["probe", "pbx.example:5070"])
    assert result.exit_code == 1
    assert result.output == (
        "ok   answer   200 within 5 ms [PCMU]\nfail sound    nothing came back\n"
    )
    assert visits[0].target == "sip:echo@pbx.example:5070"
    assert visits[0].expect is Expect.ECHO


def test_json_and_metrics(visits: list[Visit], tmp_path: Path) -> None:
    file = tmp_path / "probe.prom"
    command = ["probe", "sip:demo@host", "--json", "--metrics", str(file)]
    result = CliRunner().invoke(app, command)
    told = json.loads(result.output)
    assert (told["ok"], told["target"]) == (False, "sip:demo@host")
    assert [check["ok"] for check in told["checks"]] == [True, False]
    assert 'trunkline_probe_success{target="sip:demo@host"} 0' in file.read_text()


def test_without_pjsua2_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(visit.importlib.util, "find_spec", lambda _: None)
    file = tmp_path / "probe.prom"
    result = CliRunner().invoke(app, ["probe", "127.0.0.1", "--metrics", str(file)])
    assert result.exit_code == 2
    assert "pip install 'trunkline[probe]'" in result.output
    assert 'trunkline_probe_success{target="sip:echo@127.0.0.1"} 0' in file.read_text()


@pytest.mark.parametrize("wrong", ["sip:a b@host", "sip:x@no-such-host.invalid"])
def test_a_target_that_is_none_is_no_failed_call(wrong: str) -> None:
    assert CliRunner().invoke(app, ["probe", wrong]).exit_code == 2


def test_metrics_that_cannot_be_written_are_an_error(visits: list[Visit], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["probe", "host", "--metrics", str(tmp_path / "no" / "file")])
    assert result.exit_code == 2
    assert "No such file" in result.output


def test_the_password_comes_from_the_environment(
    visits: list[Visit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNKLINE_PROBE_PASSWORD", "secret")
    CliRunner().invoke(app, ["probe", "host", "--user", "monitor", "--transport", "tcp"])
    assert (visits[0].user, visits[0].password, visits[0].transport) == (
        "monitor",
        "secret",
        "tcp",
    )


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("host", "sip:echo@host"),
        ("[::1]:5070", "sip:echo@[::1]:5070"),
        ("demo@host", "sip:demo@host"),
        ("sips:a@b", "sips:a@b"),
    ],
)
def test_targets_are_completed(target: str, uri: str) -> None:
    assert probe.uri_of(target) == uri


@pytest.mark.parametrize(
    ("listen", "transport", "place"),
    [
        ("udp:0.0.0.0:5060", "udp", "127.0.0.1:5060"),
        ("tcp:[::]:5062", "tcp", "[::1]:5062"),
        ("192.0.2.1:5070", "tcp", "192.0.2.1:5070"),
    ],
)
def test_without_a_target_it_is_this_machines_own(
    listen: str, transport: str, place: str, tmp_path: Path
) -> None:
    settings = Settings(state_dir=tmp_path)
    settings.sip.listen = [listen]
    assert probe.listening(settings, transport) == place


def test_a_transport_that_is_not_listened_on(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    settings.sip.listen = ["udp:0.0.0.0:5060"]
    with pytest.raises(GatewayError, match="no tcp"):
        probe.listening(settings, "tcp")
