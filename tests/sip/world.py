"""User agents in memory, over a link that may be bad, with a clock turned by hand."""

import random
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count

from gateway.sip.events import SessionEvent
from gateway.sip.session import Session
from gateway.sip.stack import Stack


class Phone:
    """A stack, its sessions, and all that their owners were told."""

    def __init__(self, world: "World", host: str, transport: str) -> None:
        self.world, self.host, self.transport = world, host, transport
        self.stack = Stack(
            on_invite=self._invited,
            sent_by=lambda *_: (host, 5060),
            clock=lambda: world.now,
            rng=random.Random(f"{host}{world.seed}"),
        )
        self.sessions: list[Session] = []
        self.told: dict[Session, list[SessionEvent]] = {}
        self.script: Callable[[Session], None] = lambda session: None
        self.on_event: Callable[[Session, SessionEvent], None] = lambda session, event: None

    def call(self, other: "Phone", sdp: bytes | None = b"offer", **more: object) -> Session:
        suffix = "" if self.transport == "udp" else f";transport={self.transport}"
        session = self.stack.invite(f"sip:bob@{other.host}{suffix}", sdp=sdp, **more)
        self._own(session)
        return session

    def events(self, kind: type | None = None) -> list[SessionEvent]:
        """Everything told, over all sessions, or only what is of this kind."""
        return [e for told in self.told.values() for e in told if kind is None or type(e) is kind]

    def _own(self, session: Session) -> None:
        self.sessions.append(session)
        self.told[session] = []
        session.on_event = lambda event: self._told(session, event)

    def _told(self, session: Session, event: SessionEvent) -> None:
        self.told[session].append(event)
        self.on_event(session, event)

    def _invited(self, session: Session) -> None:
        self._own(session)
        self.script(session)


class World:
    """Phones, a link and the time. ``loss`` and ``twice`` are probabilities, ``delay`` seconds."""

    def __init__(
        self,
        seed: int = 0,
        *,
        loss: float = 0.0,
        twice: float = 0.0,
        delay: tuple[float, float] = (0.01, 0.01),
        transport: str = "udp",
    ) -> None:
        self.seed, self.now = seed, 0.0
        self.wire: list[tuple[float, str, bytes]] = []  # everything sent: when, by whom, what
        self.drop: Callable[[str, bytes], bool] = lambda host, data: False
        self._rng = random.Random(seed)
        self._loss, self._twice, self._delay = loss, twice, delay
        self._transport = transport
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.phones: dict[str, Phone] = {}
        self.alice, self.bob = self.phone("192.0.2.1"), self.phone("192.0.2.2")

    def phone(self, host: str) -> Phone:
        self.phones[host] = Phone(self, host, self._transport)
        return self.phones[host]

    def at(self, when: float, action: Callable[[], None]) -> None:
        heappush(self._due, (when, next(self._order), action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.at(self.now + seconds, action)

    def run(self, until: float = 10_000.0) -> None:
        """Let time pass until then, or until nothing is left to happen."""
        self._settle()
        while True:
            times = [p.stack.wake_at() for p in self.phones.values()]
            if self._due:
                times.append(self._due[0][0])
            at = min((t for t in times if t is not None), default=None)
            if at is None or at > until:
                break
            self.now = max(self.now, at)
            while self._due and self._due[0][0] <= self.now:
                heappop(self._due)[2]()
                self._settle()
            for phone in self.phones.values():
                phone.stack.wake(self.now)
            self._settle()
        self.now = max(self.now, until) if until < 10_000.0 else self.now

    def starts(self) -> list[str]:
        """The wire in short: who sent which start line."""
        return [f"{host[-1]} {data.split(b' SIP/2.0')[0].decode().splitlines()[0]}"
                for _, host, data in self.wire]  # fmt: skip

    def _settle(self) -> None:
        for phone in self.phones.values():
            phone.stack.deliver()
            for data, (host, _), transport, _ in phone.stack.outbox:
                self.wire.append((self.now, phone.host, data))
                if self.drop(phone.host, data):
                    continue
                self._carry(data, phone.host, host, transport)
            phone.stack.outbox.clear()

    def _carry(self, data: bytes, source: str, target: str, transport: str) -> None:
        for _ in range(1 + (self._rng.random() < self._twice)):
            if self._rng.random() >= self._loss and target in self.phones:
                receive = self.phones[target].stack.receive
                arrive = partial(self._arrive, receive, data, source, transport)
                self.after(self._rng.uniform(*self._delay), arrive)

    def _arrive(
        self, receive: Callable[..., None], data: bytes, source: str, transport: str
    ) -> None:
        receive(data, (source, 5060), transport, self.now)


def answering(session: Session) -> None:
    session.ring()
    session.answer(b"answer")


def connected(world: World) -> tuple[Session, Session]:
    world.bob.script = answering
    ours = world.alice.call(world.bob)
    world.run(1.0)
    assert ours.up
    theirs = world.bob.sessions[0]
    assert theirs.up
    return ours, theirs


def nothing_is_left(world: World) -> None:
    world.run()
    for phone in (world.alice, world.bob):
        assert not phone.stack.sessions
        assert phone.stack.open_transactions == 0
