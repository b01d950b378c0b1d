"""Session timers (RFC 4028): who refreshes and how, and what happens when nobody does."""

import pytest

from gateway.sip.events import Ended, Refused, ReofferAnswered, Reoffered
from gateway.sip.message import Response, parse
from gateway.sip.policy import Policy
from gateway.sip.refresh import REFRESHING, Refresh, Turn
from gateway.sip.session import Session
from tests.sip.world import World, answering, connected, nothing_is_left


def timed(alice: int = 1800, bob: int = 1800, least: int = 90) -> World:
    world = World()
    world.alice.stack.policy = Policy(session_expires_s=alice)
    world.bob.stack.policy = Policy(session_expires_s=bob, min_se_s=least)
    return world


def times(world: World, prefix: bytes, host: str = "") -> list[float]:
    return [at for at, by, data in world.wire if data.startswith(prefix) and by.endswith(host)]


def first(world: World, prefix: bytes) -> Response:
    message = next(parse(data) for _, _, data in world.wire if data.startswith(prefix))
    assert isinstance(message, Response)
    return message


def said(world: World, call: Session) -> str | None:
    del call
    oks = [parse(data) for _, _, data in world.wire if data.startswith(b"SIP/2.0 200")]
    return next(ok.headers.get("Session-Expires") for ok in oks if ok.cseq.method == "INVITE")


def test_the_callee_refreshes_by_update_at_half_time() -> None:
    world = timed()
    ours, theirs = connected(world)
    assert said(world, ours) == "1800;refresher=uas"
    assert (ours.refresh.turn, theirs.refresh.turn) == (Turn.THEIRS, Turn.OURS)
    world.run(4000.0)
    assert times(world, b"UPDATE", "2") == pytest.approx([900, 1800, 2700, 3600], abs=1)
    assert not times(world, b"UPDATE", "1")
    assert ours.up
    assert theirs.up
    ours.end()
    nothing_is_left(world)


def test_the_caller_refreshes_if_it_says_so() -> None:
    world = timed(alice=0)
    world.bob.script = answering
    wish = [("Session-Expires", "600;refresher=uac")]
    ours = world.alice.call(world.bob, headers=wish)
    world.run(1400.0)
    assert said(world, ours) == "600;refresher=uac"
    ok = first(world, b"SIP/2.0 200")
    assert ok.headers.get("Require") == "timer"
    assert times(world, b"UPDATE", "1") == pytest.approx([300, 600, 900, 1200], abs=1)
    assert ours.up


def test_peer_without_update_is_refreshed_by_reinvite_with_the_same_description() -> None:
    world = timed()
    _, theirs = connected(world)
    theirs.peer.allow = frozenset({"INVITE", "BYE"})
    world.alice.on_event = lambda s, e: s.accept_reoffer(b"offer") if type(e) is Reoffered else None
    world.run(1000.0)
    assert times(world, b"INVITE", "2") == pytest.approx([900], abs=1)
    assert world.alice.events(Reoffered) == [Reoffered(b"answer")]
    assert world.bob.events(ReofferAnswered) == [ReofferAnswered(b"offer")]
    world.run(1900.0)  # alice's 200 has said meanwhile that she takes UPDATE
    assert times(world, b"UPDATE", "2") == pytest.approx([1800], abs=1)


def test_no_timer_where_nobody_wants_one() -> None:
    world = timed(0, 0)
    ours, theirs = connected(world)
    assert said(world, ours) is None
    world.run(5000.0)
    assert ours.up
    assert theirs.refresh.turn is Turn.NOBODY


def test_no_timer_with_a_peer_that_knows_none() -> None:
    world = timed(alice=0)
    world.bob.script = answering
    ours = world.alice.call(world.bob, headers=[("Supported", "100rel")])
    world.run(1.0)
    assert said(world, ours) is None


def test_proxy_that_wants_a_timer_of_a_peer_that_knows_none_makes_us_refresh() -> None:
    world = timed(alice=0)
    world.bob.script = answering
    headers = [("Supported", "100rel"), ("Session-Expires", "200;refresher=uac")]
    ours = world.alice.call(world.bob, headers=headers)
    world.run(1.0)
    assert said(world, ours) == "200;refresher=uas"
    assert "timer" not in (first(world, b"SIP/2.0 200").headers.get("Require") or "")


