"""An answer that brings no sound: the call has never come to be, and nobody is said to have hung
up."""

import pytest

from gateway.calls.leg import Down, LegEvent
from gateway.calls.record import CallRecord
from gateway.calls.records import reason_of
from gateway.calls.sip_leg import SipLeg
from gateway.reasons import Ended
from gateway.sdp import Local, make_offer
from gateway.sip import events
from gateway.sip.session import Session
from tests.calls.test_hold import Line
from tests.sip.world import World, connected

UNUSABLE = [b"", b"v=0\r\n", b"rubbish", bytes(make_offer(Local("192.0.2.1", 0)))]


def heard_by(leg: SipLeg) -> list[LegEvent]:
    told: list[LegEvent] = []
    leg.on_event = told.append
    return told


@pytest.mark.parametrize("sdp", UNUSABLE)
def test_of_who_was_called(sdp: bytes) -> None:
    leg = SipLeg(Line(), "192.0.2.2")  # type: ignore[arg-type]
    told = heard_by(leg)
    world = World()
    _, leg._session = connected(world)
    leg._ours = make_offer(Local("192.0.2.2", 30_000))
    leg._heard(events.Answered(sdp or None))
    (down,) = told
    assert isinstance(down, Down)
    assert (
        reason_of(down, CallRecord(id="c", direction="outbound"))
        == Ended.OUTBOUND_FAILED_TO_CONNECT
    )
    assert down.status == 488
    assert down.detail
    world.run()
    assert world.alice.events(events.Ended)


@pytest.mark.parametrize("sdp", UNUSABLE)
def test_of_who_called_without_an_offer(sdp: bytes) -> None:
    world = World()
    told: list[LegEvent] = []

    def answer(session: Session) -> None:
        leg = SipLeg(Line(), "192.0.2.2", session)  # type: ignore[arg-type]
        leg.on_event = told.append
        leg.answer()

    def acknowledge(session: Session, event: events.SessionEvent) -> None:
        if isinstance(event, events.Answered):
            session.answer(sdp)

    world.bob.script, world.alice.on_event = answer, acknowledge
    world.alice.call(world.bob, None)
    world.run(1)
    down = told[0]
    assert isinstance(down, Down)
    assert (
        reason_of(down, CallRecord(id="c", direction="inbound")) == Ended.INBOUND_FAILED_TO_CONNECT
    )
    world.run()
