"""Calls between two user agents in memory: each way a call can go, and each crossing."""

from collections.abc import Callable

import pytest

from gateway.sip.events import (
    Acked,
    Answered,
    Cancelled,
    Ended,
    InfoReceived,
    Refused,
    Ringing,
)
from gateway.sip.life import LIFE, State
from gateway.sip.message import Response, parse
from gateway.sip.reoffer import OFFERING, Reoffer
from gateway.sip.session import Session
from tests.sip.world import World, answering, connected, nothing_is_left


def swallow(world: World, who: str, prefix: bytes, times: int = 1) -> None:
    """Lose the next so many messages that begin so."""
    left = [times]

    def drop(host: str, data: bytes) -> bool:
        hit = host.endswith(who) and data.startswith(prefix) and left[0] > 0
        left[0] -= hit
        return hit

    world.drop = drop


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_from_ring_to_hang_up(transport: str) -> None:
    world = World(transport=transport)
    ours, theirs = connected(world)
    assert theirs.offer == b"offer"
    assert world.alice.told[ours] == [Ringing(180), Answered(b"answer")]
    assert world.bob.told[theirs] == [Acked()]
    ours.end("that was all", cause=16)
    nothing_is_left(world)
    assert world.alice.told[ours][-1] == Ended("us", None, 16, "that was all")
    assert world.bob.told[theirs][-1] == Ended("peer", None, 16, "that was all")
    assert world.starts() == [
        "1 INVITE sip:bob@192.0.2.2" + (";transport=tcp" if transport == "tcp" else ""),
        "2 SIP/2.0 100 Trying", "2 SIP/2.0 180 Ringing", "2 SIP/2.0 200 OK",
        *[f"1 {method} sip:bob@192.0.2.2:5060" + (";transport=tcp" if transport == "tcp" else "")
          for method in ("ACK", "BYE")],
        "2 SIP/2.0 200 OK",
    ]  # fmt: skip


def test_the_callee_hangs_up() -> None:
    world = World()
    ours, theirs = connected(world)
    theirs.end()
    nothing_is_left(world)
    assert world.bob.told[theirs][-1] == Ended("us")
    assert world.alice.told[ours][-1] == Ended("peer")


def test_both_hang_up_at_once() -> None:
    world = World()
    ours, theirs = connected(world)
    ours.end()
    theirs.end()
    nothing_is_left(world)
    assert world.alice.told[ours][-1] == Ended("us")
    assert world.bob.told[theirs][-1] == Ended("us")


def test_a_refusal_reaches_the_caller_with_its_phrase_and_headers() -> None:
    world = World()
    world.bob.script = lambda s: s.refuse(503, "All lines taken", headers=[("Retry-After", "9")])
    ours = world.alice.call(world.bob)
    nothing_is_left(world)
    (refused,) = world.alice.told[ours]
    assert isinstance(refused, Refused)
    assert (refused.status, refused.phrase, refused.by) == (503, "All lines taken", "peer")
    assert refused.response is not None
    assert refused.response.headers.get("Retry-After") == "9"
    assert world.bob.events() == [Refused(503, "All lines taken", "us")]


def test_ending_an_unanswered_invite_refuses_it() -> None:
    world = World()
    world.bob.script = lambda s: s.end("nobody here")
    world.alice.call(world.bob)
    nothing_is_left(world)
    assert [type(e) for e in world.bob.events()] == [Refused]
    (refused,) = world.alice.events(Refused)
    assert isinstance(refused, Refused)
    assert refused.status == 480


def test_cancel_while_ringing() -> None:
    world = World()
    world.bob.script = lambda s: s.ring()
    ours = world.alice.call(world.bob)
    world.run(5.0)
    ours.end("gone", cause=31)
    nothing_is_left(world)
    assert world.alice.told[ours][-1] == Ended("us", 487, 31, "gone")
    assert world.bob.events() == [Cancelled(31, "gone")]


def test_cancel_waits_for_the_first_response() -> None:
    world = World()
    world.bob.script = lambda s: s.ring()
    ours = world.alice.call(world.bob)
    ours.end()
    assert world.alice.stack.outbox[-1].data.startswith(b"INVITE")
    nothing_is_left(world)
    assert world.bob.events() == [Cancelled()]


def test_cancel_crosses_the_answer() -> None:
    world = World()
    ours = world.alice.call(world.bob)
    world.run(1.0)
    ours.end()
    world.bob.sessions[0].answer(b"answer")
    nothing_is_left(world)
    assert world.alice.told[ours] == [Ended("us", 487)]
    assert world.bob.events() == [Acked(), Ended("peer")]