def test_too_short_a_timer_is_refused_and_asked_for_anew() -> None:
    world = timed(alice=100, least=300)
    ours, theirs = connected(world)
    refusal = first(world, b"SIP/2.0 422")
    assert refusal.headers.get("Min-SE") == "300"
    assert said(world, ours) == "300;refresher=uas"
    invites = [parse(d) for _, _, d in world.wire if d.startswith(b"INVITE")]
    assert invites[1].headers.get("Min-SE") == "300"
    assert invites[1].cseq.number == invites[0].cseq.number + 1
    assert invites[1].call_id == invites[0].call_id
    assert theirs.refresh.turn is Turn.OURS


def test_422_that_asks_for_nothing_new_is_a_refusal() -> None:
    world = timed()
    world.bob.script = lambda s: s.refuse(422, headers=[("Min-SE", "90")])
    ours = world.alice.call(world.bob)
    nothing_is_left(world)
    (refused,) = world.alice.told[ours]
    assert isinstance(refused, Refused)
    assert refused.status == 422


def test_refresh_that_is_too_short_is_asked_for_anew() -> None:
    world = timed()
    ours, theirs = connected(world)
    ours.policy = Policy(min_se_s=2000)
    world.run(1000.0)
    assert len(times(world, b"UPDATE")) == 2
    assert theirs.refresh.due == pytest.approx(900 + 1000, abs=1)


def test_peer_that_does_not_refresh_is_hung_up_on_a_little_early() -> None:
    world = timed()
    ours, theirs = connected(world)
    theirs.refresh.close()
    world.run(1800.0)
    (ended,) = world.alice.events(Ended)
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("timeout", 408)
    assert "refreshed" in ended.detail
    assert times(world, b"BYE") == pytest.approx([1800 - 32], abs=1)
    assert ours.over
    assert world.bob.events(Ended) == [Ended("peer")]


def test_peer_that_is_gone_is_found_out_by_our_refresh() -> None:
    world = timed()
    _, theirs = connected(world)
    world.drop = lambda host, data: True
    world.run(1000.0)
    ended = world.bob.told[theirs][-1]
    assert isinstance(ended, Ended)
    assert ended.by == "timeout"


def test_refresh_that_is_refused_is_tried_again_until_time_is_up() -> None:
    world = timed(alice=180)
    ours, theirs = connected(world)

    def refuse(host: str, data: bytes) -> bool:
        if data.startswith(b"UPDATE"):
            response = parse(data).reply(500)  # type: ignore[union-attr]
            world.bob.stack.receive(bytes(response), ("192.0.2.1", 5060), "udp", world.now)
            return True
        return False

    world.drop = refuse
    world.run(200.0)
    assert len(times(world, b"UPDATE")) > 5
    assert isinstance(world.bob.told[theirs][-1], Ended)
    assert ours.over


def test_reoffer_is_a_refresh_too() -> None:
    world = timed()
    ours, theirs = connected(world)
    world.bob.on_event = lambda s, e: s.accept_reoffer(b"yes") if type(e) is Reoffered else None
    world.run(500.0)
    ours.reinvite(b"new")
    world.run(501.0)
    assert theirs.refresh.due == pytest.approx(500 + 900, abs=1)
    assert theirs.refresh.turn is Turn.OURS


def test_acceptance_that_comes_too_late_changes_nothing() -> None:
    world = timed()
    ours, theirs = connected(world)
    world.bob.on_event = lambda s, e: s.accept_reoffer(b"yes") if type(e) is Reoffered else None
    ours.reinvite(b"new")
    world.run(500.0)
    before = theirs.refresh.due, theirs.said
    theirs.accept_reoffer(b"again")
    assert (theirs.refresh.due, theirs.said) == before == (pytest.approx(901, abs=1), b"yes")


@pytest.mark.parametrize(("header", "value"), [("Session-Expires", "soon"), ("Min-SE", "-1"),
                                               ("Session-Expires", "99999999999")])  # fmt: skip
def test_what_is_no_number_is_refused(header: str, value: str) -> None:
    world = timed(alice=0)
    ours = world.alice.call(world.bob, headers=[(header, value)])
    nothing_is_left(world)
    (refused,) = world.alice.told[ours]
    assert isinstance(refused, Refused)
    assert refused.status == 400
    assert header in refused.phrase


def test_every_action_is_a_method() -> None:
    for turn, actions in REFRESHING.values():
        assert turn in Turn
        for action in actions.split():
            assert callable(getattr(Refresh, f"_{action}"))
