"""What an assistant's ``voicemailDetection`` becomes."""

from typing import Any

import pytest

from gateway.agent.plans import VoicemailPlan
from gateway.api.briefs import from_assistant
from gateway.api.voicemail_plans import voicemail_plan

MODEL = {"provider": "openai", "model": "gpt-4o"}
BACKOFF = {"startAtSeconds": 3, "frequencySeconds": 2.5, "maxRetries": 4}


@pytest.mark.parametrize(
    ("detection", "plan"),
    [
        (None, None),
        ("off", None),
        ({"provider": "twilio", "enabled": False}, None),
        ({"provider": "vapi"}, VoicemailPlan()),
        ({"provider": "vapi", "beepMaxAwaitSeconds": 0}, VoicemailPlan(beep_wait_s=0)),
        ({"provider": "vapi", "type": "transcript"}, VoicemailPlan(by="transcript")),
        (
            {"provider": "google", "backoffPlan": BACKOFF},
            VoicemailPlan(by="transcript", first_check_s=3, every_s=2.5, checks=4),
        ),
        ({"provider": "openai", "type": "audio"}, VoicemailPlan(by="transcript")),
        ({"provider": "twilio"}, VoicemailPlan(silence_s=5.0, fax=False)),
        (
            {
                "provider": "twilio",
                "voicemailDetectionTypes": ["machine_end_beep", "fax"],
                "machineDetectionTimeout": 20,
                "machineDetectionSpeechThreshold": 4000,
                "machineDetectionSpeechEndThreshold": 1500,
            },
            VoicemailPlan(beep_wait_s=20, middle_s=4.0 - 1.25, pause_s=1.5),
        ),
    ],
)
def test_every_providers_plan_runs_here(detection: Any, plan: VoicemailPlan | None) -> None:
    assert voicemail_plan({"voicemailDetection": detection}) == plan


def test_the_message_goes_with_it_and_serves_the_tool_too() -> None:
    assistant = {
        "model": {**MODEL, "tools": [{"type": "voicemail", "beepDetectionEnabled": True}]},
        "voicemailMessage": "Call {{ name }}.",
        "voicemailDetection": {"provider": "vapi"},
    }
    brief = from_assistant(assistant)
    assert brief.voicemail == VoicemailPlan(message="Call {{ name }}.")
    assert brief.voicemail_message == "Call {{ name }}."
    (tool,) = brief.tools
    assert (tool.kind, tool.name) == ("voicemail", "voicemail")
    assert tool.written["beepDetectionEnabled"] is True
    assert "mailbox" in tool.description
