"""``trunkline call`` against a scripted API: what it sends, tells, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.cli import call as module
from tests.cli.conftest import FakeApi

ID = "5b9c1de3-0e4f-4c42-9c3b-2f7c0a6f1b11"
ASSISTANT = "0c1d7a52-52d4-4f3b-8f43-6c7f1cbe0c10"

QUEUED = {"id": ID, "status": "queued", "type": "outboundPhoneCall"}
RINGING = QUEUED | {"status": "ringing"}
TALKING = QUEUED | {
    "status": "in-progress",
    "startedAt": "2026-01-02T03:04:05.000Z",
    "messages": [
        {"role": "system", "message": "You are kind."},
        {"role": "bot", "message": "Hello [there]!", "secondsFromStart": 0.4},
    ],
}
ENDED = TALKING | {
    "status": "ended",
    "endedAt": "2026-01-02T03:04:17.000Z",
    "endedReason": "customer-ended-call",
    "messages": [
        *TALKING["messages"],
        {"role": "user", "message": "what time is it", "secondsFromStart": 3.1},
        {
            "role": "tool_calls",
            "secondsFromStart": 4.0,
            "toolCalls": [{"id": "t", "function": {"name": "clock", "arguments": '{"a":1}'}}],
        },
        {"role": "tool_call_result", "name": "clock", "result": "noon", "secondsFromStart": 4.2},
    ],
    "artifact": {
        "trunkline": {
            "turns": [
                {
                    "number": 1,
                    "totalMs": 640.2,
                    "ownMs": 21,
                    "segments": [
                        {"name": "end_of_speech_wait", "ms": 400},
                        {"name": "model_first_token", "ms": 240.2},
                    ],
                }
            ]
        }
    },
}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.0)


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["call", *words])


def script(api: FakeApi, *looks: dict[str, Any]) -> None:
    api.answers["POST /call"] = [(201, QUEUED)]
    api.answers[f"GET /call/{ID}"] = [(200, look) for look in looks]


def test_a_call_is_followed_to_its_end(api: FakeApi) -> None:
    script(api, RINGING, RINGING, TALKING, ENDED)
    result = run("sip:bob@127.0.0.1:5080", "--assistant", ASSISTANT)
    assert result.exit_code == 0, result.output
    assert api.requests[0] == (
        "POST /call",
        {"customer": {"sipUri": "sip:bob@127.0.0.1:5080"}, "assistantId": ASSISTANT},
    )
    told = [" ".join(line.split()) for line in result.output.splitlines()]
    assert told == [
        f"call {ID} to sip:bob@127.0.0.1:5080",
        "queued",
        "ringing",
        "0.40 s agent Hello [there]!",
        "in-progress",
        "3.10 s caller what time is it",
        '4.00 s tool clock({"a":1})',
        "4.20 s result noon",
        "turn 1: 640 ms = end_of_speech_wait 400 + model_first_token 240; ours 21",
        "ended after 12 s: customer-ended-call",
    ]


def test_an_unanswered_call_ends_with_status_1(api: FakeApi) -> None:
    script(api, QUEUED | {"status": "ended", "endedReason": "customer-busy"})
    result = run("+4930123456", "-a", ASSISTANT)
    assert result.exit_code == 1
    assert "ended: customer-busy" in result.output
    assert api.requests[0][1]["customer"] == {"number": "+4930123456"}


def test_an_assistant_may_be_a_file(api: FakeApi, tmp_path: Path) -> None:
    script(api, ENDED)
    file = tmp_path / "assistant.json"
    file.write_text(json.dumps({"firstMessage": "Hi"}))
    assert run("sip:bob@127.0.0.1", "-a", str(file)).exit_code == 0
    assert api.requests[0][1]["assistant"] == {"firstMessage": "Hi"}


def test_ctrl_c_hangs_up_and_waits_for_the_end(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(api, TALKING, ENDED)
    api.answers[f"DELETE /call/{ID}"] = [(200, TALKING)]
    presses = iter([KeyboardInterrupt()])

    def sleep(_: float) -> None:
        for press in presses:
            raise press

    monkeypatch.setattr(module.time, "sleep", sleep)
    result = run("sip:bob@127.0.0.1", "-a", ASSISTANT)
    assert (result.exit_code, [line for line, _ in api.requests]) == (
        0,
        ["POST /call", f"GET /call/{ID}", f"DELETE /call/{ID}", f"GET /call/{ID}"],
    ), result.output
    assert "hanging up" in result.output


def test_ctrl_c_never_deletes_a_call_that_has_ended(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(api, ENDED)
    presses = iter([KeyboardInterrupt()])

    def sleep(_: float) -> None:
        for press in presses:
            raise press

    monkeypatch.setattr(module.time, "sleep", sleep)
    assert run("sip:bob@127.0.0.1", "-a", ASSISTANT).exit_code == 0
    assert not any(line.startswith("DELETE") for line, _ in api.requests)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("bob", "-a", ASSISTANT), "cannot call 'bob'"),
        (("sip:bob@127.0.0.1", "-a", "nobody"), "not an assistant's id"),
    ],
)
def test_what_cannot_be_sent_is_said(api: FakeApi, words: tuple[str, ...], complaint: str) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert complaint in result.output
    assert api.requests == []


def test_a_broken_file_is_named(api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "assistant.json"
    file.write_text("{")
    result = run("sip:bob@127.0.0.1", "-a", str(file))
    assert f"{file} is not valid JSON" in result.output


def test_the_gateways_own_words_are_passed_on(api: FakeApi) -> None:
    api.answers["POST /call"] = [(400, {"message": ["model.provider is wrong", "voice is wrong"]})]
    result = run("sip:bob@127.0.0.1", "-a", ASSISTANT)
    assert result.exit_code == 1
    assert "answers 400: model.provider is wrong; voice is wrong" in result.output
