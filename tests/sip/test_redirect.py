"""3xx to an INVITE of ours (RFC 3261 section 8.1.3.4): followed, as far as the policy allows."""

import pytest

from gateway.sip.events import Answered, Cancelled, Ended, Refused, Ringing
from gateway.sip.message import Request, parse
from gateway.sip.policy import Policy
from gateway.sip.session import Session
from gateway.sip.uri import Uri
from tests.sip.world import World, answering, nothing_is_left

ANYWHERE = Policy(may_redirect=lambda uri: True)


def moved(*contacts: str, status: int = 302) -> World:
    """Bob's first INVITE is sent elsewhere."""
    world = World()
    world.alice.stack.policy = ANYWHERE

    def script(session: Session) -> None:
        if len(world.bob.sessions) == 1:
            session.refuse(status, headers=[("Contact", contact) for contact in contacts])
        else:
            answering(session)

    world.bob.script = script
    return world


def invites(world: World) -> list[Request]:
    found = [parse(data) for _, _, data in world.wire if data.startswith(b"INVITE")]
    return [message for message in found if isinstance(message, Request)]


@pytest.mark.parametrize("status", [300, 301, 302, 305])
def test_call_goes_where_it_is_sent(status: int) -> None:
    world = moved("<sip:carol@192.0.2.3>", status=status)
    carol = world.phone("192.0.2.3")
    carol.script = answering
    ours = world.alice.call(world.bob)
    world.run(2.0)
    assert world.alice.told[ours] == [Ringing(180), Answered(b"answer")]
    first, second = invites(world)
    assert second.target == "sip:carol@192.0.2.3"
    assert second.cseq.number == first.cseq.number + 1
    assert second.via.branch != first.via.branch
    for name in ("From", "To", "Call-ID", "Contact"):
        assert second.headers.get(name) == first.headers.get(name)
    assert second.body == b"offer"
    ours.end()
    nothing_is_left(world)
    assert carol.events()[-1] == Ended("peer")


def test_the_best_is_tried_first_and_the_next_when_it_fails() -> None:
    world = moved("<sip:c@192.0.2.3>;q=0.3, <sip:d@192.0.2.4>;q=0.7")
    carol, dave = world.phone("192.0.2.3"), world.phone("192.0.2.4")
    carol.script = answering
    dave.script = lambda session: session.refuse(404)
    ours = world.alice.call(world.bob)
    world.run(2.0)
    assert [request.uri.user for request in invites(world)] == ["bob", "d", "c"]
    assert ours.up


def test_refusal_for_everybody_ends_it() -> None:
    world = moved("<sip:d@192.0.2.4>, <sip:c@192.0.2.3>")
    world.phone("192.0.2.4").script = lambda session: session.refuse(603)
    ours = world.alice.call(world.bob)
    nothing_is_left(world)
    (refused,) = world.alice.told[ours]
    assert isinstance(refused, Refused)
    assert refused.status == 603
    assert len(invites(world)) == 2


def test_circle_is_not_walked_twice() -> None:
    world = moved("<sip:carol@192.0.2.3>")
    carol = world.phone("192.0.2.3")
    back = [("Contact", "<sip:bob@192.0.2.2>"), ("Contact", "<sip:carol@192.0.2.3>")]
    carol.script = lambda session: session.refuse(302, headers=back)
    ours = world.alice.call(world.bob)
    nothing_is_left(world)
    assert isinstance(world.alice.told[ours][-1], Refused)
    assert len(invites(world)) == 2


def test_there_is_a_limit() -> None:
    world = World()
    world.alice.stack.policy = Policy(redirects=3)
    hops = iter(range(100))

    def on_and_on(session: Session) -> None:
        session.refuse(302, headers=[("Contact", f"<sip:n{next(hops)}@192.0.2.2>")])

    world.bob.script = on_and_on
    ours = world.alice.call(world.bob)
    nothing_is_left(world)
    assert len(invites(world)) == 4
    assert isinstance(world.alice.told[ours][-1], Refused)


@pytest.mark.parametrize(("policy", "contact"), [
    (Policy(redirects=0), "<sip:c@192.0.2.2>"),
    (Policy(), "<sip:c@192.0.2.3>"),  # another host than the one that was called
    (ANYWHERE, "<tel:+1900>"), (ANYWHERE, "<sip:c@192.0.2.3?Subject=x>"),
    (ANYWHERE, "<sip:c@192.0.2.3;transport=sctp>"),
    (Policy(may_redirect=lambda uri: uri.user != "premium"), "<sip:premium@192.0.2.2>"),
])  # fmt: skip
def test_what_is_not_followed_is_a_refusal(policy: Policy, contact: str) -> None:
    world = moved(contact)
    world.alice.stack.policy = policy
    ours = world.alice.call(world.bob)
    nothing_is_left(world)
    (refused,) = world.alice.told[ours]
    assert isinstance(refused, Refused)
    assert (refused.status, refused.by) == (302, "peer")
    assert len(invites(world)) == 1


def test_within_the_host_that_was_called_it_is_followed() -> None:
    world = moved("<sip:reception@192.0.2.2>")
    world.alice.stack.policy = Policy()
    ours = world.alice.call(world.bob)
    world.run(2.0)
    assert ours.up
    assert invites(world)[1].uri == Uri.parse("sip:reception@192.0.2.2")


def test_call_that_is_given_up_is_not_sent_on() -> None:
    world = moved("<sip:carol@192.0.2.3>")
    ours = world.alice.call(world.bob)
    ours.end()
    nothing_is_left(world)
    assert len(invites(world)) == 1


def test_call_that_was_sent_on_can_be_cancelled() -> None:
    world = moved("<sip:carol@192.0.2.3>")
    carol = world.phone("192.0.2.3")
    carol.script = lambda session: session.ring()
    ours = world.alice.call(world.bob)
    world.run(2.0)
    ours.end()
    nothing_is_left(world)
    assert carol.events() == [Cancelled()]
