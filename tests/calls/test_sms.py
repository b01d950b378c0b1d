"""The ``sms`` tool: by a trunk that takes texts, and what the model is told of the outcome."""

import pytest

from gateway.agent.brief import ToolBrief
from gateway.agent.messages import Action
from gateway.calls import actions
from gateway.calls.doors import Doors
from gateway.calls.leg import Answer, Up
from gateway.calls.ports import CallRefused
from tests.calls import stage
from tests.calls.test_doors import doors, order, us


async def told(scene: stage.Scene, **arguments: str) -> tuple[bool, str]:
    tool = ToolBrief(kind="sms", name="text")
    scene.call.change(stage.BRIEF.model_copy(update={"tools": (tool,), "record": False}), {})
    scene.call.leg_event(Up())
    scene.call.record.customer.number = "+4930"
    action = Action(call="c1", action="a", tool="text", kind="sms", arguments=arguments)
    result = await actions.perform(scene.call, action)
    assert result
    scene.call.end("manually-canceled")
    await scene.finished()
    return result.ok, result.content


@pytest.mark.parametrize(
    ("answer", "ok", "words"),
    [
        (Answer(202, "Accepted", b""), True, "was sent to +4930: 202 Accepted"),
        (Answer(404, "Not Found", b""), False, "was not taken: 404 Not Found"),
        (Answer(408, "nothing was heard", b""), False, "408"),
        (CallRefused("no pattern allows it"), False, "was not sent to +4930: no pattern"),
    ],
)
async def test_a_text_by_the_trunk(answer: Answer | Exception, ok: bool, words: str) -> None:
    scene = stage.Scene()
    scene.texts.by_trunk, scene.texts.answer = True, answer
    result = await told(scene, message="Your table is booked.")
    assert result[0] is ok
    assert words in result[1]
    assert scene.texts.sent == [("+4930", "Your table is booked.")]
    events = [e.facts for e in scene.call.record.events if e.what == "text_sent"]
    assert events == (
        [] if isinstance(answer, Exception) else [{"to": "+4930", "status": answer.status}]
    )


async def test_where_no_trunk_takes_texts_the_owners_account_does() -> None:
    scene = stage.Scene()
    assert await told(scene, message="Hi.", to="+4989") == (True, "sunny")
    assert scene.tools.called == [("text", {"message": "Hi.", "to": "+4989"})]


async def test_no_words_no_text() -> None:
    scene = stage.Scene()
    scene.texts.by_trunk = True
    ok, content = await told(scene)
    assert not ok
    assert "'message' is missing" in content


def with_texts() -> Doors:
    made = doors()
    trunk = made.trunks.named("carrier")
    assert trunk
    trunk.settings = trunk.settings.model_copy(update={"messages": True})
    return made


def test_texts_go_to_each_gateway_in_turn_and_meet_the_limits_of_calls() -> None:
    made = with_texts()
    wish = order("+49 30 1", trunk="carrier", caller="+4989")
    assert made.texts(wish)
    assert not made.texts(order("+4930", trunk="pbx"))
    assert not made.texts(order("+4930", trunk="nowhere"))
    ways = made.ways_of_text(wish, us, 0.0)
    assert [way.target for way in ways] == ["sip:+49301@203.0.113.1", "sip:+49301@203.0.113.2"]
    with pytest.raises(CallRefused, match="numbers"):
        made.ways_of_text(order("+1900", trunk="carrier"), us, 0.0)
