"""What a caller is told whose call is not taken, and what is none of a caller's business."""

import logging

import pytest

from gateway.calls.ports import CallRefused, OutOfOrder
from gateway.calls.refusals import turn_away
from gateway.sip.events import Refused
from tests.sip.world import World


def told(error: CallRefused) -> Refused:
    world = World()
    alice, bob = world.phone("alice"), world.phone("bob")
    bob.script = lambda session: turn_away(session, error)
    alice.call(bob)
    world.run(1)
    (refused,) = alice.events(Refused)
    assert isinstance(refused, Refused)
    return refused


def test_trouble_of_ours_sends_a_carrier_to_another_gateway_and_names_no_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        refused = told(OutOfOrder("read from phone_numbers: connection is closed"))
    assert refused.status == 503
    assert refused.response is not None
    assert refused.response.headers.get("Retry-After") == "5"
    assert "phone_numbers" not in refused.phrase
    (line,) = [record for record in caplog.records if record.name == "gateway.calls.refusals"]
    assert vars(line)["why"] == "read from phone_numbers: connection is closed"


def test_why_a_call_can_not_be_taken_is_told_to_us_and_not_to_a_stranger(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        refused = told(CallRefused("phone number 7 has no assistant"))
    assert (refused.status, refused.phrase) == (480, "Temporarily Unavailable")
    (line,) = [record for record in caplog.records if record.name == "gateway.calls.refusals"]
    assert vars(line)["why"] == "phone number 7 has no assistant"
