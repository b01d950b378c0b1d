"""``trunkline simulate``: the example that is shipped, what is written, and the exit status."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from gateway.cli import app

EXAMPLES = sorted((Path(__file__).parents[2] / "config" / "scenarios").glob("*.yaml"))
ASSISTANT = {
    "firstMessage": "Hello.",
    "model": {"provider": "openai", "model": "gpt-4o", "messages": []},
    "transcriber": {"provider": "deepgram"},
    "voice": {"provider": "openai", "voiceId": "alloy"},
}


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "gateway.toml").write_text(f'state_dir = "{tmp_path}"\n')
    monkeypatch.chdir(tmp_path)


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["simulate", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def scenario(folder: Path, **changes: object) -> Path:
    file = folder / "scenario.yaml"
    steps = [{"finishes_s": 4}, {"hang_up": True}]
    # JSON is YAML.
    file.write_text(json.dumps({"name": "x", "assistant": ASSISTANT, "steps": steps, **changes}))
    return file


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_as_it_expects(example: Path) -> None:
    status, output = run(example, "--verbose")
    assert status == 0, output


def test_what_is_not_as_expected_is_told_and_is_status_1(tmp_path: Path) -> None:
    file = scenario(tmp_path, expect={"ended": "silence-timed-out"})
    status, output = run(file, "--repeat", "2", "--seed", "5", "--junit", tmp_path / "junit.xml")
    assert status == 1
    assert "ended: silence-timed-out" in output
    assert "0 of 2" in output
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert [suite.get("name") for suite in suites] == ["x (seed 5)", "x (seed 6)"]


def test_json_has_the_whole_call(tmp_path: Path) -> None:
    status, output = run(scenario(tmp_path), "--json")
    assert status == 0
    (call,) = json.loads(output)
    assert call["endedReason"] == "customer-ended-call"
    assert [said["text"] for said in call["transcript"]] == ["Hello."]


def test_an_assistant_is_checked_as_the_api_does(tmp_path: Path) -> None:
    status, output = run(scenario(tmp_path, assistant=ASSISTANT | {"firstMessage": 7}))
    assert status == 2
    assert "assistant: firstMessage must be a string" in output
    status, output = run(tmp_path / "absent.yaml")
    assert status == 2
    assert "absent.yaml: No such file or directory" in output