def test_cancelled_invite_that_is_never_ended_is_given_up_after_32_s() -> None:
    world = World()
    ours = world.alice.call(world.bob)
    world.run(1.0)
    del world.phones["192.0.2.2"]
    ours.end()
    world.run()
    assert not world.alice.stack.sessions
    assert world.now == pytest.approx(33.0, abs=0.1)


def test_nobody_there() -> None:
    world = World(loss=1.0)
    ours = world.alice.call(world.bob)
    nothing_is_left(world)
    assert world.alice.told[ours] == [Refused(408, "no answer within 32 s", "timeout")]
    assert len(world.wire) == 7


def test_nothing_gets_through() -> None:
    world = World()
    ours = world.alice.call(world.bob)
    world.alice.stack.unreachable(("192.0.2.2", 5060), "udp", "no such host", world.now)
    world.alice.stack.outbox.clear()
    world.run()
    assert world.alice.told[ours] == [Refused(503, "no such host", "network")]


def test_lost_ack_is_repeated_for_each_repeated_200() -> None:
    world = World()
    swallow(world, "1", b"ACK", 3)
    world.bob.script = answering
    world.alice.call(world.bob)
    world.run(20.0)
    oks = [at for at, host, data in world.wire if data.startswith(b"SIP/2.0 200")]
    assert [round(at, 1) for at in oks] == [0.0, 0.5, 1.5, 3.5]
    assert world.bob.events() == [Acked()]


def test_missing_ack_ends_the_call_with_bye_after_32_s() -> None:
    world = World()
    world.drop = lambda host, data: data.startswith(b"ACK")
    world.bob.script = answering
    ours = world.alice.call(world.bob)
    nothing_is_left(world)
    (ended,) = world.bob.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("timeout", 408)
    assert world.alice.told[ours][-1] == Ended("peer")
    oks = [
        at
        for at, _, data in world.wire
        if data.startswith(b"SIP/2.0 200 OK") and b"SDP" not in data
    ]
    assert oks[0] == pytest.approx(0.01)


def test_hanging_up_before_the_ack_waits_for_it() -> None:
    world = World()
    swallow(world, "1", b"ACK", 2)

    def script(session: Session) -> None:
        session.answer(b"answer")
        session.end()

    world.bob.script = script
    world.alice.call(world.bob)
    nothing_is_left(world)
    assert world.bob.events() == [Ended("us")]
    byes = [at for at, host, data in world.wire if data.startswith(b"BYE")]
    acks = [at for at, host, data in world.wire if data.startswith(b"ACK")]
    assert len(acks) == 3
    assert byes[0] > acks[2]


def test_bye_to_a_peer_that_is_gone_ends_after_32_s() -> None:
    world = World()
    ours, _ = connected(world)
    world.drop = lambda host, data: True
    ours.end()
    assert ours.state is State.ENDING
    world.run(34.0)
    assert ours.over


def test_invite_without_offer_is_answered_with_one() -> None:
    world = World()
    world.bob.script = lambda s: s.answer(b"bob's offer")
    world.alice.on_event = lambda s, e: s.answer(b"alice's answer") if type(e) is Answered else None
    ours = world.alice.call(world.bob, None)
    world.run(1.0)
    assert world.bob.sessions[0].offer is None
    assert world.alice.told[ours] == [Answered(b"bob's offer")]
    assert world.bob.events() == [Acked(b"alice's answer")]


def test_offer_in_200_that_is_not_liked_is_acked_and_ended() -> None:
    world = World()
    world.bob.script = lambda s: s.answer(b"bob's offer")
    world.alice.on_event = lambda s, e: s.end() if type(e) is Answered else None
    world.alice.call(world.bob, None)
    nothing_is_left(world)
    assert world.bob.events() == [Acked(None), Ended("peer")]


def test_early_media_and_its_answer_in_183_only() -> None:
    world = World()

    def script(session: Session) -> None:
        session.ring(183, b"early")
        world.after(1.0, lambda: session.answer(b""))

    world.bob.script = script
    ours = world.alice.call(world.bob)
    world.run(3.0)
    assert world.alice.told[ours] == [Ringing(183, b"early"), Answered(b"early")]


def test_ringing_is_repeated_every_minute() -> None:
    world = World()
    world.bob.script = lambda s: s.ring()
    world.alice.call(world.bob)
    world.run(130.0)
    rings = [at for at, _, data in world.wire if data.startswith(b"SIP/2.0 180")]
    assert rings == pytest.approx([0.01, 60.01, 120.01])


