"""One call from ring to record, with a leg and agents that only remember what they were told."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.agent.answering import FETCH, PLAY
from gateway.agent.brief import ToolBrief
from gateway.agent.messages import (
    Action,
    ActionResult,
    Add,
    Advice,
    Answered,
    Consult,
    HangUp,
    Happened,
    Say,
    Spoken,
    Start,
    TurnTimings,
)
from gateway.agent.plans import Hook, HookAction, VoicemailPlan
from gateway.agent.renewal import KeyWanted, NewKey
from gateway.calls import call as call_module
from gateway.calls import metrics
from gateway.calls.leg import Down, Pressed, Ringing, Up, Wrote
from gateway.calls.ports import Route, ToolReply
from gateway.calls.record import CallRecord, Status
from tests.calls.stage import BRIEF, Scene


async def test_an_answered_call_gets_its_agent_its_recording_and_its_variables() -> None:
    scene = Scene()
    scene.call.leg_event(Up())
    start = scene.agents.told[0]
    assert isinstance(start, Start)
    assert start.row == 3
    assert start.variables["phoneNumber"]["number"] == "demo"
    assert not start.ringing
    assert scene.leg.recorded == "/state/recordings/c1.wav"
    assert scene.statuses == [Status.IN_PROGRESS]
    scene.call.end("manually-canceled")
    await scene.finished()


async def test_a_background_is_played_from_the_answer_on() -> None:
    scene = Scene(BRIEF.model_copy(update={"background": "office"}))
    scene.call.leg_event(Up())
    async with asyncio.timeout(5):
        await scene.played.wait()
    assert scene.backgrounds == ["office"]
    scene.call.end("manually-canceled")
    await scene.finished()


async def test_while_the_phone_rings_the_agent_gets_ready_and_is_told_of_the_answer() -> None:
    scene = Scene(direction="outbound")
    scene.call.prepare()
    scene.call.leg_event(Ringing(180))
    scene.call.leg_event(Ringing(180))
    scene.call.leg_event(Up())
    start, answered = scene.agents.told
    assert isinstance(start, Start)
    assert start.ringing
    assert isinstance(answered, Answered)
    assert scene.statuses == [Status.RINGING, Status.IN_PROGRESS]
    scene.call.end("manually-canceled")
    await scene.finished()


async def test_the_first_to_end_the_call_gives_the_reason() -> None:
    scene = Scene()
    scene.call.leg_event(Up())
    scene.agents.listener(HangUp(call="c1", reason="silence-timed-out"))
    scene.call.leg_event(Down(by_peer=True, answered=True, status=None, detail=""))
    record = await scene.finished()
    assert record.ended_reason == "silence-timed-out"
    assert record.status is Status.ENDED
    assert scene.agents.stopped == ["c1"]
    assert scene.leg.closed
    assert record.sound.packets_received == 7


@pytest.mark.parametrize(
    ("direction", "down", "reason"),
    [
        ("inbound", Down(True, True, None, ""), "customer-ended-call"),
        ("inbound", Down(False, True, 408, "no ACK"), "call.in-progress.sip-completed-call"),
        (
            "inbound",
            Down(True, False, 487, ""),
            "call.ringing.sip-inbound-caller-hungup-before-call-connect",
        ),
        ("outbound", Down(True, False, 486, ""), "customer-busy"),
        ("outbound", Down(False, False, 408, ""), "customer-did-not-answer"),
        (
            "outbound",
            Down(True, False, 503, ""),
            "call.in-progress.error-providerfault-outbound-sip-503-service-unavailable",
        ),
        (
            "outbound",
            Down(True, False, 480, ""),
            "call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable",
        ),
        ("outbound", Down(True, False, 404, ""), "sip-outbound-unallocated-number"),
        (
            "outbound",
            Down(True, False, 488, ""),
            "call.in-progress.error-sip-outbound-call-failed-to-connect",
        ),
    ],
)
async def test_how_the_party_left_is_the_reason(direction: str, down: Down, reason: str) -> None:
    scene = Scene(direction=direction)
    if down.answered:
        scene.call.leg_event(Up())
    scene.call.leg_event(down)
    record = await scene.finished()
    assert record.ended_reason == reason
    assert record.sip_status == down.status


async def test_a_phone_that_rang_and_is_unavailable_then_was_not_answered() -> None:
    scene = Scene(direction="outbound")
    scene.call.leg_event(Ringing(180))
    scene.call.leg_event(Down(True, False, 480, ""))
    record = await scene.finished()
    assert (record.ended_reason, record.sip_status) == ("customer-did-not-answer", 480)


async def test_the_rule_and_the_share_that_were_drawn_are_in_the_record() -> None:
    scene = Scene()
    share = {"rule": 1, "share": "B", "weight": 3, "of": 5}
    scene.call.take_on(Route(brief=BRIEF, chosen=share))
    scene.call.end("manually-canceled")
    record = await scene.finished()
    assert [e.facts for e in record.events if e.what == "routed"] == [share]


async def test_a_clock_that_is_set_makes_a_call_no_longer_nor_does_what_follows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Clock(datetime):
        now_is = datetime(2026, 3, 29, 12, tzinfo=UTC)

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.now_is

    monkeypatch.setattr(call_module, "datetime", Clock)
    scene = Scene()
    Clock.now_is -= timedelta(hours=1)
    scene.call.leg_event(Up())
    Clock.now_is += timedelta(hours=5)
    scene.call.end("manually-canceled")
    ended_at = scene.call.record.ended_at
    record = await scene.finished()
    assert record.ended_at == ended_at, "not when its recording was kept and its analysis made"
    assert 0 <= record.minutes < 5  # by far more than it takes
    assert record.answered_at
    assert record.answered_at <= record.updated_at
    assert sorted(event.at for event in record.events) == [event.at for event in record.events]


async def test_what_was_said_and_what_it_took_are_in_the_record() -> None:
    scene = Scene()
    scene.call.leg_event(Up())
    now = time.monotonic()
    scene.agents.listener(
        Spoken(call="c1", role="assistant", text="Hello", began_at=now + 1, ended_at=now + 2)
    )
    scene.agents.listener(
        TurnTimings(call="c1", turn=1, total_ms=700, segments=(("wait", 400),), own_ms=20)
    )
    scene.agents.listener(Happened(call="c1", what="barge_in", at=now, facts={"words": 2}))
    scene.call.end("manually-canceled")
    record = await scene.finished()
    (line,) = record.transcript
    assert line.text == "Hello"
    assert line.ended_s - line.began_s == pytest.approx(1, abs=0.01)
    assert record.turns[0].own_ms == 20
    assert {"barge_in", "ended"} <= {event.what for event in record.events}


async def outcome_of(scene: Scene, action: Action) -> ActionResult:
    scene.call.leg_event(Up())
    scene.agents.listener(action)
    while not any(isinstance(m, ActionResult) for m in scene.agents.told):
        await asyncio.sleep(0)
    result = next(m for m in scene.agents.told if isinstance(m, ActionResult))
    scene.call.end("manually-canceled")
    await scene.finished()
    return result


async def test_the_agent_presses_keys() -> None:
    scene = Scene()
    action = Action(call="c1", action="a", tool="press", kind="dtmf", arguments={"keys": "1 2#"})
    assert (await outcome_of(scene, action)).ok
    assert scene.leg.dialled == ["12#"]


async def test_a_file_is_fetched_and_played_and_one_that_is_not_there_fails() -> None:
    for name, action, ok in (("a.wav", FETCH, True), ("a.wav", PLAY, True), ("a.txt", PLAY, False)):
        scene = Scene()
        asked = Action(
            call="c1", action=action, tool=action, kind="playSound", arguments={"url": name}
        )
        assert (await outcome_of(scene, asked)).ok is ok
        assert scene.files == [(name, action == PLAY)]


async def test_a_caller_is_no_machine_that_answers() -> None:
    plan = VoicemailPlan(message="Call back.")
    for direction, kept in (("inbound", None), ("outbound", plan)):
        scene = Scene(BRIEF.model_copy(update={"voicemail": plan}))
        scene.call.record.direction = direction  # type: ignore[assignment]
        scene.call.leg_event(Up())
        start = scene.agents.told[0]
        assert isinstance(start, Start)
        assert start.brief.voicemail == kept
        scene.call.end("manually-canceled")
        await scene.finished()


async def test_keys_that_are_none_are_named() -> None:
    action = Action(call="c1", action="a", tool="press", kind="dtmf", arguments={"keys": "1x"})
    result = await outcome_of(Scene(), action)
    assert not result.ok
    assert "'x'" in result.content


async def test_a_tools_answer_reaches_the_model_and_its_words_the_caller() -> None:
    scene = Scene()
    scene.tools.reply = ToolReply(ok=True, content="sunny", say="It is sunny.")
    action = Action(call="c1", action="a", tool="weather", kind="function")
    assert (await outcome_of(scene, action)).content == "sunny"
    assert any(isinstance(m, Say) and m.text == "It is sunny." for m in scene.agents.told)


@pytest.mark.parametrize("kind", ["function", "teleport"])
async def test_an_action_that_cannot_be_done_has_an_outcome_too(kind: str) -> None:
    result = await outcome_of(Scene(), Action(call="c1", action="a", tool="nobody", kind=kind))
    assert not result.ok
    assert result.content


async def test_a_key_by_info_reaches_the_agent() -> None:
    scene = Scene()
    scene.call.leg_event(Up())
    scene.call.leg_event(Pressed("5"))
    assert scene.agents.told[-1].type == "digit"
    scene.call.end("manually-canceled")
    await scene.finished()


async def test_what_the_party_writes_is_a_turn() -> None:
    scene = Scene()
    scene.call.leg_event(Up())
    scene.call.leg_event(Wrote("My number is 47."))
    added = scene.agents.told[-1]
    assert isinstance(added, Add)
    assert (added.messages, added.answer) == (
        ({"role": "user", "content": "My number is 47."},),
        True,
    )
    assert scene.call.record.events[-1].facts == {"text": "My number is 47."}
    scene.call.end("manually-canceled")
    await scene.finished()


async def test_an_echo_call_needs_no_agent() -> None:
    scene = Scene(brief=None)
    scene.call.leg_event(Up())
    scene.call.leg_event(Down(by_peer=True, answered=True, status=None, detail=""))
    record = await scene.finished()
    assert scene.agents.told == []
    assert record.recording is None


async def test_a_recording_can_be_paused_and_the_record_says_when() -> None:
    scene = Scene()
    scene.call.leg_event(Up())
    assert [scene.call.pause_recording(p) for p in (True, True, False, False)] == [
        True, False, True, False,
    ]  # fmt: skip
    scene.leg.recording_lost = "No space left on device"
    lost = metrics.RECORDINGS_LOST.collect()[0].samples[0].value
    scene.call.end("customer-ended-call")
    record = await scene.finished()
    assert scene.kept == [("recordings/c1.wav", None)]
    told = [(e.what, e.facts) for e in record.events if e.what.startswith("recording")]
    assert told == [
        ("recording_paused", {}),
        ("recording_resumed", {}),
        ("recording_lost", {"why": "No space left on device"}),
    ]
    assert metrics.RECORDINGS_LOST.collect()[0].samples[0].value == lost + 1


async def test_what_is_to_be_denoised_and_cannot_be_is_told() -> None:
    scene = Scene(BRIEF.model_copy(update={"denoise": True}))
    scene.call.leg_event(Up())
    assert scene.leg.denoised == 1
    told = [event.facts for event in scene.call.record.events if event.what == "not_denoised"]
    assert told == [{"why": "there is no library"}]


async def test_an_agent_that_asks_when_a_turn_is_over_is_told() -> None:
    scene = Scene()
    scene.call.leg_event(Up())
    said = ({"role": "user", "content": "well"},)
    scene.call.agent_said(Consult(call="c1", question=3, conversation=said))
    async with asyncio.timeout(5):
        while not isinstance(scene.agents.told[-1], Advice):
            await asyncio.sleep(0)
    assert scene.agents.told[-1] == Advice(call="c1", question=3, wait_s=0.7)
    scene.call.end("manually-canceled")
    await scene.finished()


async def test_a_key_that_ends_is_had_anew_for_its_agent() -> None:
    scene = Scene()
    scene.call.leg_event(Up())
    scene.agents.told.clear()
    wanted = KeyWanted(call="c1", question=4, plan="p1", refused=True)
    scene.call.agent_said(wanted)
    async with asyncio.timeout(5):
        while not any(isinstance(told, NewKey) for told in scene.agents.told):
            await asyncio.sleep(0)
    new = next(told for told in scene.agents.told if isinstance(told, NewKey))
    key = f"p1 of {scene.call.record.org_id}, refused=True"
    assert new == NewKey(call="c1", question=4, api_key=key, until=7.0)
    assert key not in repr(new)
    scene.call.end("manually-canceled")
    await scene.finished()


@pytest.mark.parametrize(
    ("reasons", "called"),
    [
        (None, 1),
        (("customer-ended-call",), 1),
        (("silence-timed-out",), 0),
    ],
)
async def test_a_hook_on_the_end_calls_its_tool(
    reasons: tuple[str, ...] | None, called: int
) -> None:
    note = HookAction(do="tool", tool="note", arguments={"what": "end"})
    brief = BRIEF.model_copy(
        update={
            "hooks": (Hook(on="ending", do=(note,), reasons=reasons),),
            "hook_tools": (ToolBrief(kind="function", name="note"),),
        }
    )
    scene = Scene(brief)
    scene.call.leg_event(Up())
    scene.call.end("customer-ended-call")
    await scene.finished()
    assert scene.tools.called == [("note", {"what": "end"})] * called


@pytest.mark.parametrize("kind", ["apiRequest", "slack.message.send", "mcp", "code"])
async def test_whatever_needs_no_line_is_done_at_the_end(kind: str) -> None:
    note, move = HookAction(do="tool", tool="note"), HookAction(do="tool", tool="move")
    hook_tools = (ToolBrief(kind=kind, name="note"), ToolBrief(kind="transferCall", name="move"))
    hooks = (Hook(on="ending", do=(move, note)),)
    scene = Scene(BRIEF.model_copy(update={"hooks": hooks, "hook_tools": hook_tools}))
    scene.call.leg_event(Up())
    scene.call.end("customer-ended-call")
    record = await scene.finished()
    assert scene.tools.called == [("note", {})]
    told = [event.facts for event in record.events if event.what == "hook"]
    assert told == [{"tool": "note", "ok": True}]


async def test_a_text_may_be_sent_when_the_call_is_over() -> None:
    text = HookAction(do="tool", tool="text", arguments={"to": "+49301", "message": "Thanks."})
    update = {
        "hooks": (Hook(on="ending", do=(text,)),),
        "hook_tools": (ToolBrief(kind="sms", name="text"),),
    }
    scene = Scene(BRIEF.model_copy(update=update))
    scene.texts.by_trunk = True
    scene.call.leg_event(Up())
    scene.call.end("customer-ended-call")
    await scene.finished()
    assert scene.texts.sent == [("+49301", "Thanks.")]


async def test_of_a_discreet_call_nothing_that_was_said_is_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    scene = Scene(BRIEF.model_copy(update={"discreet": True, "record": False}))
    scene.call.leg_event(Up())
    assert scene.leg.recorded == ""
    say = {
        "text": "It is a pomegranate.",
        "began_at": time.monotonic(),
        "ended_at": time.monotonic(),
    }
    scene.agents.listener(Spoken(call="c1", role="user", **say))
    for what, facts in (
        ("digit", {"digit": "7"}),
        ("late_result", {"content": "pomegranate", "ok": 1}),
    ):
        scene.agents.listener(Happened(call="c1", what=what, at=time.monotonic(), facts=facts))
    scene.call.record.variables |= {"name": "a pomegranate"}
    scene.call.change(BRIEF, {})  # once discreet, a call stays so
    scene.call.end("manually-canceled")
    record = await scene.finished()
    assert [line.text for line in record.transcript] == ["It is a pomegranate."]  # for the report
    assert not scene.call.captured
    kept = record.kept()
    assert "pomegranate" not in str(kept)
    assert {e["what"]: e["facts"] for e in kept["events"]} | {"late_result": {"ok": 1}} == {
        e["what"]: e["facts"] for e in kept["events"]
    }
    assert "7" not in str([e["facts"] for e in kept["events"] if e["what"] == "digit"])
    assert "secret" not in caplog.text
    assert CallRecord.model_validate(kept).transcript == []
