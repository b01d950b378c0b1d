"""The plans for speaking, keys and hooks, from the API's JSON."""

import re
from typing import Any

import pytest

from gateway.agent.brief import Brief
from gateway.agent.plans import Endpointing, HookAction, KeypadPlan, Pattern, Rule
from gateway.api.briefs import from_assistant
from gateway.api.turn_plans import WAIT_FUNCTION
from gateway.api.unusable import Unusable

OPENAI = {"provider": "openai", "model": "gpt-4o"}


def brief(**fields: Any) -> Brief:
    return from_assistant({"model": OPENAI, **fields})


def endpointing(**start: Any) -> Endpointing:
    return brief(startSpeakingPlan=start).endpointing


def test_without_any_plan_the_end_is_estimated() -> None:
    assert brief().endpointing == Endpointing()
    assert Endpointing().by == "estimate"


def test_a_second_request_is_made_only_where_that_is_wished() -> None:
    assert brief().hedge_after_s == 0
    assert brief(startSpeakingPlan={"hedgeAfterSeconds": 0.8}).hedge_after_s == 0.8


def test_the_documented_plans_each_have_their_way() -> None:
    plan = {"onPunctuationSeconds": 0.2, "onNoPunctuationSeconds": 2, "onNumberSeconds": 0.8}
    assert endpointing(transcriptionEndpointingPlan=plan) == Endpointing(
        by="text", punctuation_s=0.2, no_punctuation_s=2, number_s=0.8
    )
    assert endpointing(transcriptionEndpointingPlan={"onNumberSeconds": 1}) == Endpointing(
        by="text", punctuation_s=0.1, no_punctuation_s=1.5, number_s=1
    )
    assert endpointing(smartEndpointingPlan={"provider": "vapi"}).by == "estimate"
    assert endpointing(smartEndpointingEnabled=True).by == "estimate"
    assert endpointing(smartEndpointingEnabled=False).by == "text"
    livekit = endpointing(smartEndpointingPlan={"provider": "livekit"})
    assert (livekit.by, livekit.function) == ("function", WAIT_FUNCTION)
    assert endpointing(smartEndpointingEnabled="livekit").by == "function"
    written = {"provider": "livekit", "waitFunction": "200 + 8000 * x"}
    assert endpointing(smartEndpointingPlan=written).function == "200 + 8000 * x"
    custom = {"provider": "custom-endpointing-model", "server": {"url": "https://x"}}
    assert endpointing(smartEndpointingPlan=custom) == Endpointing(
        by="server", server={"url": "https://x"}
    )


def test_the_older_delay_is_the_wait_after_punctuation() -> None:
    for older, start, waits_s in (
        ({"llmRequestDelaySeconds": 0.7}, {}, 0.7),
        ({"llmRequestDelaySeconds": 0}, {}, 0.0),
        ({"llmRequestDelaySeconds": 0.7},
         {"transcriptionEndpointingPlan": {"onPunctuationSeconds": 0.2}}, 0.2),
    ):  # fmt: skip
        made = brief(**older, startSpeakingPlan=start).endpointing
        assert (made.by, made.punctuation_s) == ("text", waits_s)


def test_rules_keep_their_order_and_their_flags() -> None:
    made = endpointing(
        customEndpointingRules=[
            {
                "type": "both",
                "assistantRegex": "phone",
                "customerRegex": r"\d",
                "customerRegexOptions": [{"type": "whole-word", "enabled": True}],
                "timeoutSeconds": 3,
            },
            {
                "type": "customer",
                "regex": "^no",
                "regexOptions": [
                    {"type": "ignore-case", "enabled": True},
                    {"type": "multi-line", "enabled": False},
                ],
                "timeoutSeconds": 0,
            },
            {"type": "assistant", "regex": "name", "timeoutSeconds": 1},
        ]
    )
    assert made.rules == (
        Rule(assistant=Pattern(regex="phone"), customer=Pattern(regex=r"\b(?:\d)\b"), wait_s=3),
        Rule(customer=Pattern(regex="^no", flags=int(re.IGNORECASE)), wait_s=0),
        Rule(assistant=Pattern(regex="name"), wait_s=1),
    )


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (
            {"customEndpointingRules": [{"type": "customer", "regex": "(", "timeoutSeconds": 1}]},
            r"customEndpointingRules\[0\].regex is not a regular expression",
        ),
        (
            {"smartEndpointingPlan": {"provider": "livekit", "waitFunction": "import os"}},
            "smartEndpointingPlan.waitFunction is no formula",
        ),
    ],
)
def test_what_cannot_be_understood_names_its_field(start: dict[str, Any], said: str) -> None:
    with pytest.raises(Unusable, match=said):
        endpointing(**start)


