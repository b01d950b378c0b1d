"""What an assistant's compliancePlan and artifactPlan forbid to be stored, is not stored."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from gateway.agent.messages import Action
from gateway.agent.plans import ScreenPlan
from gateway.api import artifact
from gateway.api.analysis import Analyst
from gateway.api.briefs import from_assistant
from gateway.api.call_view import CallView
from gateway.api.server_messages import Messages
from gateway.api.targets import Targets
from gateway.api.tool_briefs import tool_briefs
from gateway.api.tool_server import ToolServer
from gateway.api.unusable import Unusable
from gateway.api.webhooks import Webhooks
from gateway.calls.actions.take_message import take
from gateway.calls.errand import Errand
from gateway.calls.record import CallRecord, Line, Status
from gateway.calls.retention import papers_kept
from gateway.store import Store
from tests.api.hooks import Kept, Peer, a_call, wire
from tests.calls.stage import BRIEF, Scene

MODEL = {"provider": "openai", "model": "gpt-4o"}
SECRET = Line(role="user", text="a secret", at=datetime.now(UTC), began_s=0, ended_s=1)


@pytest.mark.parametrize(
    ("plan", "discreet"),
    [
        (None, False),
        ({}, False),
        ({"hipaaEnabled": False, "pciEnabled": False}, False),
        ({"hipaaEnabled": True}, True),
        ({"pciEnabled": True}, True),
    ],
)
def test_either_makes_a_call_discreet_and_unrecorded(plan: Any, discreet: bool) -> None:
    artifacts = {"recordingEnabled": True}
    made = from_assistant({"model": MODEL, "compliancePlan": plan, "artifactPlan": artifacts})
    assert (made.discreet, made.record) == (discreet, not discreet)


@pytest.mark.parametrize(("wish", "captured"), [({}, True), ({"pcapEnabled": False}, False)])
def test_whether_sip_messages_are_kept(wish: Any, captured: bool) -> None:
    assert from_assistant({"model": MODEL, "artifactPlan": wish}).capture is captured


async def test_the_store_gets_no_word_and_the_api_shows_no_log(
    api: httpx.AsyncClient, store: Store
) -> None:
    record = a_call(Status.ENDED, discreet=True, transcript=[SECRET], outputs={"x": "a secret"})
    papers = {"assistantOverrides": {"variableValues": {"a": "a secret"}, "name": "B"}, "order": 1}
    store.calls.save(record.kept(), papers_kept(record, papers))
    stored = await store.calls.get(record.id)
    assert stored is not None
    assert "a secret" not in str(stored)
    shown = (await api.get(f"/call/{record.id}")).json()
    assert (shown["transcript"], shown["assistantOverrides"]["name"]) == ("", "B")
    assert "logUrl" not in shown["artifact"]
    refused = await api.get(f"/call/{record.id}/call-logs")
    assert (refused.status_code, "no log" in refused.json()["message"]) == (404, True)


def test_while_it_waits_its_order_is_kept() -> None:
    papers = {"order": {"customer": {}}}
    assert papers_kept(a_call(Status.QUEUED, discreet=True), papers) == papers


async def test_a_log_that_is_not_wanted_is_not_given(api: httpx.AsyncClient, store: Store) -> None:
    for wish, status in ((True, 200), (False, 404)):
        record = a_call(Status.ENDED)
        papers = {"assistant": {"artifactPlan": {"loggingEnabled": wish}}}
        store.calls.save(record.kept(), papers)
        assert (await api.get(f"/call/{record.id}/call-logs")).status_code == status
        links = (await api.get(f"/call/{record.id}")).json()["artifact"]
        assert ("logUrl" in links) is wish


async def test_the_report_has_all_of_it_and_is_not_kept_if_nobody_takes_it(
    peer: Peer, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    to = wire()
    hooks = Webhooks(Messages(CallView("org", "http://g.test")), to, Targets(), kept)
    record = a_call(Status.ENDED, discreet=True, ended_reason="x", transcript=[SECRET])
    peer.answers = [(400, b"")] * 2
    hooks.ended(record, peer.papers())
    await asyncio.gather(*(box.sender for box in hooks._boxes.values() if box.sender))
    await hooks.close()
    await to.close()
    assert peer.messages[-1]["transcript"] == "User: a secret\n"
    assert kept.letters == []
    assert "is lost" in caplog.text


async def test_what_a_tool_says_is_not_logged(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    to = wire()
    server = ToolServer(Messages(CallView("org", "http://g.test")), to, Targets())
    (brief,) = tool_briefs(
        {"tools": [{"type": "function", "function": {"name": "f"}, "server": {"url": peer.url}}]}
    )
    peer.answers = [(200, b'{"results": [{"toolCallId": "t", "result": "a secret"}]}')] * 2
    for discreet in (True, False):
        caplog.clear()
        reply = await server.call(Errand(a_call(discreet=discreet), {}, brief, {}, "t"))
        assert reply.content == "a secret"
        assert ("a secret" in caplog.text) is not discreet
    await to.close()


async def test_no_message_is_taken() -> None:
    take_it = tool_briefs({"tools": [{"type": "takeMessage"}]})
    scene = Scene(BRIEF.model_copy(update={"discreet": True, "tools": take_it}))
    action = Action(call="c1", action="1", kind="takeMessage", tool="takeMessage", arguments={})
    ok, why = await take(scene.call, action)
    assert (ok, "may be stored" in why) == (False, True)
    assert CallRecord.model_validate(scene.call.record.kept()).taken == []


def screened(**plan: Any) -> Any:
    return from_assistant({"model": MODEL, "compliancePlan": {"securityFilterPlan": plan}}).screen


def test_a_security_filter_is_what_the_plan_says() -> None:
    assert screened() is None
    assert screened(enabled=False, filters=[{"type": "xss"}]) is None
    assert screened(enabled=True) == ScreenPlan()
    filters = [{"type": "xss"}, {"type": "rce"}, {"type": "regex", "regex": "a+"}]
    made = screened(enabled=True, filters=filters, mode="reject", replacementText="")
    wanted = {"kinds": ("xss", "rce"), "regexes": ("a+",), "mode": "reject", "replacement": ""}
    assert made == ScreenPlan.model_validate(wanted)


def test_a_filter_that_is_no_pattern_is_refused() -> None:
    with pytest.raises(Unusable, match=r"securityFilterPlan.filters: a regex is not valid"):
        screened(enabled=True, filters=[{"type": "regex", "regex": "("}])


def test_a_filtered_message_says_so_and_keeps_what_was_said() -> None:
    extra = {"threats": ["xss"], "original": "<script>"}
    line = SECRET.model_copy(update={"text": "[FILTERED]", "extra": extra})
    record = a_call(Status.ENDED, transcript=[line])
    (shown,) = artifact.messages(record, {})[0]
    assert (shown["message"], shown["isFiltered"]) == ("[FILTERED]", True)
    assert (shown["detectedThreats"], shown["originalMessage"]) == (["xss"], "<script>")
    assert "isFiltered" not in artifact.messages(a_call(transcript=[SECRET]), {})[0][0]


async def test_an_output_that_its_owner_has_kept_is_kept_of_a_discreet_call() -> None:
    plans = [
        {"name": name, "type": "regex", "regex": ".*", "schema": {"type": "boolean"},
         "compliancePlan": {"forceStoreOnHipaaEnabled": forced}}
        for name, forced in (("Kept", True), ("Lost", False))
    ]  # fmt: skip
    record = a_call(Status.ENDED, discreet=True, transcript=[SECRET])
    papers = {"assistant": {"artifactPlan": {"structuredOutputs": plans}}}
    found = await Analyst({}).analyse(record, papers, BRIEF)
    record.outputs, record.storable = found.outputs, list(found.storable)
    (output,) = record.kept()["outputs"]["structuredOutputs"].values()
    assert output == {"name": "Kept", "result": True}
    assert "a secret" not in str(record.kept())
    again = CallRecord.model_validate(record.kept())
    assert again.kept()["outputs"] == record.kept()["outputs"]
