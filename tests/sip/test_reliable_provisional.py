"""Provisional responses that must arrive (RFC 3262), and the early dialogs they make."""

import pytest

from gateway.sip.events import (
    Acked,
    Answered,
    Cancelled,
    Ended,
    Pracked,
    Refused,
    ReofferAnswered,
    Reoffered,
    Ringing,
)
from gateway.sip.message import Request, parse
from gateway.sip.policy import Policy
from gateway.sip.session import Session
from tests.sip.world import World, nothing_is_left

REQUIRE = [("Require", "100rel")]


def reliable() -> World:
    world = World()
    world.bob.stack.policy = Policy(reliable="supported")
    return world


def sent(world: World, prefix: bytes) -> list[float]:
    return [at for at, _, data in world.wire if data.startswith(prefix)]


def script(world: World, sdp: bytes | None = None, after: float = 1.0) -> None:
    def answer(session: Session) -> None:
        session.ring(183, sdp)
        world.after(after, lambda: session.answer(b"answer"))

    world.bob.script = answer


def test_ring_is_acknowledged() -> None:
    world = reliable()
    script(world)
    ours = world.alice.call(world.bob)
    world.run(3.0)
    assert world.alice.told[ours] == [Ringing(183), Answered(b"answer")]
    assert world.bob.events() == [Pracked(), Acked()]
    (ring,) = [parse(d) for _, _, d in world.wire if d.startswith(b"SIP/2.0 183")]
    (prack,) = [parse(d) for _, _, d in world.wire if d.startswith(b"PRACK")]
    assert ring.headers.get("Require") == "100rel"
    assert prack.headers.get("RAck") == f"{ring.headers.get('RSeq')} {ring.cseq}"


@pytest.mark.parametrize(("policy", "headers", "is_reliable"), [
    ("never", [], False), ("required", [], False), ("required", REQUIRE, True),
    ("supported", [], True), ("supported", [("Supported", "timer")], False),
])  # fmt: skip
def test_when_it_is_done(policy: str, headers: list, is_reliable: bool) -> None:
    world = World()
    world.bob.stack.policy = Policy(reliable=policy)  # type: ignore[arg-type]
    world.bob.script = lambda session: session.ring()
    world.alice.call(world.bob, headers=headers)
    world.run(1.0)
    assert bool(sent(world, b"PRACK")) == is_reliable


def test_what_is_never_done_cannot_be_required() -> None:
    world = World()
    world.bob.stack.policy = Policy(reliable="never")
    ours = world.alice.call(world.bob, headers=REQUIRE)
    nothing_is_left(world)
    (refused,) = world.alice.told[ours]
    assert isinstance(refused, Refused)
    assert refused.status == 420
    assert refused.response is not None
    assert refused.response.headers.get("Unsupported") == "100rel"


def test_ring_is_repeated_with_doubled_gaps_until_its_prack() -> None:
    world = reliable()
    world.bob.script = lambda session: session.ring()
    world.drop = lambda host, data: data.startswith(b"PRACK") and world.now < 8
    world.alice.call(world.bob)
    world.run(50.0)
    assert sent(world, b"SIP/2.0 180") == pytest.approx([0.01, 0.51, 1.51, 3.51, 7.51], abs=0.02)
    assert world.bob.events() == [Pracked()]
    assert world.alice.events() == [Ringing(180)]  # told once


def test_ring_without_prack_is_refused_after_32_s() -> None:
    world = reliable()
    world.bob.script = lambda session: session.ring()
    world.drop = lambda host, data: data.startswith(b"PRACK")
    ours = world.alice.call(world.bob)
    nothing_is_left(world)
    (refused,) = world.bob.events()
    assert isinstance(refused, Refused)
    assert (refused.status, refused.by) == (504, "timeout")
    assert isinstance(world.alice.told[ours][-1], Refused)
    assert world.alice.told[ours][-1].status == 504


def test_answer_waits_for_the_prack_of_its_description() -> None:
    world = reliable()

    def answer(session: Session) -> None:
        session.ring(183, b"early")
        session.answer(b"early")

    world.bob.script = answer
    world.drop = lambda host, data: data.startswith(b"PRACK") and world.now < 3
    ours = world.alice.call(world.bob)
    world.run(6.0)
    assert sent(world, b"SIP/2.0 200")[0] > 3  # the PRACK's, and then the INVITE's
    assert world.alice.told[ours] == [Ringing(183, b"early"), Answered(b"early")]
    messages = [parse(data) for _, _, data in world.wire if data.startswith(b"SIP/2.0 200")]
    (ok,) = [message for message in messages if message.cseq.method == "INVITE"]
    assert ok.body == b""


def test_rings_that_follow_wait_their_turn_and_come_in_order() -> None:
    world = reliable()

    def ring(session: Session) -> None:
        session.ring(181)
        session.ring(182)
        session.ring(180)

    world.bob.script = ring
    world.alice.call(world.bob)
    world.run(5.0)
    assert world.alice.events() == [Ringing(181), Ringing(182), Ringing(180)]
    assert len(sent(world, b"PRACK")) == 3


def test_ring_whose_forerunner_was_lost_is_not_taken() -> None:
    """RFC 3262 section 4: its RSeq is one too high."""
    world = reliable()
    world.bob.script = lambda session: session.ring()
    ours = world.alice.call(world.bob)
    world.run(1.0)
    ring = next(parse(d) for _, _, d in world.wire if d.startswith(b"SIP/2.0 180"))
    number = int(ring.headers.get("RSeq") or "")
    for rseq, pracks in ((number, 1), (number + 2, 1), (number + 1, 2)):
        ring.headers.replace_top("RSeq", str(rseq))
        world.alice.stack.receive(bytes(ring), ("192.0.2.2", 5060), "udp", world.now)
        world.run(world.now + 0.001)
        assert len(sent(world, b"PRACK")) == pracks
    assert len(world.alice.told[ours]) == 2


