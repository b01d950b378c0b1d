"""A peer has its call transferred: the agent's line speaks to another party, or all stays."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.calls.doors import Aim
from gateway.calls.leg import Down, LegEvent
from gateway.calls.manner import Manner
from gateway.calls.ports import CallRefused
from gateway.calls.referral import Declined, Transfers, target_of
from gateway.calls.sip_leg import SipLeg
from gateway.errors import NoRoom
from gateway.sdp import Description, Local, make_answer, make_offer
from gateway.sip.events import Cancelled, Ended, ReferDone, ReferFailed, ReferProgress
from gateway.sip.message import Request, parse
from gateway.sip.policy import Policy
from gateway.sip.replaces import Replaces
from gateway.sip.session import Session
from gateway.trunks.dialling import Attempt
from tests.sip.world import Phone, World

CAROL = "sip:carol@192.0.2.3"


@dataclass
class Line:
    row: int = 0
    port: int = 30_000
    srtp_policy: str = "off"
    agreed: list[dict[str, Any]] = field(default_factory=list)

    def agree(self, **what: Any) -> None:
        self.agreed.append(what)

    @property
    def now(self) -> tuple[str, int, bool]:
        last = self.agreed[-1]
        return last["host"], last["port"], last["hears"]


class Endpoint:
    def __init__(self, phone: Phone) -> None:
        self.stack = phone.stack

    def invite(self, target: str, **more: Any) -> Session:
        return self.stack.invite(target, **more)


class Timer:
    def __init__(self, do: Callable[[], None]) -> None:
        self.do = do

    def cancel(self) -> None:
        self.do = lambda: None


class Scene:
    """Alice has called the leg, which is bob's, and may transfer it to carol."""

    def __init__(self, refer: bool = True) -> None:
        self.world, self.line = World(), Line()
        self.carol = self.world.phone("192.0.2.3")
        self.told: list[LegEvent] = []
        self.noted: list[tuple[str, dict[str, Any]]] = []
        self.let_go: list[str] = []
        self.moved: list[Aim] = []
        self.refusal: Exception | None = None
        self.targets: tuple[str, ...] = ()  # empty: as asked
        self.timers: list[Timer] = []
        self.world.bob.stack.policy = Policy(refer=True)
        self.world.bob.script = lambda session: self._answer(session, refer)
        self.alice = self.world.alice.call(
            self.world.bob, bytes(make_offer(Local("192.0.2.1", 20_000)))
        )
        self.world.run(1.0)

    def _answer(self, session: Session, refer: bool) -> None:
        self.leg = SipLeg(self.line, "192.0.2.2", session, manner=Manner(refer=refer))  # type: ignore[arg-type]
        self.leg.on_event = self.told.append
        self.leg.transfers = Transfers(
            Endpoint(self.world.bob),  # type: ignore[arg-type]
            self._aim,
            self.moved.append,
            lambda what, **facts: self.noted.append((what, facts)),
            self._later,
            60.0,
        )
        self.leg.answer()

    def _aim(self, target: str) -> Aim:
        if self.refusal:
            raise self.refusal
        attempts = tuple(Attempt(each) for each in self.targets or (target,))
        return Aim(attempts, None, lambda: self.let_go.append(target))

    def _later(self, after: float, do: Callable[[], None]) -> Timer:
        self.timers.append(Timer(do))
        return self.timers[-1]

    def outcome(self) -> Any:
        kinds = (ReferDone, ReferFailed)
        found = [e for e in self.world.alice.told[self.alice] if isinstance(e, kinds)]
        return found[-1] if found else None

    def invites(self) -> list[Request]:
        sent = [parse(d) for _, host, d in self.world.wire if host == "192.0.2.2"]
        return [m for m in sent if isinstance(m, Request) and m.method == "INVITE"]

    def unchanged(self) -> bool:
        return (
            self.line.now == ("192.0.2.1", 20_000, True) and self.alice.up and self.leg.session.up
        )


def answers(session: Session) -> None:
    session.ring()
    answer, _ = make_answer(Description.parse(session.offer or b""), Local("192.0.2.3", 40_000))
    session.answer(bytes(answer))


def test_the_agent_moves_to_the_new_party_and_the_old_one_is_let_go() -> None:
    scene = Scene()
    scene.carol.script = answers
    scene.alice.refer(CAROL, referred_by="<sip:alice@192.0.2.1>")
    scene.world.run(5.0)
    assert scene.line.now == ("192.0.2.3", 40_000, True)
    assert scene.outcome() == ReferDone(200)
    assert ReferProgress(180, "Ringing") in scene.world.alice.told[scene.alice]
    assert scene.world.alice.events(Ended)
    assert scene.carol.sessions[0].up
    (invite,) = scene.invites()
    assert invite.headers.get("Referred-By") == "<sip:alice@192.0.2.1>"
    assert scene.noted[-1] == ("transferred", {"to": CAROL})
    assert len(scene.moved) == 1
    assert not scene.let_go  # the call holds it now
    assert not [event for event in scene.told if isinstance(event, Down)]
    scene.carol.sessions[0].end()
    scene.world.run(8.0)
    assert isinstance(scene.told[-1], Down)
    assert scene.told[-1].by_peer


