"""SIPp's own caller and callee against the endpoint, over UDP and TCP."""

import asyncio
from pathlib import Path

import pytest

from gateway.sdp import Description, Local, make_answer, make_offer
from gateway.sip.endpoint import Endpoint
from gateway.sip.events import Answered, Ended, SessionEvent
from gateway.sip.session import Session
from gateway.sip.settings import SipSettings
from tests.peers.sipp import Sipp

pytestmark = pytest.mark.peers


def answer(session: Session) -> None:
    offer = Description.parse(session.offer or b"")
    description, _ = make_answer(offer, Local("127.0.0.1", 40_000))
    session.ring()
    session.answer(bytes(description))


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_sipp_calls(tmp_path: Path, transport: str) -> None:
    endpoint = Endpoint(SipSettings(listen="127.0.0.1:0"), answer)
    await endpoint.start()
    kind = "tcp" if transport == "t1" else "udp"
    port = next(place.port for place in endpoint.ports if place.transport == kind)
    target = f"127.0.0.1:{port}"
    outcome = await Sipp(tmp_path, "uac", target, calls=100, rate=100, transport=transport).run()
    assert (outcome.exit_code, outcome.successful, outcome.failed) == (0, 100, 0), outcome.said
    assert endpoint.live == 0
    await endpoint.close()


async def test_sipp_is_called(tmp_path: Path) -> None:
    endpoint = Endpoint(SipSettings(listen="127.0.0.1:0"), answer)
    await endpoint.start()
    told: asyncio.Queue[SessionEvent] = asyncio.Queue()
    async with Sipp(tmp_path, "uas") as callee:
        offer = bytes(make_offer(Local("127.0.0.1", 40_000)))
        session = endpoint.invite(callee.uri, sdp=offer)
        session.on_event = told.put_nowait
        while not isinstance(event := await asyncio.wait_for(told.get(), 20), Answered):
            pass
        assert Description.parse(event.sdp or b"").media[0].port
        session.end()
        assert isinstance(await asyncio.wait_for(told.get(), 20), Ended)
    await endpoint.close()
