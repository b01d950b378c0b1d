"""Transfer destinations and phone tools, from the API's JSON to what a call does."""

import json
from typing import Any

import pytest

from gateway.agent.messages import Happened
from gateway.api.destinations import ANNOUNCED, destination
from gateway.api.live_messages import written
from gateway.api.server_messages import read_destination
from gateway.api.tool_briefs import tool_briefs
from gateway.api.unusable import Unusable
from gateway.calls.destination import Destination
from gateway.calls.record import CallRecord

NUMBER = {"type": "number", "number": "+14155550100"}
SIP = {"type": "sip", "sipUri": "tel:+14155550100;ext=4"}


def of(given: dict[str, Any], **plan: Any) -> Destination:
    return destination({**given, "transferPlan": {"mode": "blind-transfer", **plan}}, "de-AT")


def test_a_number_is_referred_by_default_after_the_usual_words() -> None:
    made = destination(NUMBER, "en")
    assert (made.name, made.target, made.verb, made.meeting) == (
        "+14155550100", "+14155550100", "refer", "blind")  # fmt: skip
    assert made.announcement == ANNOUNCED
    assert destination(NUMBER, "en", announced=True).announcement == ""
    assert destination({**NUMBER, "message": ""}, "en").announcement == ""
    assert made.papers == NUMBER
    assert not made.end_on_failure


def test_a_uri_stays_as_it_is_given() -> None:
    assert of(SIP).target == "tel:+14155550100;ext=4"


@pytest.mark.parametrize(
    ("mode", "meeting", "summary"),
    [
        ("blind-transfer", "blind", False),
        ("blind-transfer-add-summary-to-sip-header", "blind", True),
        ("warm-transfer-say-message", "told", False),
        ("warm-transfer-say-summary", "told", True),
        ("warm-transfer-wait-for-operator-to-speak-first-and-then-say-message", "greets", False),
        ("warm-transfer-wait-for-operator-to-speak-first-and-then-say-summary", "greets", True),
        ("warm-transfer-experimental", "accepts", False),
    ],
)
def test_modes(mode: str, meeting: str, summary: bool) -> None:
    made = of(NUMBER, mode=mode)
    assert (made.meeting, made.summary) == (meeting, summary)
    assert made.verb == ("refer" if meeting == "blind" else "dial")


def test_a_maximal_plan() -> None:
    made = of(
        {**NUMBER, "callerId": "+1", "extension": "12", "sipHeaders": {"X-A": "b"}},
        mode="warm-transfer-experimental",
        message={"contents": [{"type": "text", "text": "Guten Tag", "language": "de"},
                              {"type": "text", "text": "Hello", "language": "en"}]},
        timeout=9, dialTimeout=20, holdAudioUrl="https://x/a.mp3",
        transferCompleteAudioUrl="https://x/b.mp3", sipHeadersInReferToEnabled=True,
        summaryPlan={"messages": [{"role": "system", "content": "{{transcript}}"}]},
        fallbackPlan={"message": "Sorry."}, sipVerb="refer",
    )  # fmt: skip
    assert made == Destination(
        name="+14155550100", target="+14155550100", verb="refer", meeting="accepts", caller="+1",
        extension="12", headers=(("X-A", "b"),), headers_in_uri=True, announcement=ANNOUNCED,
        message="Guten Tag", summary_prompt=({"role": "system", "content": "{{transcript}}"},),
        ring_s=20, patience_s=9, music="https://x/a.mp3", chime="https://x/b.mp3",
        apology="Sorry.", end_on_failure=True, papers=made.papers,
    )  # fmt: skip
    stays = of(NUMBER, fallbackPlan={"message": "Sorry.", "endCallEnabled": False})
    assert (stays.apology, stays.end_on_failure) == ("Sorry.", False)
    summed = of(NUMBER, mode="warm-transfer-experimental", summaryPlan={"enabled": True})
    assert summed.summary


@pytest.mark.parametrize(
    ("given", "plan", "words"),
    [
        (NUMBER, {"mode": "warm-transfer-twiml"}, "warm-transfer-twiml"),
        (NUMBER, {"sipVerb": "jump"}, "jump"),
        ({"type": "number", "number": "0123"}, {}, "E.164"),
        ({"type": "sip", "sipUri": "carol"}, {}, "carol"),
    ],
)
def test_what_cannot_be_is_named(given: dict[str, Any], plan: dict[str, Any], words: str) -> None:
    with pytest.raises(Unusable, match=words):
        of(given, **plan)


def test_a_number_need_not_be_checked() -> None:
    assert of({**NUMBER, "number": "4711", "numberE164CheckEnabled": False}).target == "4711"
    assert of({**NUMBER, "number": "{{ manager }}"}).target == "{{ manager }}"


def test_the_model_is_told_of_the_destinations() -> None:
    tool = {"type": "transferCall", "destinations": [{**NUMBER, "description": "Sales."}, SIP]}
    (brief,) = tool_briefs({"tools": [tool]})
    assert brief.parameters["properties"]["destination"]["enum"] == [
        "+14155550100", "tel:+14155550100;ext=4"]  # fmt: skip
    assert "- +14155550100: Sales." in brief.description
    assert [d["target"] for d in brief.options["destinations"]] == [
        "+14155550100", "tel:+14155550100;ext=4"]  # fmt: skip
    assert brief.timeout_s > 600  # a transfer has limits of its own


def test_what_a_sip_request_gives_and_what_the_model_writes() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    tool = {"type": "sipRequest", "verb": "INFO", "headers": {"X-A": "b"}, "body": schema}
    (brief,) = tool_briefs({"tools": [tool]})
    assert brief.options == {"verb": "INFO", "headers": {"X-A": "b"}, "body": None}
    assert brief.parameters["properties"] == {"body": schema}
    (keys,) = tool_briefs({"tools": [{"type": "dtmf", "sipInfoDtmfEnabled": True}]})
    assert keys.options == {"by_info": True}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"error": "Closed on Sundays."}, "Closed on Sundays."),
        ({"destination": {"type": "number", "number": "1"}}, "E.164"),
        ({}, "named no destination"),
        ([], "named no destination"),
    ],
)
def test_what_a_server_answers_in_vain(answer: Any, told: str) -> None:
    said = read_destination(json.dumps(answer).encode(), "en")
    assert isinstance(said, str)
    assert told in said


def test_a_server_names_a_destination_and_what_is_said_before() -> None:
    answer = {"destination": SIP, "message": {"type": "request-start", "content": "A moment."}}
    made = read_destination(json.dumps(answer).encode(), "en")
    assert isinstance(made, Destination)
    assert (made.target, made.announcement) == (SIP["sipUri"], "A moment.")


def test_followers_are_told() -> None:
    record = CallRecord(id="c1", direction="inbound")
    happened = Happened(call="c1", what="transfer", at=0.0, facts={"destination": SIP})
    (one,) = written(record, {}, happened)
    assert one.message == {"type": "transfer-update", "destination": SIP}
