"""The segments of a turn sum to its total, and each is where it belongs."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agent.timings import CALLERS, OWN, SET, VENDORS, Timings
from gateway.media.lines import BEAT_S
from tests.agent.stage import Stage, call, say

NAMES = sorted(OWN | SET | VENDORS | CALLERS)


@settings(deadline=None)
@given(
    st.floats(0, 1e5),
    st.lists(st.tuples(st.sampled_from(NAMES), st.floats(-1, 30)), max_size=30),
)
def test_segments_are_contiguous_and_sum_to_the_total(
    began: float, marks: list[tuple[str, float]]
) -> None:
    timings = Timings(began)
    for name, after in marks:
        timings.mark(name, began + after)
    assert sum(ms for _, ms in timings.segments) == pytest.approx(timings.total_ms, abs=1e-6)
    assert 0 <= timings.own_ms <= timings.total_ms + 1e-6
    assert all(ms > 0 for _, ms in timings.segments)


def test_only_the_first_of_a_kind_counts_until_a_tool_was_called() -> None:
    timings = Timings(0.0)
    timings.mark("model_first_token", 1.0)
    timings.mark("model_first_token", 2.0)
    timings.mark("tool", 3.0)
    timings.mark("model_first_token", 3.5)
    assert timings.segments == (
        ("model_first_token", 1000.0),
        ("tool", 2000.0),
        ("model_first_token", 500.0),
    )


async def test_a_plain_turn() -> None:
    token, rest, voice = asyncio.Event(), asyncio.Event(), asyncio.Event()
    plan = {"by": "text", "punctuation_s": 0.4}
    async with Stage(wait_s=0.4, endpointing=plan) as stage:
        await stage.until("listening")
        stage.clay.replies = [[token, *say("It is"), rest, *say(" noon.")]]
        stage.clay.voice_waits = voice
        await stage.seconds(1.0, speech=True)
        silent_at = stage.now
        await stage.seconds(0.6)  # the transcriber is 200 ms later than the wait
        await stage.says("What time is it?")
        assert stage.state == "thinking"
        await stage.seconds(0.3)
        token.set()
        await stage.settle()
        await stage.seconds(0.1)
        rest.set()
        await stage.settle()
        await stage.seconds(0.2)
        voice.set()
        await stage.until("speaking")
        await stage.beat()
        (turn,) = stage.timings
        assert [name for name, _ in turn.segments] == [
            "end_of_speech_wait",
            "transcriber",
            "model_first_token",
            "first_sentence",
            "voice_first_audio",
            "wire",
        ]
        expected = [400, 200, 300, 100, 200, 20]
        assert [ms for _, ms in turn.segments] == pytest.approx(expected, abs=21)
        assert turn.total_ms == pytest.approx((stage.now - silent_at) * 1000, abs=1)
        assert sum(ms for _, ms in turn.segments) == pytest.approx(turn.total_ms)
        assert turn.own_ms <= 1000 * BEAT_S + 1


async def test_the_gateways_own_share_of_a_turn_with_instant_vendors_is_two_beats() -> None:
    async with Stage() as stage:
        await stage.until("listening")
        for _ in range(3):
            stage.clay.replies = [say("It is noon.")]
            await stage.turn("What time is it?")
            await stage.until("speaking")
            await stage.until("listening")
        assert [turn.turn for turn in stage.timings] == [1, 2, 3]
        assert all(turn.own_ms <= 40 for turn in stage.timings)


async def test_a_turn_with_a_tool_has_the_tools_segment() -> None:
    async with Stage(tools=({"kind": "function", "name": "look"},)) as stage:
        await stage.until("listening")
        stage.clay.replies = [[call("look")], say("It is there.")]
        await stage.turn("Is it there?")
        await stage.until("tool")
        await stage.seconds(0.5)
        await stage.result("t1", "yes")
        await stage.until("speaking")
        await stage.beat()
        (turn,) = stage.timings
        segments = dict(turn.segments)
        assert segments["tool"] == pytest.approx(500, abs=41)
        assert turn.own_ms <= 40
