"""A model that fails or stalls is replaced within the turn, also in mid-sentence."""

import asyncio

from gateway.agent.messages import Action, Checkpoint, Progress
from gateway.agent.mind import GO_ON
from gateway.agent.phrases import phrases
from gateway.errors import Fault, VendorError
from tests.agent.stage import AUTH, THEIRS, Clay, Stage, call, say

GOODBYE = phrases("en").goodbye

MODELS = {
    "thinking": {"vendor": "clay", "model": "first"},
    "substitutes": ({"vendor": "clay", "model": "second"}, {"vendor": "mud", "model": "third"}),
}


async def asked(stage: Stage, text: str = "What time is it?") -> None:
    await stage.until("listening")
    await stage.turn(text)
    await stage.until("speaking", 10.0)
    await stage.until("listening")


async def test_the_next_answers_at_once_and_the_caller_notices_nothing() -> None:
    async with Stage(**MODELS) as stage:
        stage.clay.replies = [[AUTH], say("It is noon.")]
        await asked(stage)
        assert stage.clay.models == ["first", "second"]
        assert stage.transcript("assistant") == ["It is noon."]
        (told,) = stage.happened("substituted")
        assert (told.facts["vendor"], told.facts["by"]) == ("clay", "clay/second")
        stage.clay.replies = [say("Still noon.")]
        await asked(stage)
        assert stage.clay.models[-1] == "second"  # a wrong key does not mend


async def test_a_stall_is_not_waited_out_while_there_is_another() -> None:
    async with Stage(Clay(patience_s=8.0), **MODELS) as stage:
        stage.clay.replies = [[asyncio.Event()], say("It is noon.")]
        await stage.until("listening")
        await stage.turn("What time is it?")
        await stage.until("thinking")
        assert await stage.until("speaking") < 5.0
        assert stage.clay.cancelled == 1
        assert stage.clay.models == ["first", "second"]


async def test_in_mid_sentence_what_was_said_stays_and_the_next_goes_on() -> None:
    async with Stage(**MODELS) as stage:
        gone = asyncio.Event()
        text = "The first sentence is complete. The seco"
        stage.clay.replies = [[*say(text), gone, THEIRS], say("The second one follows.")]
        await stage.until("listening")
        await stage.turn("Tell me.")
        await stage.until("speaking")
        await stage.seconds(0.5)
        gone.set()
        await stage.settle()
        await stage.until("listening")
        whole = "The first sentence is complete. The second one follows."
        assert stage.transcript("assistant") == [whole]
        assert stage.conversation[-1] == ("assistant", whole)
        *_, said, told = stage.clay.asked[-1]
        assert (said.role, said.content) == ("assistant", "The first sentence is complete.")
        assert (told.role, told.content) == ("system", GO_ON)
        assert stage.clay.models == ["first", "second"]
        assert stage.hang_ups == []


async def test_only_when_none_is_left_the_caller_is_told() -> None:
    async with Stage(**MODELS) as stage:
        last = VendorError("mud", Fault.AUTH, "no key")
        stage.clay.replies = [[AUTH], [AUTH], [last]]
        await stage.until("listening")
        await stage.turn("What time is it?")
        await stage.until("ended")
        assert stage.clay.models == ["first", "second", "third"]
        assert stage.transcript("assistant") == [GOODBYE]
        assert stage.hang_ups == ["pipeline-error-mud-llm-failed"]


async def test_one_that_cannot_be_had_is_left_out() -> None:
    async with Stage(Clay(unfit=("mud",)), **MODELS) as stage:
        stage.clay.replies = [say("It is noon.")]
        await asked(stage)
        assert stage.clay.models == ["first"]


async def test_the_first_turns_are_answered_by_the_small_model() -> None:
    async with Stage(**MODELS, fast_turns=2) as stage:
        for _ in range(3):
            stage.clay.replies = [say("It is noon.")]
            await asked(stage)
        assert stage.clay.models == ["small", "small", "first"]


async def test_a_small_model_that_fails_is_replaced_by_the_great_one() -> None:
    async with Stage(**MODELS, fast_turns=1) as stage:
        stage.clay.replies = [[THEIRS], say("It is noon.")]
        await asked(stage)
        assert stage.clay.models == ["small", "first"]


async def silent(stage: Stage) -> None:
    """The caller has asked something, and 0.9 s later there is no answer yet."""
    await stage.until("listening")
    await stage.turn("What time is it?")
    await stage.until("thinking")
    while not stage.clay.models:
        await stage.beat()
    await stage.seconds(0.9)


async def test_of_two_requests_the_first_to_speak_wins() -> None:
    late = asyncio.Event()
    async with Stage(Clay(patience_s=8.0), **MODELS, hedge_after_s=0.5) as stage:
        stage.clay.replies = [[late, *say("It is one.")], say("It is noon.")]
        await silent(stage)
        assert stage.clay.models == ["first", "second"]
        assert stage.clay.cancelled == 1
        late.set()
        await stage.until("listening")
        assert stage.transcript("assistant") == ["It is noon."]
        assert stage.happened("substituted") == []  # nothing has failed
        stage.clay.replies = [say("Still noon.")]
        await asked(stage)
        assert stage.clay.models == ["first", "second", "first"]


