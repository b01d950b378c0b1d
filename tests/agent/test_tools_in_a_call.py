"""Tools: asked of main, waited for with company, answered or not."""

import asyncio

import pytest

from gateway.agent.brief import ToolBrief
from gateway.agent.messages import Action, Know, Offer, Say, Spoken
from gateway.agent.tools import BadCall, Tools
from gateway.speech.contract import Called
from tests.agent.stage import Stage, call, say

LOOK = {
    "kind": "function",
    "name": "look",
    "timeout_s": 5.0,
    "messages": (
        {"at": "start", "content": "One moment, please."},
        {"at": "delayed", "content": "It takes a little longer.", "after_ms": 3000},
    ),
}


async def asked(stage: Stage) -> None:
    await stage.until("listening")
    await stage.turn("Look.")


async def test_main_is_asked_and_the_caller_is_kept_company() -> None:
    async with Stage(tools=(LOOK,)) as stage:
        stage.clay.replies = [[call("look", '{"where": "there"}')], say("A cat.")]
        await asked(stage)
        await stage.until("speaking")
        (action,) = stage.of(Action)
        assert (action.tool, action.kind, action.arguments) == (
            "look",
            "function",
            {"where": "there"},
        )
        await stage.until("tool")
        assert stage.transcript("assistant") == ["One moment, please."]
        await stage.until("speaking")
        await stage.until("tool")
        assert stage.transcript("assistant")[-1] == "It takes a little longer."
        await stage.result(action.action, "a cat")
        await stage.until("listening")
        assert stage.transcript("assistant")[-1] == "A cat."
        shown = stage.clay.asked[-1]
        assert [m.role for m in shown] == ["system", "user", "assistant", "tool"]
        assert (shown[3].content, shown[3].tool_call_id) == ("a cat", "t1")
        roles = [m.role for m in stage.of(Spoken) if m.role.startswith("tool")]
        assert roles == ["tool_call", "tool_result"]


async def test_a_result_during_the_filler_is_thought_about_at_once() -> None:
    async with Stage(tools=(LOOK,)) as stage:
        stage.clay.replies = [[call("look")], say("A cat is there.")]
        await asked(stage)
        await stage.until("speaking")
        await stage.result("t1", "a cat")
        assert len(stage.clay.asked) == 2
        await stage.until("listening")
        assert stage.transcript("assistant") == ["One moment, please. A cat is there."]


async def test_a_filler_does_not_take_the_models_last_words() -> None:
    text = "Let me look that up for you right now"
    async with Stage(tools=(LOOK,)) as stage:
        finished = asyncio.Event()
        stage.clay.replies = [[*say(text), call("look"), finished], say("A cat.")]
        await asked(stage)
        await stage.until("speaking")
        finished.set()
        await stage.until("tool")
        assert ("assistant", text) in stage.conversation
        assert stage.transcript("assistant")[0].startswith(f"{text} One moment, please.")


async def test_a_tool_that_never_answers_is_not_waited_for() -> None:
    async with Stage(tools=(LOOK,)) as stage:
        stage.clay.replies = [[call("look")], say("It does not answer.")]
        await asked(stage)
        await stage.until("tool")
        await stage.seconds(8)
        assert stage.clay.asked[-1][-1].content == "look gave no answer within 5 s."
        await stage.until("listening")
        await stage.result("t1", "too late")
        assert stage.happened("late_result")
        assert len(stage.clay.asked) == 2


async def test_a_tool_that_is_not_waited_for() -> None:
    async with Stage(tools=({**LOOK, "wait": False, "messages": ()},)) as stage:
        stage.clay.replies = [[call("look")], say("It runs now.")]
        await asked(stage)
        await stage.until("speaking")
        assert len(stage.of(Action)) == 1
        assert "started" in stage.clay.asked[-1][-1].content


async def test_two_tools_at_once_are_both_waited_for() -> None:
    tools = ({"kind": "function", "name": "look"}, {"kind": "dtmf", "name": "press"})
    async with Stage(tools=tools) as stage:
        stage.clay.replies = [
            [call("look", called_id="a"), call("press", '{"keys": "1"}', called_id="b")],
            say("Both done."),
        ]
        await asked(stage)
        await stage.until("tool")
        await stage.result("b", "pressed")
        await stage.beat(5)
        assert len(stage.clay.asked) == 1
        await stage.result("a", "seen")
        assert [m.tool_call_id for m in stage.clay.asked[-1][-2:]] == ["b", "a"]


async def test_an_id_that_the_model_uses_twice_is_made_unique() -> None:
    async with Stage(tools=({"kind": "function", "name": "look"},)) as stage:
        stage.clay.replies = [[call("look")], [call("look")], say("Done.")]
        await asked(stage)
        await stage.until("tool")
        await stage.result("t1", "one")
        await stage.beat(2)
        assert [a.action for a in stage.of(Action)] == ["t1", "t1-2"]
        await stage.result("t1-2", "two")
        await stage.until("speaking")


