"""Offers within a call: both ways, refused, crossing, waiting, and never acknowledged."""

import pytest

from gateway.sip.events import Acked, Ended, ReofferAnswered, Reoffered
from gateway.sip.reoffer import Stage
from tests.sip.world import World, connected, nothing_is_left


@pytest.mark.parametrize("by_caller", [True, False])
def test_reinvite(by_caller: bool) -> None:
    world = World()
    sessions = connected(world)
    asking, asked = sessions if by_caller else sessions[::-1]
    for phone in (world.alice, world.bob):
        phone.on_event = lambda s, e: (
            s.accept_reoffer(b"new answer") if type(e) is Reoffered else None
        )
    asking.reinvite(b"new offer")
    world.run(2.0)
    everything = {**world.alice.told, **world.bob.told}
    assert everything[asking][-1] == ReofferAnswered(b"new answer")
    assert everything[asked][-2:] == [Reoffered(b"new offer"), Acked()]
    asked.end()
    nothing_is_left(world)


def test_refused_reinvite_leaves_the_call_up() -> None:
    world = World()
    ours, theirs = connected(world)
    world.bob.on_event = lambda s, e: s.refuse_reoffer(488) if type(e) is Reoffered else None
    ours.reinvite(b"video please")
    world.run(2.0)
    assert world.alice.told[ours][-1] == ReofferAnswered(488)
    assert ours.up
    assert theirs.up


def test_glare_is_refused_on_both_sides_and_then_resolved() -> None:
    world = World()
    ours, theirs = connected(world)
    for phone in (world.alice, world.bob):
        phone.on_event = lambda s, e: s.accept_reoffer(b"yes") if type(e) is Reoffered else None
    ours.reinvite(b"alice's")
    theirs.reinvite(b"bob's")
    world.run(2.0)
    assert sum(data.startswith(b"SIP/2.0 491") for _, _, data in world.wire) == 2
    world.run(10.0)
    for session, told in {**world.alice.told, **world.bob.told}.items():
        assert ReofferAnswered(b"yes") in told
        assert session.reoffer.stage is Stage.IDLE


def test_second_reinvite_waits_for_the_first() -> None:
    world = World()
    ours, _ = connected(world)
    world.bob.on_event = lambda s, e: s.accept_reoffer(b"yes") if type(e) is Reoffered else None
    for sdp in (b"one", b"two", b"three"):
        ours.reinvite(sdp)
    world.run(3.0)
    assert world.bob.events(Reoffered) == [Reoffered(b"one"), Reoffered(b"three")]


def test_reinvite_whose_ack_never_comes_ends_the_call() -> None:
    world = World()
    ours, theirs = connected(world)
    world.bob.on_event = lambda s, e: s.accept_reoffer(b"yes") if type(e) is Reoffered else None
    world.drop = lambda host, data: data.startswith(b"ACK")
    ours.reinvite(b"new")
    nothing_is_left(world)
    ended = world.bob.told[theirs][-1]
    assert isinstance(ended, Ended)
    assert ended.by == "timeout"


def test_hanging_up_answers_the_reinvite_that_waits() -> None:
    world = World()
    ours, theirs = connected(world)
    ours.reinvite(b"new")
    world.run(2.0)
    theirs.end()
    nothing_is_left(world)
    assert any(data.startswith(b"SIP/2.0 487") for _, _, data in world.wire)
    assert world.alice.told[ours][-1] == Ended("peer")


def test_an_owner_that_fails_at_an_offer_does_not_leave_it_open() -> None:
    world = World()
    ours, theirs = connected(world)

    def fail(_: object, event: object) -> None:
        if type(event) is Reoffered:
            raise ValueError("a fault of the owner")

    world.bob.on_event = fail
    ours.reinvite(b"one")
    with pytest.raises(ValueError, match="a fault of the owner"):
        world.run(2.0)
    world.bob.on_event = lambda s, e: s.accept_reoffer(b"yes") if type(e) is Reoffered else None
    world.run(4.0)
    ours.reinvite(b"two")
    world.run(6.0)
    assert world.alice.told[ours][-2:] == [ReofferAnswered(500), ReofferAnswered(b"yes")]
    assert theirs.reoffer.stage is Stage.IDLE
