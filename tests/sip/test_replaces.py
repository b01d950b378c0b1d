"""Replaces (RFC 3891): an INVITE that takes the place of a call, and when it may not."""

import pytest

from gateway.sip.events import Acked, Answered, Cancelled, Ended, Refused, Replaced
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.policy import Policy
from gateway.sip.replaces import Replaces
from gateway.sip.session import Session
from gateway.sip.uri import Uri
from tests.sip.world import World, connected, nothing_is_left


def obliging() -> tuple[World, Session, Session]:
    world = World()
    world.bob.stack.policy = Policy(replace=True)
    return world, *connected(world)


def refused(world: World, ours: Session) -> int:
    world.run(world.now + 5.0)
    (event,) = world.alice.told[ours]
    assert isinstance(event, Refused)
    assert event.by == "peer"
    return event.status


def test_new_call_takes_the_place_of_the_old() -> None:
    """Alice transfers bob to carol: carol calls bob in place of alice."""
    world, ours, theirs = obliging()
    carol = world.phone("192.0.2.3")
    new = carol.call(world.bob, headers=[("Replaces", str(Replaces.of(ours)))])
    world.run(3.0)
    taken = world.bob.sessions[1]
    assert taken.replaces is theirs
    assert new.up
    assert taken.up
    assert world.bob.told[theirs] == [Acked(), Replaced(taken), Ended("us")]
    assert world.alice.told[ours][-1] == Ended("peer")
    new.end()
    nothing_is_left(world)


def test_call_that_is_not_taken_leaves_the_old_one_up() -> None:
    world, ours, theirs = obliging()
    world.bob.script = lambda session: session.refuse(486)
    new = world.alice.call(world.bob, headers=[("Replaces", str(Replaces.of(ours)))])
    assert refused(world, new) == 486
    assert ours.up
    assert theirs.up


def test_policy_that_forbids_it() -> None:
    world = World()
    ours, _ = connected(world)
    new = world.alice.call(world.bob, headers=[("Replaces", str(Replaces.of(ours)))])
    assert refused(world, new) == 603
    assert len(world.bob.sessions) == 1


def test_no_such_call() -> None:
    world, ours, _ = obliging()
    right = Replaces.of(ours)
    for wrong in (
        Replaces("x", right.to_tag, right.from_tag),
        Replaces(right.call_id, "x", right.from_tag),
        Replaces(right.call_id, right.to_tag, "x"),
    ):
        new = world.alice.call(world.bob, headers=[("Replaces", str(wrong))])
        assert refused(world, new) == 481


def test_call_that_has_ended_is_declined() -> None:
    world, ours, _ = obliging()
    ended = str(Replaces.of(ours))
    ours.end()
    world.run(3.0)
    assert refused(world, world.alice.call(world.bob, headers=[("Replaces", ended)])) == 603


def test_early_only_does_not_match_a_call_that_is_up() -> None:
    world, ours, _ = obliging()
    header = ("Replaces", f"{Replaces.of(ours)};early-only")
    assert refused(world, world.alice.call(world.bob, headers=[header])) == 486


def test_call_that_rings_at_the_other_end_can_be_picked_up() -> None:
    """Bob calls alice, whose phone rings; carol takes the call from alice's phone."""
    world = World()
    world.bob.stack.policy = Policy(replace=True)
    world.alice.script = lambda session: session.ring()
    world.bob.script = lambda session: session.answer(b"answer")
    calling = world.bob.call(world.alice)
    world.run(1.0)
    ringing = world.alice.sessions[0]
    pickup = Replaces(calling.id, calling.key[1], ringing.key[1], early_only=True)
    carol = world.phone("192.0.2.3")
    new = carol.call(world.bob, headers=[("Replaces", str(pickup))])
    world.run(5.0)
    assert new.up
    assert world.bob.told[calling][-1] == Ended("us", 487)
    assert world.alice.told[ringing] == [Cancelled()]


def test_call_that_rings_here_cannot_be_taken() -> None:
    world = World()
    world.bob.stack.policy = Policy(replace=True)
    world.bob.script = lambda session: session.ring()
    ours = world.alice.call(world.bob)
    world.run(1.0)
    wanted = Replaces(ours.id, world.bob.sessions[0].key[1], ours.key[1])
    assert refused(world, world.alice.call(world.bob, headers=[("Replaces", str(wanted))])) == 481


@pytest.mark.parametrize("values", [
    ["x"], ["x;to-tag=1"], [";to-tag=1;from-tag=2"],
    ["x;to-tag=1;from-tag=2", "y;to-tag=1;from-tag=2"],
])  # fmt: skip
def test_broken_header_is_refused(values: list[str]) -> None:
    world, _, _ = obliging()
    new = world.alice.call(world.bob, headers=[("Replaces", value) for value in values])
    assert refused(world, new) == 400


def test_attended_transfer_from_end_to_end() -> None:
    """Alice has bob and carol on two lines, and connects them: REFER, then INVITE with Replaces."""
    world = World()
    carol = world.phone("192.0.2.3")
    world.bob.stack.policy = Policy(refer=True)
    carol.stack.policy = Policy(replace=True)
    carol.script = lambda session: session.answer(b"answer")
    with_bob, bobs = connected(world)
    with_carol = world.alice.call(carol)
    world.run(2.0)

    def transfer(session: Session, event: object) -> None:
        if type(event).__name__ == "Referred":
            session.accept_refer()
            new = world.bob.call(carol, headers=[("Replaces", str(event.replaces))])  # type: ignore[attr-defined]
            news.append(new)
        elif isinstance(event, Answered):
            bobs.report_refer(200)

    news: list[Session] = []
    world.bob.on_event = transfer
    with_bob.refer("sip:carol@192.0.2.3", replaces=with_carol)
    world.run(6.0)
    assert world.alice.told[with_carol][-1] == Ended("peer")
    assert type(world.alice.told[with_bob][-1]).__name__ == "ReferDone"
    assert news[0].up
    assert carol.sessions[1].up
    with_bob.end()
    news[0].end()
    nothing_is_left(world)


def test_header_is_read_as_it_is_written() -> None:
    replaces = Replaces("a@b;c", "1", "2", early_only=True)
    plain = Replaces("a@b", "1", "2", early_only=True)
    assert Replaces.parse(str(plain)) == plain
    uri = Uri.parse(plain.within("sip:carol@example.com;lr?X-A=1"))
    assert Replaces.carried_by(uri) == plain
    assert Replaces.carried_by(Uri.parse("sip:a@b?x=y")) is None
    with pytest.raises(SipSyntaxError):
        Replaces.parse(replaces.call_id)
