"""Where what is documented contradicts itself, both forms are taken; what is done, is said here."""

from typing import Any

import httpx
import pytest

from gateway.agent.brief import Brief
from gateway.api.briefs import from_assistant
from gateway.api.targets import Targets
from gateway.api.turn_plans import WAIT_FUNCTION
from tests.api.maximal import members

OPENAI = {"provider": "openai", "model": "gpt-4o"}


def brief(**fields: Any) -> Brief:
    return from_assistant({"model": OPENAI, **fields})


def test_a_model_without_a_temperature_has_0() -> None:
    """The schema of the seed says 0, the SDK 0.5: an agent that is asked twice says the same."""
    assert brief().temperature == 0
    assert brief(model={**OPENAI, "temperature": 0.5}).temperature == 0.5


@pytest.mark.parametrize("function", [WAIT_FUNCTION, "20 + 500*sqrt(x) + 2500*x^3", "200 + 8000*x"])
def test_either_wait_function_may_be_written(function: str) -> None:
    """x is how probable it is that the caller is still speaking."""
    plan = {"smartEndpointingPlan": {"provider": "livekit", "waitFunction": function}}
    assert brief(startSpeakingPlan=plan).endpointing.function == function


@pytest.mark.parametrize(
    ("older", "seen"),
    [
        ({"silenceTimeoutSeconds": 11}, lambda b: b.silence_timeout_s == 11),
        ({"messagePlan": {"idleMessages": ["Hm?"]}}, lambda b: b.hooks[0].do[0].texts == ("Hm?",)),
        ({"backgroundDenoisingEnabled": True}, lambda b: b.denoise),
        ({"responseDelaySeconds": 0.9}, lambda b: b.wait_s == 0.9),
        ({"llmRequestDelaySeconds": 0.3}, lambda b: b.endpointing.punctuation_s == 0.3),
        ({"recordingEnabled": False}, lambda b: not b.record),
        ({"model": OPENAI | {"functions": [{"name": "f"}]}},
         lambda b: b.tools[0].name == "f"),
        ({"model": OPENAI | {"systemPrompt": "Be brief."}},
         lambda b: b.system[0]["content"] == "Be brief."),
        ({"hooks": [{"on": "call.timeElapsed", "options": {"seconds": 9}, "do": []}]},
         lambda b: b.hooks[0].after_s == 9),
        ({"hooks": [{"on": "assistant.transcriber.endpointedSpeechLowConfidence", "do": []}]},
         lambda b: b.hooks[0].on == "unsure"),
    ],
)  # fmt: skip
async def test_what_only_older_payloads_or_prose_have_is_taken_and_acts(
    api: httpx.AsyncClient, older: dict[str, Any], seen: Any
) -> None:
    made = await api.post("/assistant", json=older)
    assert made.status_code == 201, made.text
    assert made.json().items() >= older.items()
    assert seen(brief(**older))


@pytest.mark.parametrize(
    "prose",
    [
        {"startSpeakingPlan": {"smartEndpointingPlan": {"provider": "krisp"}}},
        {"model": OPENAI | {"tools": [{"type": "transferCall", "destinations": [
            {"type": "number", "number": "+4930123456", "transferPlan": {
                "mode": "blind-transfer", "transferAssistant": {"firstMessage": "Hi."}}}]}]}},
    ],
)  # fmt: skip
async def test_what_only_prose_has_is_taken(api: httpx.AsyncClient, prose: dict[str, Any]) -> None:
    """krisp is our own estimate; a transferAssistant is kept."""
    made = await api.post("/assistant", json=prose)
    assert made.status_code == 201, made.text
    assert made.json().items() >= prose.items()
    assert brief(**prose).endpointing.by == "estimate"


async def test_a_server_is_written_in_either_way(api: httpx.AsyncClient) -> None:
    url = "https://one.example/hook"
    for written in (
        {"serverUrl": url, "serverUrlSecret": "s"},
        {"server": {"url": url, "secret": "s"}},
    ):
        assert (await api.post("/assistant", json=written)).status_code == 201
        where = Targets().of_call({"assistant": written})
        assert where is not None
        assert (where.url, where.headers["X-Vapi-Secret"]) == (url, "s")


async def test_the_kinds_of_tool_that_only_messages_name_are_taken(api: httpx.AsyncClient) -> None:
    assert {"GhlTool", "MakeTool"} <= set(members("Tool"))
    for kind in ("ghl", "make"):
        assert (await api.post("/tool", json={"type": kind, "metadata": {}})).status_code == 201


async def test_what_is_made_is_answered_with_201_and_all_else_with_200(
    api: httpx.AsyncClient,
) -> None:
    made = await api.post("/assistant", json={"name": "Ann"})
    at = f"/assistant/{made.json()['id']}"
    others = [await api.get(at), await api.patch(at, json={"name": "B"}), await api.delete(at)]
    assert [made.status_code, *(one.status_code for one in others)] == [201, 200, 200, 200]
