"""Two parties who do what they like when they like, over a bad link, all drawn from one seed.

``python -m tests.sip.crossings 10000`` plays that many calls and tells what came of them.
"""

import random
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial

from gateway.errors import GatewayError
from gateway.sip.events import (
    LAST,
    Acked,
    Answered,
    Cancelled,
    Ended,
    ReferDone,
    ReferFailed,
    Referred,
    Refused,
    Reoffered,
    Ringing,
    SessionEvent,
)
from gateway.sip.policy import Policy
from gateway.sip.session import Session
from tests.sip.world import Phone, World

# What is made to happen at about the same time, beside all that happens by chance.
CROSSINGS = (
    "none", "cancel/200", "bye/bye", "reinvite/reinvite", "update/update", "reinvite/update",
    "refer/bye", "refer/refer", "update/bye", "lost ack", "lost prack", "lost bye",
)  # fmt: skip


class Chaos:
    def __init__(self, seed: int, transport: str = "udp") -> None:
        if transport == "udp":
            self.world = World(seed, loss=0.2, twice=0.1, delay=(0.005, 0.6))
        else:
            self.world = World(seed, delay=(0.3, 0.3), transport=transport)
        self.rng = random.Random(-seed)
        self.crossing = CROSSINGS[seed % len(CROSSINGS)]
        self.count = 0
        self.referrals: Counter[Session] = Counter()  # how many outcomes are due
        self.world.bob.script = self._answer
        self.world.alice.on_event = self.world.bob.on_event = self._told
        for phone in (self.world.alice, self.world.bob):
            phone.stack.policy = Policy(
                reliable=self.rng.choice(("required", "supported")),
                session_expires_s=self.rng.choice((0, 90, 120)),
                refer=self.rng.random() < 0.8,
            )
        self._lose()

    def call(self) -> Session:
        delayed = self.rng.random() < 0.2
        require = [("Require", "100rel")] if self.rng.random() < 0.2 else []
        sdp = None if delayed else self._sdp()
        session = self.world.alice.call(self.world.bob, sdp, headers=require)
        self._maybe(0.8, 0.0, 40.0, lambda: session.end("alice"))
        self._live(session)
        if self.crossing == "cancel/200":
            self._cross(self.rng.uniform(0.0, 4.0), session.end)
        return session

    def _answer(self, session: Session) -> None:
        for _ in range(self.rng.randrange(3)):
            status = self.rng.choice((180, 181, 183))
            self._maybe(0.7, 0.0, 3.0, partial(session.ring, status, self._early(status)))
        at = self.world.now + self.rng.uniform(0.0, 5.0)
        if self.rng.random() < 0.15:
            self.world.at(at, lambda: session.refuse(486))
        else:
            sdp = self._sdp()
            self.world.at(at, lambda: session.answer(sdp))
        self._maybe(0.8, 0.0, 40.0, lambda: session.end("bob"))
        self._live(session)
        self._meet(session, at + self.rng.uniform(0.5, 8.0))

    def _live(self, session: Session) -> None:
        for verb in (session.reinvite, session.update, session.update):
            self._maybe(0.4, 0.0, 20.0, lambda verb=verb: verb(self._sdp()))
        self._maybe(0.3, 0.0, 20.0, lambda: session.info("text/plain", b"x"))
        self._maybe(0.3, 0.0, 20.0, lambda: self._refer(session))

    def _meet(self, theirs: Session, at: float) -> None:
        """Make both sides do the two things within half a second."""
        ours = self.world.alice.sessions[0]
        verbs = {
            "bye": lambda session: session.end(),
            "reinvite": lambda session: session.reinvite(self._sdp()),
            "update": lambda session: session.update(self._sdp()),
            "refer": self._refer,
        }
        first, _, second = self.crossing.partition("/")
        if first in verbs and second in verbs:
            self._cross(at, lambda: verbs[first](ours))
            self._cross(at, lambda: verbs[second](theirs))

    def _cross(self, at: float, action: Callable[[], None]) -> None:
        self.world.at(at + self.rng.uniform(0.0, 0.5), action)

    def _lose(self) -> None:
        """``lost X``: the first so many of these, beside what the link loses by chance."""
        word, _, method = self.crossing.partition(" ")
        if word == "lost":
            left = [self.rng.choice((1, 3, 5, 100))]

            def drop(host: str, data: bytes) -> bool:
                hit = data.startswith(method.upper().encode()) and left[0] > 0
                left[0] -= hit
                return hit

            self.world.drop = drop

    def _refer(self, session: Session) -> None:
        try:
            session.refer("tel:+12015550123")
        except GatewayError:
            return  # not up, or another is under way
        self.referrals[session] += 1

    def _early(self, status: int) -> bytes | None:
        return self._sdp() if status == 183 else None

    def _sdp(self) -> bytes:
        self.count += 1
        return b"sdp %d" % self.count

    def _maybe(self, chance: float, low: float, high: float, action: Callable[[], None]) -> None:
        if self.rng.random() < chance:
            self.world.after(self.rng.uniform(low, high), action)

    def _told(self, session: Session, event: SessionEvent) -> None:
        match event:
            case Answered() if not session.request.body:
                session.answer(self._sdp())
            case Ringing(sdp=sdp) if sdp and not session.request.body:
                session.answer(self._sdp())
            case Reoffered():
                answer = self._sdp()
                self.world.after(self.rng.uniform(0.0, 2.0), lambda: session.accept_reoffer(answer))
            case Referred():
                self._decide(session)
            case ReferDone() | ReferFailed():
                self.referrals[session] -= 1

    def _decide(self, session: Session) -> None:
        if self.rng.random() < 0.2:
            session.refuse_refer()
            return
        self._maybe(0.9, 0.0, 2.0, session.accept_refer)
        self._maybe(0.9, 2.0, 4.0, lambda: session.report_refer(180))
        status = self.rng.choice((200, 486))
        self._maybe(0.8, 4.0, 9.0, lambda: session.report_refer(status))


