"""Who follows a call is told of it as it goes, as far as somebody asked for it."""

import asyncio

from gateway.agent.messages import Live
from tests.agent.stage import Stage, call, say

ALL = ("partial", "speech", "model", "voice")


def told(stage: Stage, *kinds: str) -> list[tuple[str, ...]]:
    return [
        (m.what, *(str(value) for name, value in m.facts.items() if name not in ("confidence",)))
        for m in stage.of(Live)
        if not kinds or m.what in kinds
    ]


async def test_speech_words_and_texts_are_told_in_order() -> None:
    async with Stage(greeting="Hello.", greeting_mode="speak", live=ALL) as stage:
        await stage.until("listening")
        stage.clay.replies = [say("It is noon.")]
        await stage.seconds(0.4, speech=True)
        await stage.says("What", final=False)
        await stage.turn("What time is it?")
        await stage.until("speaking")
        await stage.until("listening")
    model = [("model", word, "1") for word in ("It ", "is ", "noon.")]
    assert told(stage) == [
        ("voice", "Hello.", "model", "0"),
        ("speech", "assistant", "started", "0"),
        ("speech", "assistant", "stopped", "0"),
        ("speech", "user", "started", "0"),
        ("partial", "What", "0"),
        ("speech", "user", "stopped", "0"),
        *model,
        ("voice", "It is noon.", "model", "1"),
        ("speech", "assistant", "started", "1"),
        ("speech", "assistant", "stopped", "1"),
    ]


async def test_nobody_wants_it_nobody_is_told() -> None:
    async with Stage(greeting="Hello.") as stage:
        await stage.until("listening")
        await stage.turn("Hi.")
        assert told(stage) == []


async def test_a_tool_call_is_output_of_the_model() -> None:
    tool = {"kind": "function", "name": "look"}
    async with Stage(live=("model",), greeting_mode="wait", tools=(tool,)) as stage:
        stage.clay.replies = [[call("look", '{"at": 1}')]]
        await stage.turn("Look.")
        await stage.seconds(1.0)
        (output,) = [m.facts["output"] for m in stage.of(Live)]
    assert output[0]["function"] == {"name": "look", "arguments": '{"at": 1}'}


async def test_a_model_that_is_long_silent_is_late_once() -> None:
    async with Stage(greeting_mode="wait") as stage:
        stage.clay.replies = [[asyncio.Event()]]
        await stage.turn("Hello?")
        await stage.seconds(5.0)
        assert len(stage.happened("late")) == 1