def test_info_goes_both_ways() -> None:
    world = World()
    ours, theirs = connected(world)
    ours.info("application/dtmf-relay", b"Signal=5")
    theirs.info("Application/DTMF; x=y", b"7")
    world.run(2.0)
    assert world.bob.events(InfoReceived) == [InfoReceived("application/dtmf-relay", b"Signal=5")]
    assert world.alice.events(InfoReceived) == [InfoReceived("application/dtmf", b"7")]


def test_peer_that_forgot_the_call_ends_it() -> None:
    world = World()
    ours, theirs = connected(world)
    world.bob.stack.forget(theirs)
    ours.info("text/plain", b"?")
    world.run()
    ended = world.alice.told[ours][-1]
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("peer", 481)
    assert not world.alice.stack.sessions


def test_second_phone_of_a_fork_is_acked_and_hung_up_on() -> None:
    world = World()
    carol = world.phone("192.0.2.3")
    world.bob.script = carol.script = answering
    invites: list[bytes] = []

    def fork(host: str, data: bytes) -> bool:
        if data.startswith(b"INVITE") and not invites:
            invites.append(data)
            world.after(
                0.2, lambda: carol.stack.receive(data, ("192.0.2.1", 5060), "udp", world.now)
            )
        return False

    world.drop = fork
    ours = world.alice.call(world.bob)
    world.run(5.0)
    assert ours.up
    assert world.bob.sessions[0].up
    ended = carol.events(Ended)[0]
    assert ended == Ended("peer", None, 200, "Call completed elsewhere")
    assert world.alice.told[ours] == [Ringing(180), Answered(b"answer"), Ringing(180)][:2]


def test_verbs_that_come_too_late_do_nothing() -> None:
    world = World()
    ours, theirs = connected(world)
    ours.end()
    nothing_is_left(world)
    before = len(world.wire)
    for session in (ours, theirs):
        session.ring()
        session.answer(b"x")
        session.refuse(486)
        session.end()
        session.reinvite(b"x")
        session.accept_reoffer(b"x")
        session.refuse_reoffer(488)
        session.info("text/plain", b"x")
    world.run()
    assert len(world.wire) == before


def test_events_before_the_owner_listens_are_kept() -> None:
    world = World()
    world.bob.script = answering
    session = world.alice.stack.invite("sip:bob@192.0.2.2", sdp=b"offer")
    world.run(1.0)
    told: list[object] = []
    session.on_event = told.append
    world.run(1.1)
    assert told == [Ringing(180), Answered(b"answer")]


def test_route_set_is_followed() -> None:
    world = World()
    proxy = world.phone("192.0.2.9")
    world.bob.script = answering
    del proxy
    world.drop = _record_route(world)
    ours = world.alice.call(world.bob)
    world.run(1.0)
    assert ours.dialog is not None
    assert ours.dialog.routes == ("<sip:192.0.2.9;lr>",)
    world.wire.clear()
    ours.end()
    world.bob.sessions[0].info("text/plain", b"x")
    world.run(1.005)
    for _, host, data in world.wire:
        message = parse(data)
        assert not isinstance(message, Response)
        assert message.headers.all("Route") == ["<sip:192.0.2.9;lr>"]
        assert message.target == ("sip:bob@192.0.2.2:5060" if host == "192.0.2.1" else
                                  "sip:trunkline@192.0.2.1:5060")  # fmt: skip


def _record_route(world: World) -> Callable[[str, bytes], bool]:
    """What a proxy between the two would have written into the INVITE."""

    def drop(host: str, data: bytes) -> bool:
        if data.startswith(b"INVITE") and b"Record-Route" not in data:
            more = data.replace(b"\r\nFrom:", b"\r\nRecord-Route: <sip:192.0.2.9;lr>\r\nFrom:", 1)
            source = (host, 5060)
            world.after(0.01, lambda: world.bob.stack.receive(more, source, "udp", world.now))
            return True
        return False

    return drop


@pytest.mark.parametrize(("table", "methods"), [(LIFE, Session), (OFFERING, Reoffer)])
def test_every_action_is_a_method_and_no_state_is_without_a_way_out(
    table: dict[tuple[object, str], tuple[object, str]], methods: type
) -> None:
    for _, actions in table.values():
        for action in actions.split():
            assert callable(getattr(methods, f"_{action}"))
    reached = {after for after, _ in table.values()}
    assert reached - {state for state, _ in table} <= {State.ENDED}