def test_prack_for_nothing_is_refused() -> None:
    world = reliable()
    world.bob.script = lambda session: session.ring()
    world.alice.call(world.bob)
    world.run(1.0)
    prack = next(parse(d) for _, _, d in world.wire if d.startswith(b"PRACK"))
    assert isinstance(prack, Request)
    prack.headers.replace_top("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKother")
    prack.headers.replace_top("CSeq", f"{prack.cseq.number + 1} PRACK")
    world.bob.stack.receive(bytes(prack), ("192.0.2.1", 5060), "udp", world.now)
    assert b"481" in world.bob.stack.outbox[-1].data[:12]


def test_cancel_ends_a_ring_that_waits() -> None:
    world = reliable()
    world.bob.script = lambda session: session.ring()
    world.drop = lambda host, data: data.startswith(b"PRACK")
    ours = world.alice.call(world.bob)
    world.run(2.0)
    ours.end()
    nothing_is_left(world)
    assert world.bob.events() == [Cancelled()]
    assert world.now < 70


def test_offer_of_a_ring_is_answered_in_its_prack() -> None:
    world = reliable()
    script(world, b"bob's offer", 3.0)
    world.alice.on_event = lambda s, e: (
        s.answer(b"alice's") if e == Ringing(183, b"bob's offer") else None
    )
    ours = world.alice.call(world.bob, None)
    world.run(5.0)
    assert world.bob.events() == [Pracked(b"alice's"), Acked()]
    assert world.alice.told[ours] == [Ringing(183, b"bob's offer"), Answered(b"bob's offer")]
    assert ours.up


def test_offer_in_a_prack_is_answered_in_its_200() -> None:
    world = reliable()
    script(world, b"early", 5.0)
    world.bob.on_event = lambda s, e: s.accept_reoffer(b"second") if type(e) is Reoffered else None
    prack: list[Request] = []

    def with_offer(host: str, data: bytes) -> bool:
        if data.startswith(b"PRACK") and not prack:
            request = parse(data)
            assert isinstance(request, Request)
            prack.append(request)
            request.headers.add("Content-Type", "application/sdp")
            request.body = b"first"
            world.bob.stack.receive(bytes(request), (host, 5060), "udp", world.now)
            return True
        return False

    world.drop = with_offer
    world.alice.call(world.bob)
    world.run(2.0)
    assert Reoffered(b"first") in world.bob.events()
    replies = [parse(d) for _, _, d in world.wire if b"PRACK\r\n" in d and d.startswith(b"SIP/2.0")]
    assert [reply.body for reply in replies] == [b"second"]


def test_two_phones_ring_early_and_one_answers() -> None:
    """Each has its early dialog and its PRACKs; the first 2xx gets the call."""
    world = reliable()
    carol = world.phone("192.0.2.3")
    carol.stack.policy = world.bob.stack.policy
    script(world, b"bob's", 9.0)

    def ring(session: Session) -> None:
        session.ring(183, b"carol's")
        world.after(1.0, lambda: session.answer(b"carol's"))

    carol.script = ring
    forked: list[bytes] = []

    def fork(host: str, data: bytes) -> bool:
        if data.startswith(b"INVITE") and not forked:
            forked.append(data)
            world.after(0.2, lambda: carol.stack.receive(data, (host, 5060), "udp", world.now))
        return False

    world.drop = fork
    ours = world.alice.call(world.bob)
    world.run(5.0)
    told = world.alice.told[ours]
    assert told == [Ringing(183, b"bob's"), Ringing(183, b"carol's"), Answered(b"carol's")]
    assert len({e.branch for e in told if isinstance(e, Ringing)}) == 2
    assert carol.sessions[0].up
    assert world.bob.events() == [Pracked()]
    world.run(15.0)
    assert world.bob.events()[-1] == Ended("peer", None, 200, "Call completed elsewhere")
    ours.end()
    nothing_is_left(world)


@pytest.mark.parametrize("by_caller", [True, False])
def test_update_before_the_answer(by_caller: bool) -> None:
    world = reliable()
    script(world, b"early", 4.0)
    for phone in (world.alice, world.bob):
        phone.on_event = lambda s, e: s.accept_reoffer(b"yes") if type(e) is Reoffered else None
    ours = world.alice.call(world.bob)
    world.run(1.0)
    asking = ours if by_caller else world.bob.sessions[0]
    asking.update(b"moved")
    world.run(8.0)
    everything = {**world.alice.told, **world.bob.told}
    other = world.bob.sessions[0] if by_caller else ours
    assert ReofferAnswered(b"yes") in everything[asking]
    assert Reoffered(b"moved") in everything[other]
    assert ours.up


def test_update_before_the_first_answer_waits() -> None:
    world = World()
    world.bob.script = lambda session: session.ring()
    ours = world.alice.call(world.bob)
    world.run(1.0)
    ours.update(b"too early")
    world.bob.sessions[0].update(b"too early")
    world.run(2.0)
    assert not sent(world, b"UPDATE")
    world.bob.on_event = world.alice.on_event = lambda s, e: (
        s.accept_reoffer(b"yes") if type(e) is Reoffered else None
    )
    world.bob.sessions[0].answer(b"answer")
    world.run(10.0)
    assert ReofferAnswered(b"yes") in world.alice.told[ours]