async def test_tools_are_called_only_by_the_winner() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    tools = ({"kind": "function", "name": "look"},)
    async with Stage(Clay(patience_s=8.0), **MODELS, tools=tools, hedge_after_s=0.5) as stage:
        stage.clay.replies = [[first, call("look", called_id="a")], [second, call("look")]]
        await silent(stage)
        first.set()
        second.set()  # in the same moment
        await stage.settle()
        await stage.seconds(0.5)
        assert stage.clay.cancelled == 1
        assert len(stage.of(Action)) == 1


async def test_with_no_other_model_the_same_one_is_asked_twice() -> None:
    async with Stage(hedge_after_s=0.5) as stage:
        stage.clay.replies = [[asyncio.Event()], say("It is noon.")]
        await silent(stage)
        assert (len(stage.clay.models), stage.clay.cancelled) == (2, 1)
        await stage.until("listening")
        assert stage.transcript("assistant") == ["It is noon."]


async def test_a_second_request_that_fails_is_forgotten() -> None:
    late = asyncio.Event()
    async with Stage(Clay(patience_s=8.0), **MODELS, hedge_after_s=0.5) as stage:
        stage.clay.replies = [[late, *say("It is one.")], [AUTH]]
        await silent(stage)
        late.set()
        await stage.until("speaking")
        await stage.until("listening")
        assert stage.transcript("assistant") == ["It is one."]
        assert (stage.clay.models, stage.clay.cancelled) == (["first", "second"], 0)


async def test_a_first_request_that_fails_leaves_the_reply_to_the_second() -> None:
    broken, late = asyncio.Event(), asyncio.Event()
    async with Stage(Clay(patience_s=8.0), **MODELS, hedge_after_s=0.5) as stage:
        stage.clay.replies = [[broken, THEIRS], [late, *say("It is noon.")]]
        await silent(stage)
        broken.set()
        await stage.settle()
        (told,) = stage.happened("substituted")
        assert told.facts["by"] == "clay/second"
        late.set()
        await stage.until("speaking")
        await stage.until("listening")
        assert stage.transcript("assistant") == ["It is noon."]
        assert stage.clay.models == ["first", "second"]


async def test_both_requests_stall_and_the_third_model_answers() -> None:
    async with Stage(Clay(patience_s=8.0), **MODELS, hedge_after_s=0.5) as stage:
        stage.clay.replies = [[asyncio.Event()], [asyncio.Event()], say("It is noon.")]
        await silent(stage)
        await stage.until("speaking", 10.0)
        assert stage.clay.models == ["first", "second", "third"]
        assert stage.clay.cancelled == 2


async def test_a_caller_who_hangs_up_ends_both_requests() -> None:
    async with Stage(Clay(patience_s=8.0), **MODELS, hedge_after_s=0.5) as stage:
        stage.clay.replies = [[asyncio.Event()], [asyncio.Event()]]
        await silent(stage)
        assert len(stage.clay.models) == 2


async def test_of_equal_models_the_quickest_is_asked() -> None:
    for fastest, model in ((True, "second"), (False, "first")):
        async with Stage(Clay(slow=("first",)), **MODELS, fastest_first=fastest) as stage:
            stage.clay.replies = [say("It is noon.")]
            await asked(stage)
            assert stage.clay.models == [model]


async def resumed(stage: Stage) -> Checkpoint:
    """The agent's process dies here, and another takes the call over."""
    checkpoint = stage.of(Progress)[-1].checkpoint
    await stage.agent.close()
    stage.clay.cancelled = 0
    stage.begin(resumed=Checkpoint.model_validate_json(checkpoint.model_dump_json()))
    await stage.settle()
    return checkpoint


async def test_a_reply_that_was_being_written_when_the_process_died_is_finished() -> None:
    async with Stage() as stage:
        text = "The first sentence is complete. The seco"
        stage.clay.replies = [[*say(text), asyncio.Event()], say("The second one follows.")]
        await stage.until("listening")
        await stage.turn("Tell me.")
        await stage.until("speaking")
        await stage.seconds(0.5)
        checkpoint = await resumed(stage)
        assert checkpoint.writing is not None
        await stage.until("listening")
        whole = "The first sentence is complete. The second one follows."
        assert stage.conversation[-1] == ("assistant", whole)
        assert [m.role for m in stage.clay.asked[-1]] == ["system", "user", "assistant", "system"]
        assert stage.clay.asked[-1][2].content == "The first sentence is complete."
        assert stage.media.column("taken") == len(whole) * 3  # each sentence once


async def test_a_reply_of_which_nothing_had_come_is_asked_for_again() -> None:
    async with Stage() as stage:
        stage.clay.replies = [[asyncio.Event()], say("It is noon.")]
        await stage.until("listening")
        await stage.turn("What time is it?")
        await stage.until("thinking")
        await stage.seconds(0.2)
        await resumed(stage)
        await stage.until("speaking")
        await stage.until("listening")
        assert stage.transcript("assistant") == ["It is noon."]
