"""A recordingConsentPlan becomes an agent that asks, and nothing is recorded before."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from gateway.agent.brief import Brief, Choice, ConsentPlan
from gateway.api.briefs import from_assistant
from gateway.api.call_view import CallView
from gateway.api.server_messages import Messages
from gateway.api.tools.saved import with_saved_tools
from gateway.api.unusable import Unusable
from gateway.api.vendor_keys import keys_of
from gateway.calls.record import RecordingConsent
from gateway.speech.contract import Message
from gateway.speech.script import Dialogue, Script
from gateway.store import Store
from tests.api.hooks import a_call

MODEL = {"provider": "openai", "model": "gpt-4o", "tools": [{"type": "dtmf"}]}
SCRIPT = {"provider": "script", "script": {}}
MESSAGE = "May we record this call?"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def brief(model: Any = MODEL, **plan: Any) -> Brief:
    plan = {"message": MESSAGE, **plan}
    hooks = [
        {"on": "call.ending", "do": [{"type": "tool", "tool": {"type": "endCall"}}]},
        {"on": "customer.speech.timeout", "do": [{"type": "say", "exact": "Hello?"}]},
    ]
    compliance = {"recordingConsentPlan": plan}
    return from_assistant(
        {"model": model, "firstMessage": "Hi.", "compliancePlan": compliance, "hooks": hooks}
    )


def plan_of(**plan: Any) -> ConsentPlan:
    made = brief(**plan).consent
    assert made
    return made


def answer(choice: Choice, *said: str) -> tuple[str, str]:
    """What is said, and the tool that is called."""
    script = Dialogue(Script.model_validate(choice.options["script"]))
    told = [Message("user", text) for text in said]
    made = script.answer(told, NOW)
    return made.text, made.call.name if made.call else ""


def test_nobody_is_asked_without_a_plan() -> None:
    assert from_assistant({"model": MODEL}).consent is None


def test_the_one_that_asks_does_nothing_else_and_records_nothing() -> None:
    whole = brief(type="verbal")
    assert whole.record
    assert whole.greeting == "Hi."
    plan = whole.consent
    assert plan
    assert plan.kind == "verbal"
    assert not plan.brief.record
    assert (plan.brief.greeting, plan.brief.greeting_mode) == (MESSAGE, "speak")
    assert [hook.on for hook in plan.brief.hooks] == ["ending"]
    assert [tool.kind for tool in plan.brief.tools] == ["recordingConsent", "endCall"]
    (told,) = plan.brief.system
    for part in (MESSAGE, "recording_consent_given", plan.brief.tools[1].name):
        assert part in told["content"]
    assert plan.brief.thinking == whole.thinking
    assert plan.brief.consent is None


def test_who_stays_is_asked_by_no_model() -> None:
    plan = plan_of(type="stay-on-line")
    assert (plan.kind, plan.wait_s, plan.brief.tools) == ("stay-on-line", 3.0, ())
    assert answer(plan.brief.thinking, "Okay.") == ("", "")
    plan = plan_of(type="stay-on-line", firstMessageMode="assistant-waits-for-user", waitSeconds=5)
    assert (plan.brief.greeting_mode, plan.wait_s) == ("wait", 5)
    assert answer(plan.brief.thinking, "Hello?") == (MESSAGE, "")
    assert answer(plan.brief.thinking, "Hello?", "Okay.") == ("", "")


@pytest.mark.parametrize(
    ("said", "tool"),
    [
        ("Yes, please.", "recording_consent_given"),
        ("Ja, gerne", "recording_consent_given"),
        ("I agree", "recording_consent_given"),
        ("No!", "endCall"),
        ("I do not agree to that", "endCall"),
        ("Yes... no, rather no.", "endCall"),
        ("of course not", "endCall"),
        ("Who is this?", ""),
        ("Sure? Well.", ""),
    ],
)
def test_without_a_model_words_decide_and_in_doubt_for_a_no(said: str, tool: str) -> None:
    made = brief(SCRIPT, type="verbal").consent
    assert made
    text, called = answer(made.brief.thinking, said)
    assert called.lower() == tool.lower()
    assert text == ("" if tool else MESSAGE)


def test_who_declines_is_the_decline_tool_s() -> None:
    destination = {"type": "number", "number": "+4930123456"}
    decline = {"type": "transferCall", "destinations": [destination]}
    tools = plan_of(type="verbal", declineTool=decline).brief.tools
    assert [tool.kind for tool in tools] == ["recordingConsent", "transferCall"]


def test_a_decline_tool_that_is_none_is_refused() -> None:
    mcp = {"type": "mcp", "server": {"url": "https://x.example"}}
    with pytest.raises(Unusable, match="declineTool"):
        plan_of(type="verbal", declineTool=mcp)


async def test_a_decline_tool_is_checked_as_every_tool(api: httpx.AsyncClient) -> None:
    plan = {"type": "verbal", "message": MESSAGE, "declineTool": {"type": "nothing"}}
    body = {"model": SCRIPT, "compliancePlan": {"recordingConsentPlan": plan}}
    answer = await api.post("/assistant", json=body)
    assert (answer.status_code, "declineTool.type" in answer.text) == (400, True)


def test_the_plan_may_have_a_voice_of_its_own() -> None:
    voice = {"provider": "openai", "voiceId": "alloy"}
    whole = brief(type="verbal", voice=voice)
    assert whole.consent
    assert whole.consent.brief.speaking.vendor == "openai"
    assert whole.speaking.vendor == "embedded"


async def test_a_saved_decline_tool_and_the_key_of_the_voice_are_found(store: Store) -> None:
    tool = await store.tools.create({"type": "endCall"})
    await store.credentials.create({"provider": "11labs", "apiKey": "k"})
    plan = {
        "type": "verbal", "message": MESSAGE, "declineToolId": tool.id,
        "voice": {"provider": "11labs", "voiceId": "x"},
    }  # fmt: skip
    assistant = {"model": MODEL, "compliancePlan": {"recordingConsentPlan": plan}}
    holdings, missing = store.of(""), list[str]()
    made = await with_saved_tools(assistant, store.of(tool.org_id), missing)
    assert made["compliancePlan"]["recordingConsentPlan"]["declineTool"] == {"type": "endCall"}
    assert (await keys_of(assistant, store.of(tool.org_id)))["11labs"].api_key == "k"
    await with_saved_tools(assistant, holdings, missing)
    assert missing == [
        f"compliancePlan.recordingConsentPlan.declineToolId {tool.id} does not exist"
    ]


@pytest.mark.parametrize("granted", [None, NOW])
def test_the_call_and_its_report_say_whether_it_was_given(granted: datetime | None) -> None:
    view = CallView("org", "")
    record = a_call(consent=RecordingConsent(type="verbal", granted_at=granted))
    expected = {"type": "verbal"} | ({"grantedAt": "2026-01-01T00:00:00.000Z"} if granted else {})
    assert view.show(record, {})["compliance"] == {"recordingConsent": expected}
    report = Messages(view).end_of_call_report(record, {})["message"]
    assert report["compliance"] == {"recordingConsent": expected}
    assert "compliance" not in view.show(a_call(), {})
