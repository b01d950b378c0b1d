"""A call that is up is written down, and goes on in another stack."""

import json

import pytest

from gateway.sip import keeping
from gateway.sip.events import Ended, InfoReceived, Reoffered
from gateway.sip.policy import Policy
from tests.sip.world import Phone, World, connected, nothing_is_left


def successor(world: World, phone: Phone) -> Phone:
    """A new process in the place of this one, after its sessions went through JSON."""
    kept = [keeping.write(session) for session in phone.stack.sessions.values()]
    plain = json.loads(json.dumps(kept))
    new = Phone(world, phone.host, "udp")
    world.phones[phone.host] = new
    for entry in plain:
        new._own(keeping.read(new.stack, entry, Policy()))
    return new


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_call_outlives_its_process(who: str) -> None:
    world = World()
    ours, theirs = connected(world)
    old = getattr(world, who)
    world.run(40.0)  # until the transactions have been forgotten
    new = successor(world, old)
    other, left = (theirs, world.bob) if who == "alice" else (ours, world.alice)
    (session,) = new.sessions
    assert session.up
    mine = ours if who == "alice" else theirs
    assert (session.refresh.turn, session.refresh.due) == (mine.refresh.turn, mine.refresh.due)
    other.info("text/plain", b"still there?")
    session.info("text/plain", b"yes")
    world.run(42.0)
    assert new.events(InfoReceived) == [InfoReceived("text/plain", b"still there?")]
    assert left.events(InfoReceived) == [InfoReceived("text/plain", b"yes")]
    left.on_event = lambda s, e: s.accept_reoffer(b"yes") if type(e) is Reoffered else None
    session.reinvite(b"moved")
    world.run(1000.0)  # past a refresh of the session timer
    assert session.up
    assert other.up
    session.end()
    setattr(world, who, new)
    nothing_is_left(world)
    assert left.events(Ended) == [Ended("peer")]


def test_what_is_under_way_is_not_kept() -> None:
    world = World()
    ours, theirs = connected(world)
    ours.reinvite(b"new")
    world.run(1.1)
    assert keeping.write(ours) is None
    assert keeping.write(theirs) is None
    ours.end()
    world.run()
    assert keeping.write(ours) is None


@pytest.mark.parametrize("plain", [{}, {"invite": "SIP/2.0 200 OK\r\n\r\n"}, {"invite": 1}])
def test_what_was_not_written_here_is_refused(plain: dict) -> None:
    world = World()
    with pytest.raises(ValueError, match="not a session"):
        keeping.read(world.alice.stack, plain, Policy())
