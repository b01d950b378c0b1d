"""SIPp's scenarios for what goes beyond a plain call, against the endpoint alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.sdp import Description, Local, make_answer, make_offer
from gateway.sip.endpoint import Endpoint
from gateway.sip.events import (
    Answered,
    Ended,
    ReferDone,
    Referred,
    Reoffered,
    Ringing,
    SessionEvent,
)
from gateway.sip.policy import Policy
from gateway.sip.session import Session
from gateway.sip.settings import SipSettings
from tests.peers.sipp import Outcome, Sipp

pytestmark = pytest.mark.peers

OFFER = bytes(make_offer(Local("127.0.0.1", 40_000)))


def answer_to(offer: bytes | None) -> bytes:
    description, _ = make_answer(Description.parse(offer or b""), Local("127.0.0.1", 40_000))
    return bytes(description)


class Owner:
    """Answers calls, takes new offers, and does as it is referred."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(SipSettings(listen="udp:127.0.0.1:0"), self.offered)
        self.told: asyncio.Queue[SessionEvent] = asyncio.Queue()
        self.early = False

    def offered(self, session: Session) -> None:
        session.policy = Policy(refer=True)
        session.on_event = lambda event: self.heard(session, event)
        answer = answer_to(session.offer)
        session.ring(183 if self.early else 180, answer if self.early else None)
        session.answer(answer)

    def heard(self, session: Session, event: SessionEvent) -> None:
        self.told.put_nowait(event)
        if isinstance(event, Reoffered):
            session.accept_reoffer(answer_to(event.sdp))
        elif isinstance(event, Referred):
            session.accept_refer()
            session.report_refer(200)

    async def called(self, folder: Path, scenario: str, calls: int = 20) -> Outcome:
        target = f"127.0.0.1:{self.endpoint.ports[0].port}"
        return await Sipp(folder, scenario, target, calls=calls, rate=50).run()

    async def until(self, kind: type, then: Callable[[], None] = lambda: None) -> SessionEvent:
        while not isinstance(event := await asyncio.wait_for(self.told.get(), 20), kind):
            pass
        then()
        return event

    def call(self, uri: str) -> Session:
        session = self.endpoint.invite(uri, sdp=OFFER)
        session.on_event = lambda event: self.heard(session, event)
        return session


@pytest.fixture
async def owner() -> AsyncIterator[Owner]:
    owner = Owner()
    await owner.endpoint.start()
    yield owner
    await owner.endpoint.close()


@pytest.mark.parametrize(
    "scenario", ["uac_late", "uac_prack", "uac_update", "uac_timer", "uac_refer", "uac_replaces"]
)
async def test_sipp_calls(owner: Owner, tmp_path: Path, scenario: str) -> None:
    owner.early = scenario == "uac_prack"
    if scenario == "uac_replaces":
        owner.endpoint.stack.policy = Policy(replace=True)
    outcome = await owner.called(tmp_path, scenario)
    assert (outcome.exit_code, outcome.successful, outcome.failed) == (0, 20, 0), outcome.said
    if scenario != "uac_replaces":  # there, a call of each is still up
        assert owner.endpoint.live == 0


async def test_sipp_rings_reliably(owner: Owner, tmp_path: Path) -> None:
    async with Sipp(tmp_path, "uas_prack") as callee:
        session = owner.call(callee.uri)
        ringing = await owner.until(Ringing)
        assert isinstance(ringing, Ringing)
        assert ringing.sdp
        answered = await owner.until(Answered, session.end)
        assert answered == Answered(ringing.sdp)
        await owner.until(Ended)


async def test_sipp_is_elsewhere(owner: Owner, tmp_path: Path) -> None:
    async with Sipp(tmp_path, "uas_redirect") as callee:
        session = owner.call(callee.uri)
        await owner.until(Answered, session.end)
        await owner.until(Ended)


async def test_sipp_is_referred(owner: Owner, tmp_path: Path) -> None:
    async with Sipp(tmp_path, "uas_refer") as callee:
        session = owner.call(callee.uri)
        await owner.until(Answered, lambda: session.refer("tel:+12015550123"))
        await owner.until(ReferDone, session.end)
        await owner.until(Ended)
