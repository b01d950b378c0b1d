"""UPDATE (RFC 3311): both ways, without an offer, and every way two offers can meet."""

import pytest

from gateway.sip.events import ReofferAnswered, Reoffered, SessionEvent
from gateway.sip.message import Request, Response, parse
from gateway.sip.reoffer import Stage
from gateway.sip.session import Session
from tests.sip.world import World, connected, nothing_is_left


def yes(session: Session, event: SessionEvent) -> None:
    if isinstance(event, Reoffered):
        session.accept_reoffer(b"yes")


def update(world: World, session: Session, body: bytes, **headers: str) -> Response:
    """Send bob's session an UPDATE that alice's stack did not make; his answer to it."""
    assert session.dialog is not None
    request = session.dialog.request("UPDATE")
    via = f"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{session.dialog.local_cseq}"
    request.headers.add("Via", via, at_top=True)
    for name, value in headers.items():
        request.headers.add(name.replace("_", "-"), value)
    if body:
        request.headers.add("Content-Type", "application/sdp")
        request.body = body
    world.bob.stack.receive(bytes(request), ("192.0.2.1", 5060), "udp", world.now)
    response = parse(world.bob.stack.outbox[-1].data)
    assert isinstance(response, Response)
    assert response.cseq.method == "UPDATE"
    return response


@pytest.mark.parametrize("by_caller", [True, False])
def test_update_changes_the_sound(by_caller: bool) -> None:
    world = World()
    sessions = connected(world)
    asking, asked = sessions if by_caller else sessions[::-1]
    world.alice.on_event = world.bob.on_event = yes
    asking.update(b"moved")
    world.run(2.0)
    everything = {**world.alice.told, **world.bob.told}
    assert everything[asking][-1] == ReofferAnswered(b"yes")
    assert everything[asked][-1] == Reoffered(b"moved")
    assert sum(data.startswith(b"ACK") for _, _, data in world.wire) == 1  # of the INVITE
    asked.end()
    nothing_is_left(world)


def test_refused_update_leaves_the_call_up() -> None:
    world = World()
    ours, _ = connected(world)
    world.bob.on_event = lambda s, e: s.refuse_reoffer(488) if type(e) is Reoffered else None
    ours.update(b"video please")
    world.run(2.0)
    assert world.alice.told[ours][-1] == ReofferAnswered(488)
    assert ours.up


def test_peer_that_does_not_list_update_gets_a_reinvite() -> None:
    world = World()
    ours, _ = connected(world)
    ours.peer.allow = frozenset({"INVITE"})
    world.bob.on_event = yes
    ours.update(b"moved")
    world.run(2.0)
    assert not any(data.startswith(b"UPDATE") for _, _, data in world.wire)
    assert world.alice.told[ours][-1] == ReofferAnswered(b"yes")


def test_peer_that_lists_update_and_refuses_it_gets_a_reinvite() -> None:
    world = World()
    ours, _ = connected(world)
    world.bob.on_event = yes

    def refuse(host: str, data: bytes) -> bool:
        if data.startswith(b"UPDATE"):
            request = parse(data)
            assert isinstance(request, Request)
            world.alice.stack.receive(
                bytes(request.reply(405)), ("192.0.2.2", 5060), "udp", world.now
            )
            return True
        return False

    world.drop = refuse
    ours.update(b"moved")
    world.run(2.0)
    assert world.alice.told[ours][-1] == ReofferAnswered(b"yes")


@pytest.mark.parametrize("verbs", [("update", "update"), ("update", "reinvite"),
                                   ("reinvite", "update")])  # fmt: skip
def test_offers_that_cross_are_both_refused_and_then_resolved(verbs: tuple[str, str]) -> None:
    world = World()
    ours, theirs = connected(world)
    world.alice.on_event = world.bob.on_event = yes
    getattr(ours, verbs[0])(b"alice's")
    getattr(theirs, verbs[1])(b"bob's")
    world.run(2.0)
    assert sum(data.startswith(b"SIP/2.0 491") for _, _, data in world.wire) == 2
    world.run(15.0)
    for session, told in {**world.alice.told, **world.bob.told}.items():
        assert ReofferAnswered(b"yes") in told
        assert session.reoffer.stage is Stage.IDLE


def test_second_offer_before_the_first_is_answered_is_told_to_wait() -> None:
    world = World()
    ours, theirs = connected(world)
    ours.update(b"first")
    world.run(1.1)
    response = update(world, ours, b"second")
    assert response.status == 500
    assert 0 <= int(response.headers.get("Retry-After") or "x") <= 10
    theirs.accept_reoffer(b"yes")
    world.run(2.0)
    assert world.alice.told[ours][-1] == ReofferAnswered(b"yes")


def test_update_that_is_told_to_wait_comes_again() -> None:
    world = World()
    ours, _ = connected(world)
    world.bob.on_event = yes
    refused: list[float] = []

    def busy(host: str, data: bytes) -> bool:
        if data.startswith(b"UPDATE") and not refused:
            refused.append(world.now)
            request = parse(data)
            assert isinstance(request, Request)
            response = request.reply(500)
            response.headers.add("Retry-After", "4")
            world.alice.stack.receive(bytes(response), ("192.0.2.2", 5060), "udp", world.now)
            return True
        return False

    world.drop = busy
    ours.update(b"moved")
    world.run(20.0)
    times = [at for at, _, data in world.wire if data.startswith(b"UPDATE")]
    assert times[1] - times[0] == pytest.approx(4.0)
    assert world.alice.told[ours][-1] == ReofferAnswered(b"yes")


def test_update_without_offer_is_answered_whatever_is_under_way() -> None:
    world = World()
    ours, theirs = connected(world)
    ours.reinvite(b"new")
    world.run(1.1)
    assert theirs.reoffer.stage is Stage.ASKED
    response = update(world, ours, b"", Contact="<sip:elsewhere@192.0.2.9>")
    assert (response.status, response.body) == (200, b"")
    assert theirs.dialog is not None
    assert theirs.dialog.target == "sip:elsewhere@192.0.2.9"


def test_update_with_an_offer_before_the_answer_is_told_to_wait() -> None:
    world = World()
    world.bob.script = lambda session: session.ring()
    ours = world.alice.call(world.bob)
    world.run(1.0)
    session = ours.branches.early[world.bob.sessions[0].key[1]]
    request = session.dialog.request("UPDATE")
    request.headers.add("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx", at_top=True)
    request.headers.add("Content-Type", "application/sdp")
    request.body = b"moved"
    world.bob.stack.receive(bytes(request), ("192.0.2.1", 5060), "udp", world.now)
    response = parse(world.bob.stack.outbox[-1].data)
    assert isinstance(response, Response)
    assert response.status == 500
    assert "Retry-After" in response.headers


def test_hanging_up_answers_the_update_that_waits() -> None:
    world = World()
    ours, theirs = connected(world)
    ours.update(b"new")
    world.run(2.0)
    theirs.end()
    nothing_is_left(world)
    assert any(data.startswith(b"SIP/2.0 487") for _, _, data in world.wire)
