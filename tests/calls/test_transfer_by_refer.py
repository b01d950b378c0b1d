"""Transfers that the caller's side carries out: by REFER, with Replaces, and by BYE."""

import pytest

from gateway.agent.messages import (
    Action,
    Happened,
    Say,
    Summarise,
    Summary,
)
from gateway.calls.leg import Referring, Up
from gateway.calls.record import Status
from gateway.errors import GatewayError
from tests.calls.transferring import BLIND, GONE, TOLD, Scene, begun

pytestmark = pytest.mark.usefixtures("transfers_at_once")


async def test_the_callers_side_takes_the_refer_and_reports_success() -> None:
    scene = await begun(BLIND, headers=(("X-Account", "7"),))
    assert scene.leg.referred == [("tel:+15550100", None, (("X-Account", "7"),))]
    scene.call.leg_event(Referring("accepted"))
    scene.call.leg_event(Referring("done", 200))
    record = await scene.ended("assistant-forwarded-call", "connected")
    assert Status.FORWARDING in scene.statuses
    assert record.destination == {"type": "number"}
    (update,) = [m for m in scene.followed if isinstance(m, Happened) and m.what == "transfer"]
    assert update.facts == {"destination": {"type": "number"}}


async def test_the_refer_is_refused() -> None:
    scene = await begun(BLIND)
    scene.call.leg_event(Referring("refused", 603, "Decline"))
    await scene.back("failed", "refused to transfer", "603 Decline")


async def test_a_leg_that_cannot_refer() -> None:
    scene = Scene(BLIND)
    scene.leg.cannot = GatewayError("another REFER is under way in this call")
    await scene.begin()
    await scene.back("failed", "another REFER is under way")


@pytest.mark.parametrize(
    ("status", "detail", "outcome", "words"),
    [
        (486, "Busy Here", "busy", "busy"),
        (408, "no NOTIFY told how the transfer went", "no-answer", "no NOTIFY"),
        (603, "Decline", "declined", "declined"),
        (404, "Not Found", "failed", "404"),
        (None, "the peer stopped telling how the transfer goes", "failed", "Nobody told"),
    ],
)
async def test_the_refer_is_taken_and_comes_to_nothing(
    status: int | None, detail: str, outcome: str, words: str
) -> None:
    scene = await begun(BLIND)
    scene.call.leg_event(Referring("accepted"))
    scene.call.leg_event(Referring("refused", status, detail))
    await scene.back(outcome, words)
    assert scene.call.record.transfers[0].status == status


async def test_the_caller_hangs_up_before_the_refer_is_taken() -> None:
    scene = await begun(BLIND)
    scene.call.leg_event(GONE)
    await scene.ended("customer-ended-call-during-transfer", "cancelled")


async def test_the_caller_is_let_go_once_the_refer_is_taken() -> None:
    scene = await begun(BLIND)
    scene.call.leg_event(Referring("accepted"))
    scene.call.leg_event(GONE)
    await scene.ended("assistant-forwarded-call", "forwarded")


async def test_a_summary_goes_in_a_header() -> None:
    scene = Scene(BLIND.model_copy(update={"summary": True, "headers_in_uri": True}))
    scene.agents.listener(Action(call="c1", action="a1", tool="move", kind="transferCall"))
    await scene.until(lambda: scene.of(Summarise))
    scene.agents.listener(Summary(call="c1", text="Wants\r\na table."))
    await scene.until(lambda: scene.leg.referred)
    assert scene.leg.referred[0][0] == "tel:+15550100?X-Transfer-Summary=Wants%20a%20table."
    scene.call.end("manually-canceled")
    await scene.ended("manually-canceled", "cancelled")


async def test_bye_lets_go_with_headers() -> None:
    scene = Scene(BLIND.model_copy(update={"verb": "bye", "headers": (("X-Route", "sales"),)}))
    scene.agents.listener(Action(call="c1", action="a1", tool="move", kind="transferCall"))
    await scene.ended("assistant-forwarded-call", "forwarded")
    assert scene.leg.parting == (("X-Route", "sales"),)


REPLACED = TOLD.model_copy(update={"verb": "refer"})


async def consulted() -> Scene:
    scene = await begun(REPLACED)
    scene.other.told(Up())
    await scene.until(lambda: scene.of(Say))
    scene.said()
    assert scene.leg.referred == [("tel:+15550100", scene.other.second, ())]
    return scene


async def test_the_callers_side_replaces_our_call() -> None:
    scene = await consulted()
    scene.call.leg_event(Referring("accepted"))
    scene.other.told(GONE)
    scene.call.leg_event(Referring("done", 200))
    await scene.ended("assistant-forwarded-call", "connected")


async def test_a_caller_whose_side_cannot_is_bridged_instead() -> None:
    scene = await consulted()
    scene.call.leg_event(Referring("refused", 501, "Not Implemented"))
    await scene.until(lambda: scene.hears_other)
    scene.call.end("manually-canceled")
    await scene.finished()


async def test_it_goes_while_it_is_replaced_in_vain() -> None:
    scene = await consulted()
    scene.other.told(GONE)
    scene.call.leg_event(Referring("refused", 481, "gone"))
    await scene.back("failed", "hung up before")
