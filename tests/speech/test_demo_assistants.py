"""The assistants that come with the gateway: every vendor in them takes its options."""

import json
from pathlib import Path

import pytest

from gateway.api import vendors
from gateway.api.models import THINKING
from gateway.api.transcribers import HEARING
from gateway.api.voices import SPEAKING
from gateway.speech import catalog
from gateway.speech.contract import Message
from gateway.speech.script import Dialogue, Script
from gateway.speech.vendors.recogniser import Recogniser

FILES = sorted(Path("config/assistants").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_vendor_takes_its_options(path: Path) -> None:
    assistant = json.loads(path.read_text())
    parts = {
        "hearing": (HEARING, assistant["transcriber"]),
        "thinking": (THINKING, assistant["model"]),
        "speaking": (SPEAKING, assistant["voice"]),
    }
    for part, (table, asked) in parts.items():
        chosen = vendors.choice(table, asked)
        assert chosen is not None
        catalog.check(part, chosen.vendor, chosen.model, chosen.options)  # type: ignore[arg-type]


def test_the_recogniser_can_pronounce_all_that_the_demo_expects() -> None:
    demo = json.loads(Path("config/assistants/demo.json").read_text())
    script = Script.model_validate(demo["model"]["script"])
    recogniser = Recogniser()
    for state in script.states:
        expected = Dialogue(script.model_copy(update={"start": state})).expected([])
        assert recogniser._use(state, expected).phrases == set(expected)


def test_the_demo_calls_only_tools_that_it_has() -> None:
    model = json.loads(Path("config/assistants/demo.json").read_text())["model"]
    script = Script.model_validate(model["script"])
    rules = [rule for state in script.states for rule in script.rules(state)]
    assert {rule.tool.name for rule in rules if rule.tool} == {t["type"] for t in model["tools"]}
    goodbye = Dialogue(script).position([Message("user", "goodbye")]).rule
    assert goodbye is not None
    assert goodbye.tool is not None
    assert goodbye.tool.name == "endCall"
