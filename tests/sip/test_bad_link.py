"""Hundreds of calls over a link that loses, delays, doubles and reorders: both ends agree."""

import random

import pytest

from gateway.sip.events import (
    Acked,
    Answered,
    Cancelled,
    Ended,
    Refused,
    ReofferAnswered,
    Reoffered,
    SessionEvent,
)
from gateway.sip.session import Session
from tests.sip.world import Phone, World

LAST = (Refused, Cancelled, Ended)


class Chaos:
    """Two parties who do what they like when they like, all drawn from one seed."""

    def __init__(self, seed: int, transport: str = "udp") -> None:
        if transport == "udp":
            self.world = World(seed, loss=0.2, twice=0.1, delay=(0.005, 0.6))
        else:
            self.world = World(seed, delay=(0.3, 0.3), transport=transport)
        self.rng = random.Random(-seed)
        self.count = 0
        self.world.bob.script = self._answer
        self.world.alice.on_event = self.world.bob.on_event = self._told

    def call(self) -> Session:
        delayed = self.rng.random() < 0.2
        session = self.world.alice.call(self.world.bob, None if delayed else self._sdp())
        self._maybe(0.8, 0.0, 40.0, lambda: session.end("alice"))
        self._maybe(0.5, 0.0, 20.0, lambda: session.reinvite(self._sdp()))
        return session

    def _sdp(self) -> bytes:
        self.count += 1
        return b"sdp %d" % self.count

    def _maybe(self, chance: float, low: float, high: float, action: object) -> None:
        if self.rng.random() < chance:
            self.world.after(self.rng.uniform(low, high), action)  # type: ignore[arg-type]

    def _answer(self, session: Session) -> None:
        self._maybe(0.7, 0.0, 1.0, session.ring)
        if self.rng.random() < 0.15:
            self.world.after(self.rng.uniform(0.0, 5.0), lambda: session.refuse(486))
        else:
            sdp = self._sdp()
            self.world.after(self.rng.uniform(0.0, 5.0), lambda: session.answer(sdp))
        self._maybe(0.8, 0.0, 40.0, lambda: session.end("bob"))
        self._maybe(0.5, 0.0, 20.0, lambda: session.reinvite(self._sdp()))

    def _told(self, session: Session, event: SessionEvent) -> None:
        if isinstance(event, Answered) and not session.request.body:
            session.answer(self._sdp())
        elif isinstance(event, Reoffered):
            answer = self._sdp()
            self.world.after(self.rng.uniform(0.0, 2.0), lambda: session.accept_reoffer(answer))


def last(phone: Phone) -> list[SessionEvent]:
    """The one last event of each session, and nothing after it."""
    found = []
    for told in phone.told.values():
        ends = [event for event in told if isinstance(event, LAST)]
        assert ends == told[-1:], told
        found += ends
    return found


@pytest.mark.parametrize(
    ("transport", "seed"), [*(("udp", n) for n in range(300)), *(("tcp", n) for n in range(50))]
)
def test_every_call_ends_and_both_ends_agree(transport: str, seed: int) -> None:
    chaos = Chaos(seed, transport)
    world = chaos.world
    ours = chaos.call()
    world.run(200.0)
    ours.end("at last")
    world.run()

    for phone in (world.alice, world.bob):
        assert not phone.stack.sessions
        assert phone.stack.open_transactions == 0
    (caller,) = last(world.alice)
    callee = last(world.bob)
    if not callee:
        assert isinstance(caller, (Refused, Ended))
        return
    (end,) = callee
    timed_out = any(getattr(event, "by", "") == "timeout" for event in (caller, end))
    answered = bool(world.alice.events(Answered))
    if isinstance(caller, Refused) and not timed_out:
        assert caller.by == "peer"
        assert isinstance(end, Refused)
    if isinstance(end, Cancelled):
        assert not answered
        assert caller == Ended("us", 487, 16, caller.detail)
    if world.bob.events(Acked) and not timed_out:
        assert answered or isinstance(caller, Ended)
    if isinstance(end, Refused) and not timed_out:
        assert not answered


def test_the_link_is_bad_and_still_few_calls_time_out() -> None:
    late = 0
    for seed in range(300):
        chaos = Chaos(seed)
        ours = chaos.call()
        chaos.world.run(200.0)
        ours.end()
        chaos.world.run()
        both = last(chaos.world.alice) + last(chaos.world.bob)
        late += any(getattr(event, "by", "") == "timeout" for event in both)
    assert late <= 6


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