async def test_a_message_of_the_tool_is_said_instead_of_a_reply() -> None:
    tool = {**LOOK, "messages": ({"at": "complete", "content": "It is done, {{ who }}."},)}
    async with Stage(tools=(tool,)) as stage:
        stage.clay.replies = [[call("look")]]
        await asked(stage)
        await stage.until("tool")
        await stage.result("t1", "ok")
        await stage.until("listening")
        assert len(stage.clay.asked) == 1
        assert stage.conversation[-1] == ("assistant", "It is done, Kim.")


async def test_a_caller_who_speaks_while_a_tool_runs_is_heard() -> None:
    async with Stage(tools=({"kind": "function", "name": "look"},)) as stage:
        stage.clay.replies = [[call("look")], say("Still looking."), say("A cat, not a dog.")]
        await asked(stage)
        await stage.until("tool")
        await stage.turn("And a dog?")
        await stage.until("speaking")
        shown = stage.clay.asked[-1]
        assert "still running" in shown[3].content
        assert shown[4].content == "And a dog?"
        await stage.until("tool")
        await stage.result("t1", "a cat")
        await stage.until("listening")
        assert stage.transcript("assistant")[-1] == "A cat, not a dog."


async def test_a_cough_while_a_tool_runs_changes_nothing() -> None:
    async with Stage(tools=({"kind": "function", "name": "look"},)) as stage:
        stage.clay.replies = [[call("look")], say("A cat.")]
        await asked(stage)
        await stage.until("tool")
        await stage.seconds(0.3, speech=True)
        await stage.seconds(5)
        await stage.result("t1", "a cat")
        await stage.until("speaking")
        assert len(stage.clay.asked) == 2


@pytest.mark.parametrize(
    ("called", "told"),
    [
        (Called("1", "fly", "{}"), "There is no tool named fly; there are: look."),
        (Called("1", "look", "{"), "The arguments of look are not JSON"),
        (Called("1", "look", "[1]"), "The arguments of look must be a JSON object."),
    ],
)
async def test_a_wrong_call_is_told_to_the_model(called: Called, told: str) -> None:
    async with Stage(tools=({"kind": "function", "name": "look"},)) as stage:
        stage.clay.replies = [[called], say("My mistake.")]
        await asked(stage)
        await stage.until("speaking")
        assert stage.clay.asked[-1][-1].content.startswith(told)
        assert stage.of(Action) == []


def test_a_tool_without_arguments_may_leave_them_out() -> None:
    from gateway.agent.brief import ToolBrief

    tools = Tools([ToolBrief(kind="dtmf", name="press")])
    assert tools.check(Called("1", "press", ""))[1] == {}
    with pytest.raises(BadCall):
        tools.check(Called("1", "other", ""))


async def test_tools_that_are_found_later_are_offered_and_variables_are_known() -> None:
    async with Stage() as stage:
        stage.clay.replies = [[call("look")], [call("endCall")]]
        found = ToolBrief.model_validate(LOOK | {"name": "look"})
        stage.agent.receive(Offer(call="c1", tools=(found, found)))
        await asked(stage)
        await stage.until("tool")
        (action,) = stage.of(Action)
        assert action.tool == "look"
        stage.agent.receive(Know(call="c1", variables={"who": "Ann", "order": 7}))
        stage.agent.receive(Say(call="c1", text="{{ who }} has {{ order }}."))
        await stage.until("speaking")
        await stage.until("tool")
        assert stage.transcript("assistant")[-1].startswith("Ann has 7.")


BASE = ToolBrief(kind="knowledge", name="knowledge base", timeout_s=10.0)


async def looked_up(stage: Stage) -> Action:
    await stage.until("listening")
    await stage.turn("What does soup cost?")
    await stage.until("thinking")
    await stage.settle()
    (action,) = stage.of(Action)
    assert action.kind == "knowledge"
    assert action.arguments["messages"][-1]["content"] == "What does soup cost?"
    assert stage.clay.asked == []
    return action


async def test_a_knowledge_base_is_asked_before_the_model() -> None:
    async with Stage(knowledge=BASE) as stage:
        stage.clay.replies = [say("Four euros.")]
        action = await looked_up(stage)
        await stage.result(action.action, '{"documents": "Soup: 4 euros.", "say": ""}')
        await stage.until("speaking")
        assert "Soup: 4 euros." in stage.clay.asked[0][-1].content
        await stage.until("listening")
        assert stage.transcript("assistant") == ["Four euros."]
        assert not any("Soup: 4" in m.content for m in stage.agent.conversation.messages())


async def test_a_knowledge_base_may_say_the_answer_itself() -> None:
    async with Stage(knowledge=BASE) as stage:
        action = await looked_up(stage)
        await stage.result(action.action, '{"documents": "", "say": "It is four euros."}')
        await stage.until("speaking")
        await stage.until("listening")
        assert stage.transcript("assistant") == ["It is four euros."]
        assert stage.clay.asked == []


async def test_a_knowledge_base_that_is_silent_or_fails_is_done_without() -> None:
    async with Stage(knowledge=BASE) as stage:
        stage.clay.replies = [say("I do not know.")]
        await looked_up(stage)
        await stage.until("speaking")
        assert [m.role for m in stage.clay.asked[0]] == ["system", "user"]
