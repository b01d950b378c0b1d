"""Our side puts a peer on hold and takes it back, by a new offer within the call."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.calls.sip_leg import SipLeg
from gateway.sdp import Description, Local, make_answer, make_offer
from gateway.sip.events import Reoffered
from gateway.sip.session import Session
from tests.sip.world import World

THEIRS = Local("192.0.2.1", 20_000)


@dataclass
class Line:
    row: int = 0
    port: int = 30_000
    srtp_policy: str = "off"
    agreed: list[dict[str, Any]] = field(default_factory=list)

    def agree(self, **what: Any) -> None:
        self.agreed.append(what)


@pytest.fixture
def call() -> tuple[World, Line, SipLeg]:
    """Alice has called the leg, which is bob's."""
    world, line = World(), Line()
    legs: list[SipLeg] = []

    def answer(session: Session) -> None:
        leg = SipLeg(line, "192.0.2.2", session)  # type: ignore[arg-type]
        legs.append(leg)
        leg.answer()

    world.bob.script = answer
    world.alice.call(world.bob, bytes(make_offer(THEIRS)))
    world.run(1.0)
    return world, line, legs[0]


def obey(session: Session, event: object) -> None:
    if isinstance(event, Reoffered):
        description, _ = make_answer(Description.parse(event.sdp or b""), THEIRS)
        session.accept_reoffer(bytes(description))


def test_hold_and_resume(call: tuple[World, Line, SipLeg]) -> None:
    world, line, leg = call
    world.alice.on_event = obey
    assert (line.agreed[-1]["speaks"], line.agreed[-1]["hears"]) == (True, True)
    leg.hold()
    world.run(2.0)
    assert (line.agreed[-1]["speaks"], line.agreed[-1]["hears"]) == (True, False)
    (held,) = world.alice.events(Reoffered)
    assert isinstance(held, Reoffered)
    assert b"a=sendonly" in (held.sdp or b"")
    leg.resume()
    world.run(3.0)
    assert (line.agreed[-1]["speaks"], line.agreed[-1]["hears"]) == (True, True)
    versions = [Description.parse(e.sdp or b"").origin.version  # type: ignore[union-attr]
                for e in world.alice.events(Reoffered)]  # fmt: skip
    assert versions == sorted(set(versions))


def test_hold_that_is_refused_changes_nothing(call: tuple[World, Line, SipLeg]) -> None:
    world, line, leg = call
    world.alice.on_event = lambda s, e: s.refuse_reoffer(488) if type(e) is Reoffered else None
    before = list(line.agreed)
    leg.hold()
    world.run(2.0)
    assert line.agreed == before
    assert leg.session.up