def test_a_transcriber_that_knows_the_end_is_asked_unless_something_smarter_is_wished_for() -> None:
    flux = {"provider": "deepgram", "model": "flux-general-en"}
    assert brief(transcriber=flux).endpointing.by == "transcriber"
    smart = {"smartEndpointingPlan": {"provider": "vapi"}}
    assert brief(transcriber=flux, startSpeakingPlan=smart).endpointing.by == "estimate"


def test_phrases_are_by_default_those_of_the_transcribers_language() -> None:
    english, german = brief(), brief(transcriber={"provider": "deepgram", "language": "de-CH"})
    assert "uhhuh" in english.acknowledgements
    assert "stop" in english.interruptions
    assert "genau" in german.acknowledgements
    assert "warte" in german.interruptions
    none = brief(stopSpeakingPlan={"interruptionPhrases": [], "acknowledgementPhrases": []})
    assert none.interruptions == none.acknowledgements == ()


def test_keys_are_taken_unless_that_is_switched_off() -> None:
    assert brief().keypad == KeypadPlan(enabled=True, timeout_s=2.0, delimiters="#")
    assert not brief(keypadInputPlan={"timeoutSeconds": 3}).keypad.enabled
    plan = {"enabled": True, "timeoutSeconds": 0, "delimiters": "*"}
    assert brief(keypadInputPlan=plan).keypad == KeypadPlan(timeout_s=0, delimiters="*")


def test_a_hook_on_silence_has_its_options_long_and_short() -> None:
    do = [{"type": "say", "exact": ["Hello?", "Anybody?"]}]
    options = {"timeoutSeconds": 4, "triggerMaxCount": 2, "triggerResetMode": "onUserSpeech"}
    long, short, bare = brief(
        hooks=[
            {"on": "customer.speech.timeout", "options": options, "do": do},
            {"on": "customer.speech.timeout[timeoutSeconds=9]", "do": do},
            {"on": "customer.speech.timeout", "do": do},
        ]
    ).hooks
    assert (long.on, long.after_s, long.most, long.forgetful) == ("silence", 4, 2, True)
    assert long.do == (HookAction(do="say", texts=("Hello?", "Anybody?")),)
    assert (short.after_s, short.most, short.forgetful) == (9, 3, False)
    assert bare.after_s == 7.5


def test_between_which_confidences_a_hook_fires() -> None:
    options = {"confidenceMin": 0.1, "confidenceMax": 0.3}
    on = "assistant.transcriber.endpointedSpeechLowConfidence"
    (hook,) = brief(hooks=[{"on": on, "options": options, "do": []}]).hooks
    assert hook.confidence == (0.1, 0.3)


def test_every_documented_event_and_action_of_a_hook() -> None:
    made = brief(
        hooks=[
            {"on": "call.timeElapsed", "options": {"seconds": 90},
             "do": [{"type": "say", "prompt": "Wind up."}]},
            {"on": "assistant.speech.interrupted",
             "do": [{"type": "message.add", "message": {"role": "system", "content": "Short!"},
                     "triggerResponseEnabled": False}]},
            {"on": "customer.speech.interrupted", "do": [{"type": "say", "exact": "Sorry."}]},
            {"on": "model.response.timeout", "do": [{"type": "say", "exact": "One moment."}]},
            {"on": "assistant.transcriber.endpointedSpeechLowConfidence[confidence=0.1:0.3]",
             "do": [{"type": "say", "exact": "Pardon?"}]},
            {"on": "call.ending", "do": [{"type": "tool", "tool": {"type": "endCall"}}],
             "filters": [{"type": "oneOf", "key": "call.endedReason", "oneOf": ["a", "b"]}]},
            {"on": "something.else", "do": []},
        ]
    )  # fmt: skip
    elapsed, cut, cutting, slow, unsure, ending = made.hooks
    assert (elapsed.on, elapsed.after_s) == ("elapsed", 90)
    assert elapsed.do[0].messages == ({"role": "system", "content": "Wind up."},)
    assert (cut.on, cut.do[0].do, cut.do[0].answer) == ("agent-interrupted", "add", False)
    assert (cutting.on, slow.on) == ("caller-interrupted", "slow")
    assert (unsure.on, unsure.confidence) == ("unsure", (0.1, 0.3))
    assert (ending.on, ending.reasons) == ("ending", ("a", "b"))
    assert ending.do[0].tool == "endCall"
    assert [tool.name for tool in made.hook_tools] == ["endCall"]
    assert made.tools == ()