def play(seed: int, transport: str = "udp") -> Chaos:
    """One call from its INVITE until nothing is left of it."""
    chaos = Chaos(seed, transport)
    ours = chaos.call()
    chaos.world.run(200.0)
    ours.end("at last")
    chaos.world.run(300.0)
    for theirs in chaos.world.bob.sessions:
        theirs.end("at last")  # whom no BYE of alice's has reached
    chaos.world.run()
    return chaos


def last(phone: Phone) -> list[SessionEvent]:
    """The one last event of each session, and nothing after it."""
    found = []
    for told in phone.told.values():
        ends = [event for event in told if isinstance(event, LAST)]
        assert ends == told[-1:], told
        found += ends
    return found


def agree(chaos: Chaos) -> str:
    """Both ends have come to the same conclusion, and nothing is left. Which it was."""
    world = chaos.world
    for phone in (world.alice, world.bob):
        assert not phone.stack.sessions
        assert phone.stack.open_transactions == 0
    assert not +chaos.referrals, "a transfer without an outcome"
    assert not -chaos.referrals, "a transfer with two outcomes"
    (caller,) = last(world.alice)
    callee = last(world.bob)
    if not callee:
        assert isinstance(caller, (Refused, Ended))
        return "never arrived"
    (end,) = callee
    timed_out = any(getattr(event, "by", "") == "timeout" for event in (caller, end))
    answered = bool(world.alice.events(Answered))
    if isinstance(caller, Refused) and not timed_out:
        assert caller.by == "peer"
        assert isinstance(end, Refused)
        assert caller.status == end.status
    if isinstance(end, Cancelled):
        assert not answered
        assert caller == Ended("us", 487, 16, caller.detail) or caller == Ended("us", 487)
    if world.bob.events(Acked) and not timed_out:
        assert answered or isinstance(caller, Ended)
    if isinstance(end, Refused) and not timed_out:
        assert not answered
    if timed_out:
        return "timed out"
    return f"{type(caller).__name__}/{type(end).__name__}"


if __name__ == "__main__":
    outcomes: Counter[str] = Counter()
    for number in range(int(sys.argv[1])):
        try:
            outcomes[agree(play(number))] += 1
        except AssertionError as error:
            outcomes["DISAGREED"] += 1
            print(number, CROSSINGS[number % len(CROSSINGS)], str(error)[:300])
    print(dict(outcomes))
