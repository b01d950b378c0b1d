"""While nothing happens in a call, not every beat is looked at; nothing is lost or late by it."""

import pytest

from gateway.agent.row import PATIENT
from tests.agent.stage import Clay, ClayHearing, Stage, call, say


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of what the transcriber was given, in bytes."""
    lengths: list[int] = []
    hear = ClayHearing.hear

    def noted(self: ClayHearing, pcm: bytes) -> None:
        lengths.append(len(pcm))
        hear(self, pcm)

    monkeypatch.setattr(ClayHearing, "hear", noted)
    return lengths


@pytest.mark.parametrize("speech", [False, True])
async def test_what_goes_on_is_heard_some_beats_at_a_time(pieces: list[int], speech: bool) -> None:
    async with Stage() as stage:
        await stage.until("listening")
        await stage.beat(PATIENT, speech=speech)
        pieces.clear()
        await stage.beat(10 * PATIENT, speech=speech)
        assert pieces == [PATIENT * 640] * 10


@pytest.mark.parametrize("after", range(PATIENT))
async def test_speech_and_keys_are_noticed_at_once(after: int) -> None:
    async with Stage() as stage:
        await stage.beat()
        await stage.until("listening")
        unheard = stage.media.column("beat") - stage.clay.hearings[-1].frames
        await stage.beat(10 * PATIENT + after)
        await stage.beat(speech=True)
        assert stage.state == "hearing"
        assert stage.media.column("beat") - stage.clay.hearings[-1].frames == unheard
        await stage.beat(10 * PATIENT + after, speech=True)
        await stage.beat()
        assert stage.media.column("beat") - stage.clay.hearings[-1].frames == unheard
        assert stage.clay.hearings[-1].hints == ["onset", "offset"]
    async with Stage() as stage:
        await stage.until("listening")
        await stage.beat(10 * PATIENT + after)
        stage.media.press("5")
        await stage.beat()
        assert stage.state == "keying"


@pytest.mark.parametrize("words", ["Good.", "Nine.", "I see.", "Hello."])
async def test_an_answer_ends_with_its_last_frame(words: str, pieces: list[int]) -> None:
    async with Stage(Clay(replies=[say(words)])) as stage:
        await stage.until("listening")
        await stage.turn("what time is it")
        await stage.until("speaking")
        await stage.beat(2)
        pieces.clear()
        while stage.media.column("taken") < stage.media.column("written"):
            assert stage.state == "speaking"
            await stage.beat()
        assert stage.state == "listening"
        assert PATIENT * 640 in pieces


async def test_while_a_tool_runs_every_beat_counts(pieces: list[int]) -> None:
    tool = {"name": "look", "kind": "function", "timeout_s": 20.0}
    async with Stage(Clay(replies=[[call("look")]]), tools=(tool,)) as stage:
        await stage.until("listening")
        await stage.turn("look it up")
        await stage.until("tool")
        pieces.clear()
        await stage.beat(8)
        assert pieces == [640] * 8
