"""Hundreds of calls over a link that loses, delays, doubles and reorders: both ends agree."""

import random

import pytest

from gateway.sip.events import ReofferAnswered, Reoffered, SessionEvent
from gateway.sip.session import Session
from tests.sip.crossings import CROSSINGS, agree, play
from tests.sip.world import World


@pytest.mark.parametrize("seed", range(300))
def test_every_call_ends_and_both_ends_agree(seed: int) -> None:
    agree(play(seed))


@pytest.mark.parametrize("seed", range(60))
def test_so_they_do_over_tcp(seed: int) -> None:
    agree(play(seed, "tcp"))


def test_the_link_is_bad_and_still_few_calls_time_out() -> None:
    unforced = [
        seed for seed in range(500) if not CROSSINGS[seed % len(CROSSINGS)].startswith("lost")
    ]
    late = sum(agree(play(seed)) == "timed out" for seed in unforced)
    assert late <= 8


def test_the_same_seed_plays_the_same_call() -> None:
    assert play(7).world.wire == play(7).world.wire


@pytest.mark.parametrize("seed", range(100))
def test_after_glare_both_have_the_same_sound(seed: int) -> None:
    """Both re-INVITE within a second of each other, three times over."""
    world = World(seed, loss=0.1, twice=0.1, delay=(0.005, 0.3))
    rng = random.Random(seed)
    agreed: dict[Session, tuple[bytes | None, bytes | None]] = {}
    offered: dict[Session, bytes] = {}
    count = [0]

    def fresh() -> bytes:
        count[0] += 1
        return b"sdp %d" % count[0]

    def told(session: Session, event: SessionEvent) -> None:
        if isinstance(event, Reoffered):
            answer = fresh()
            agreed[session] = (answer, event.sdp)
            session.accept_reoffer(answer)
        elif isinstance(event, ReofferAnswered):
            assert isinstance(event.result, bytes)
            agreed[session] = (offered[session], event.result)

    world.alice.on_event = world.bob.on_event = told
    world.bob.script = lambda session: session.answer(b"answer")
    ours = world.alice.call(world.bob)
    world.run(40.0)
    theirs = world.bob.sessions[0]
    assert ours.up
    assert theirs.up

    def reoffer(session: Session) -> None:
        offered[session] = fresh()
        session.reinvite(offered[session])

    for start in (50.0, 90.0, 130.0):
        for session in (ours, theirs):
            world.at(start + rng.random(), lambda session=session: reoffer(session))  # type: ignore[misc]
    world.run(200.0)
    assert ours.up
    assert theirs.up
    assert agreed[ours] == agreed[theirs][::-1]
