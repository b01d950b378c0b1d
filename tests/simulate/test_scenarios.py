"""Callers played from scripts: what they do arrives at the agent by packets, and is judged."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gateway.agent.brief import Brief, Choice, ToolBrief
from gateway.agent.vendors import Catalog
from gateway.errors import ConfigError
from gateway.simulate.files import read
from gateway.simulate.junit import junit
from gateway.simulate.play import Outcome, play
from gateway.simulate.settings import Scenario

CLOUD = {"hearing": "deepgram", "thinking": "openai", "speaking": "cartesia"}


async def played(*steps: dict[str, Any], seed: int = 0, **more: Any) -> Outcome:
    """``brief`` is laid over a greeting assistant's; everything else is the scenario's."""
    changes = more.pop("brief", {})
    brief = Brief(
        **{part: Choice(vendor=vendor) for part, vendor in CLOUD.items()},
        **{"greeting": "Hello.", "tools": (ToolBrief(kind="endCall", name="endCall"),), **changes},
    )
    scenario = Scenario.model_validate(
        {"name": "a call", "assistant": {}, "steps": [{"finishes_s": 5}, *steps], **more}
    )
    real = Catalog({}, lambda used: None, lambda: 0.0)
    return await play(scenario, brief, real, seed)


def good(outcome: Outcome) -> bool:
    assert outcome.ok, [vars(check) for check in outcome.checks if check.kind != "ok"]
    return True


def users(outcome: Outcome) -> list[str]:
    return [said.text for said in outcome.transcript if said.role == "user"]


async def test_words_pass_through_packets_and_turns_into_an_answer() -> None:
    outcome = await played(
        {"say": "What time do you open?"},
        {"answer_s": 1.2},
        {"says": "at noon"},
        replies=[{"when": "open", "says": "We open at noon."}],
        expect={"slowest_ms": 1000, "own_ms": 100, "ended": "customer-ended-call"},
    )
    assert good(outcome)
    assert users(outcome) == ["What time do you open?"]
    (turn,) = outcome.turns
    assert dict(turn.segments)["model_first_token"] == pytest.approx(300, abs=21)
    assert sum(ms for _, ms in turn.segments) == pytest.approx(turn.total_ms)


async def test_what_the_transcriber_makes_of_it_is_the_scenarios() -> None:
    outcome = await played({"say": "Four people.", "heard_as": "For people."}, {"answer_s": 2})
    assert good(outcome)
    assert users(outcome) == ["For people."]


async def test_an_interruption_stops_the_agent_and_a_cough_does_not() -> None:
    long = "This is a sentence that takes its time, and it is not the last one."
    outcome = await played(
        {"say": "Tell me."},
        {"answer_s": 1.5},
        {"wait": 0.5},
        {"noise_s": 0.3},
        {"answer_s": 1.0},
        {"talks_s": 0.5},
        {"say": "Stop, please."},
        {"stops_s": 0.1},
        {"happened": "barge_in"},
        replies=[{"says": long}],
        expect={"barge_ins": 1},
    )
    assert good(outcome)
    assert [event.what for event in outcome.events] == ["false_alarm", "barge_in"]


async def test_keys_come_as_telephone_events() -> None:
    outcome = await played(
        {"press": "12#"},
        {"answer_s": 2},
        {"heard": "12"},
        {"press": "9"},
        {"heard": "12"},
    )
    assert good(outcome)
    digits = [event.facts["digit"] for event in outcome.events if event.what == "digit"]
    assert digits == ["1", "2", "#", "9"]


async def test_a_bad_line_and_a_noisy_street_are_understood() -> None:
    outcome = await played(
        {"wait": 1},
        {"say": "I would like to cancel my order."},
        {"answer_s": 2.5},
        caller={"noise_db": -45, "loss_percent": 5},
        seed=3,
    )
    assert good(outcome)
    assert users(outcome) == ["I would like to cancel my order."]


async def test_a_tool_is_called_and_answered_when_the_scenario_says() -> None:
    outcome = await played(
        {"say": "Book it."},
        {"tool": "book", "arguments": {"people": 4}, "within_s": 2},
        {"says": "It is booked"},
        brief={"tools": (ToolBrief(kind="function", name="book"),)},
        replies=[
            {"when": "book it", "calls": [{"name": "book", "arguments": {"people": 4}}]},
            {"when": "done at eight", "says": "It is booked."},
        ],
        tools={"book": {"result": "Done at eight.", "after_s": 1.0}},
    )
    assert good(outcome)
    (result,) = (said for said in outcome.transcript if said.role == "tool_result")
    (called,) = (said for said in outcome.transcript if said.role == "tool_call")
    assert result.began_at - called.began_at == pytest.approx(1.0, abs=0.05)


async def test_a_vendor_that_dies_is_named_by_the_reason() -> None:
    outcome = await played(
        {"say": "Hello?"},
        {"says": "problem"},
        {"say": "Hello?"},
        {"ends": "pipeline-error-openai-llm-failed"},
        outages=[{"vendor": "openai"}],
    )
    assert good(outcome)
    failed = [event.facts["vendor"] for event in outcome.events if event.what == "vendor_error"]
    assert failed == ["openai", "openai"]


async def test_a_transcriber_that_dies_in_the_middle_of_a_word_costs_no_word() -> None:
    outcome = await played(
        {"say": "I would like to cancel my order."},
        {"answer_s": 3},
        outages=[{"vendor": "deepgram", "at_s": 1.5, "for_s": 0.3}],
    )
    assert good(outcome)
    assert users(outcome) == ["I would like to cancel my order."]
    assert [event.what for event in outcome.events] == ["retry"] * len(outcome.events)


async def test_what_fails_is_told_and_what_follows_is_skipped() -> None:
    outcome = await played({"silent_s": 0.5}, {"answer_s": 0.5}, {"hang_up": True})
    assert [check.kind for check in outcome.checks] == ["ok", "ok", "failed", "skipped"]
    assert outcome.checks[2].why == "silent (listening)"
    suite = ElementTree.fromstring(junit([outcome]))[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "1")
    failure = suite[2].find("failure")
    assert failure is not None
    assert failure.get("message") == "silent (listening)"
    assert "assistant: Hello." in str(failure.text)


async def test_the_same_seed_is_the_same_call() -> None:
    steps = ({"say": "Tell me more."}, {"finishes_s": 6})
    jitter = {"hearing": {"jitter_ms": 100}, "thinking": {"jitter_ms": 200}}
    calls = [await played(*steps, seed=seed, vendors=jitter) for seed in (1, 1, 2)]
    waits = [[turn.total_ms for turn in outcome.turns] for outcome in calls]
    assert waits[0] == waits[1] != waits[2]


async def test_an_assistant_that_cannot_be_had_is_a_failed_check() -> None:
    real = Catalog({}, lambda used: None, lambda: 0.0)
    scenario = Scenario.model_validate(
        {
            "name": "x",
            "assistant": {},
            "steps": [{"wait": 1}],
            "vendors": {"thinking": {"real": True}},
        }
    )
    brief = Brief(**{part: Choice(vendor="nobody") for part in CLOUD})
    outcome = await play(scenario, brief, real)
    assert not outcome.ok
    assert outcome.reason == "pipeline-error-nobody-llm-failed"


BAD = {
    "steps: [{wait: 1}]": "name: Field required",
    "{name: x, assistant: {}, steps: []}": "steps: Tuple should have at least 1 item",
    "{name: x, assistant: {}, steps: [{wait: 1, say: a}]}": "here: say and wait",
    "{name: x, assistant: {}, steps: [{shout: a}]}": "steps.0.shout",
    "{name: x, assistant: no.json, steps: [{wait: 1}]}": "no.json: No such file",
    "[": "is not valid YAML",
    "{name: x, scenarios: 1}": "scenarios: a list",
    "": "valid dictionary",
}


@pytest.mark.parametrize("text", BAD)
def test_a_file_that_is_wrong_says_where(text: str, tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=str(file)) as caught:
        read(file)
    assert BAD[text] in str(caught.value)