def test_an_attended_transfer_takes_the_place_of_the_consultation() -> None:
    scene = Scene()
    scene.carol.script = answers
    scene.carol.stack.policy = Policy(replace=True)
    other = scene.world.alice.call(scene.carol, bytes(make_offer(Local("192.0.2.1", 22_000))))
    scene.world.run(2.0)
    scene.alice.refer(CAROL, replaces=other)
    scene.world.run(6.0)
    (invite,) = scene.invites()
    assert invite.headers.get("Replaces") == str(Replaces.of(other))
    assert "?" not in invite.target
    assert not other.up
    assert scene.carol.sessions[1].up
    assert scene.line.now == ("192.0.2.3", 40_000, True)


def test_a_busy_party_leaves_everything_as_it_was() -> None:
    scene = Scene()
    scene.carol.script = lambda session: session.refuse(486)
    scene.alice.refer(CAROL)
    scene.world.run(5.0)
    assert scene.outcome() == ReferFailed(486, "Busy Here")
    assert scene.unchanged()
    assert scene.let_go == [CAROL]
    assert scene.noted[-1][0] == "transfer_failed"
    scene.carol.script = answers  # and it may be tried again
    scene.alice.refer(CAROL)
    scene.world.run(9.0)
    assert scene.line.now == ("192.0.2.3", 40_000, True)


def test_nobody_answers() -> None:
    scene = Scene()
    scene.carol.script = lambda session: session.ring()
    scene.alice.refer(CAROL)
    scene.world.run(5.0)
    scene.timers[-1].do()
    scene.world.run(6.0)
    assert scene.outcome().status == 408
    assert scene.carol.events(Cancelled)
    assert scene.unchanged()


def test_a_gateway_without_room_is_passed_over() -> None:
    scene = Scene()
    scene.targets = (CAROL, "sip:carol2@192.0.2.3")

    def second(session: Session) -> None:
        if session.request.uri.user == "carol":
            session.refuse(503)
        else:
            answers(session)

    scene.carol.script = second
    scene.alice.refer(CAROL)
    scene.world.run(5.0)
    assert scene.outcome() == ReferDone(200)
    assert scene.line.now == ("192.0.2.3", 40_000, True)


def test_an_answer_that_cannot_be_used() -> None:
    scene = Scene()
    scene.carol.script = lambda session: session.answer(b"nonsense")
    scene.alice.refer(CAROL)
    scene.world.run(5.0)
    assert scene.outcome().status == 488
    assert scene.unchanged()
    assert scene.carol.events(Ended)


@pytest.mark.parametrize(
    ("refusal", "status"), [(CallRefused("no pattern allows it"), 403), (NoRoom("full"), 503)]
)
def test_who_may_not_be_called_is_not(refusal: Exception, status: int) -> None:
    scene = Scene()
    scene.refusal = refusal
    scene.alice.refer(CAROL)
    scene.world.run(2.0)  # at once, not when the time to decide is over
    assert scene.outcome() == ReferFailed(status, str(refusal))
    assert not scene.invites()
    assert scene.unchanged()


def test_a_trunk_that_may_not_refer() -> None:
    scene = Scene(refer=False)
    scene.alice.refer(CAROL)
    scene.world.run(2.0)
    assert scene.outcome() == ReferFailed(603, "Transfers are not taken from here")
    assert scene.unchanged()


def pending() -> Scene:
    scene = Scene()
    scene.carol.script = lambda session: session.ring()
    scene.alice.refer(CAROL)
    scene.world.run(2.0)
    return scene


def test_a_peer_that_hangs_up_first_leaves_the_call_to_the_outcome() -> None:
    scene = pending()
    scene.alice.end()
    scene.world.run(3.0)
    assert not [event for event in scene.told if isinstance(event, Down)]
    assert scene.line.now == ("192.0.2.1", 20_000, False)  # nothing is sent to who has gone
    answers(scene.carol.sessions[0])
    scene.world.run(5.0)
    assert scene.line.now == ("192.0.2.3", 40_000, True)
    assert scene.noted[-1][0] == "transferred"


def test_a_peer_that_hangs_up_first_and_nobody_takes_the_call() -> None:
    scene = pending()
    scene.alice.end()
    scene.world.run(3.0)
    scene.carol.sessions[0].refuse(486)
    scene.world.run(5.0)
    (down,) = [event for event in scene.told if isinstance(event, Down)]
    assert down.by_peer
    assert "486" in down.detail


def test_the_call_ends_meanwhile() -> None:
    scene = pending()
    scene.leg.hang_up("the agent said goodbye")
    scene.world.run(5.0)
    assert scene.carol.events(Cancelled)
    assert scene.let_go == [CAROL]
    assert len([event for event in scene.told if isinstance(event, Down)]) == 1
    scene.world.run()
    assert not scene.world.bob.stack.sessions


def test_only_whom_to_call_is_read_from_the_uri() -> None:
    assert target_of("sip:a@b;x=y?Replaces=1%3Bto-tag%3D2&Route=%3Csip:c%3E") == "sip:a@b;x=y"
    for bad, status in (("sip:a@b;method=BYE", 403), ("not a uri", 400)):
        with pytest.raises(Declined) as no:
            target_of(bad)
        assert no.value.status == status
