"""The agent's voice: pauses at the caller's first word, goes on where it stopped, never clicks."""

import numpy as np
import pytest

from gateway.media.lines import FRAME, PAUSE_DUCK, PAUSE_HOLD, PAUSE_OFF, QUEUE
from gateway.media.voice import Voice

ROW, ALL, NONE = np.array([2]), np.array([True]), np.array([False])
FADE = 80


class Speaker:
    """A Voice on one row, and its agent."""

    def __init__(self, stage, policy: int = PAUSE_HOLD) -> None:
        stage.open(2)
        self.stage = stage
        self.lines = stage.main
        self.voice = Voice(stage.media)
        stage.agent["policy"][2] = policy
        self.heard: list[np.ndarray] = []

    def beat(self, *, onset: bool = False, may_speak: bool = True) -> np.ndarray:
        self.voice.pause(ROW, ALL if onset else NONE)
        self.heard.append(self.voice.next(ROW, ALL if may_speak else NONE)[0])
        self.stage.media["beat"][2] += 1
        return self.heard[-1]

    def resume(self) -> None:
        self.stage.agent["resumed"][2] = self.lines["pauses"][2]

    def drop(self, to: int) -> None:
        self.stage.agent["drop_to"][2] = to


def numbered(frames: int) -> np.ndarray:
    """Each frame holds its number, a thousand times."""
    return np.repeat(np.arange(1, frames + 1) * 1000, FRAME).astype(np.int16)


def loud(frames: int) -> np.ndarray:
    t = np.arange(frames * FRAME) / 16_000
    return np.rint(12_000 * np.sin(2 * np.pi * 437 * t)).astype(np.int16)


@pytest.fixture
def speaker(stage) -> Speaker:
    return Speaker(stage)


def numbers(speaker: Speaker) -> list[int]:
    """What was played in the middle of each beat."""
    return [int(frame[FRAME // 2]) // 1000 for frame in speaker.heard]


def test_the_queue_is_played_frame_by_frame_and_then_there_is_silence(speaker, stage) -> None:
    stage.say(2, numbered(3))
    for _ in range(5):
        speaker.beat()
    assert np.array_equal(np.concatenate(speaker.heard)[: 3 * FRAME], numbered(3))
    assert numbers(speaker) == [1, 2, 3, 0, 0]
    assert stage.main["taken"][2] == 3


def test_the_queue_wraps(speaker, stage) -> None:
    for n in range(3 * QUEUE):
        stage.say(2, np.full(FRAME, n, np.int16))
        assert speaker.beat()[0] == n


def test_speech_onset_holds_in_the_same_beat(speaker, stage) -> None:
    stage.say(2, numbered(9))
    for _ in range(3):
        speaker.beat()
    frame = speaker.beat(onset=True)
    assert not frame[FADE:].any()
    assert stage.main["pauses"][2] == 1
    assert stage.main["paused_beat"][2] == 3
    assert stage.main["taken"][2] == 3
    for _ in range(5):
        assert not speaker.beat().any()
    assert stage.main["taken"][2] == 3


def test_held_speech_goes_on_exactly_where_it_stopped(speaker, stage) -> None:
    stage.say(2, numbered(6))
    speaker.beat()
    speaker.beat()
    speaker.beat(onset=True)
    speaker.beat()
    speaker.resume()
    for _ in range(4):
        speaker.beat()
    assert numbers(speaker) == [1, 2, 0, 0, 3, 4, 5, 6]
    assert stage.main["skipped"][2] == 0


def test_speech_again_while_held_is_no_other_pause(speaker, stage) -> None:
    stage.say(2, numbered(6))
    speaker.beat()
    speaker.beat(onset=True)
    speaker.beat(onset=True)
    assert stage.main["pauses"][2] == 1
    speaker.resume()
    speaker.beat()
    speaker.beat(onset=True)
    assert stage.main["pauses"][2] == 2


@pytest.mark.parametrize("queued", [0, 2])
def test_nothing_is_paused_when_nothing_is_said(speaker, stage, queued: int) -> None:
    stage.say(2, numbered(queued)) if queued else None
    for _ in range(queued):
        speaker.beat()
    speaker.beat(onset=True)
    assert stage.main["pauses"][2] == 0


def test_a_row_whose_policy_is_off_speaks_on(stage) -> None:
    speaker = Speaker(stage, PAUSE_OFF)
    stage.say(2, numbered(3))
    speaker.beat()
    speaker.beat(onset=True)
    assert numbers(speaker) == [1, 2]
    assert stage.main["pauses"][2] == 0


def test_ducked_speech_is_quieter_and_loses_nothing(stage) -> None:
    speaker = Speaker(stage, PAUSE_DUCK)
    stage.say(2, np.full(8 * FRAME, 8000, np.int16))
    speaker.beat()
    falling = speaker.beat(onset=True)
    low = speaker.beat()
    speaker.resume()
    rising = speaker.beat()
    assert stage.main["pauses"][2] == 1
    assert (np.diff(falling.astype(int)) <= 0).all()
    assert set(low.tolist()) == {2000}
    assert (np.diff(rising.astype(int)) >= 0).all()
    assert set(speaker.beat().tolist()) == {8000}
    assert stage.main["taken"][2] == 5


def test_what_is_dropped_is_never_said(speaker, stage) -> None:
    stage.say(2, numbered(6))
    speaker.beat()
    speaker.beat(onset=True)
    speaker.drop(6)
    speaker.resume()
    for _ in range(2):
        assert not speaker.beat()[FADE:].any()
    stage.say(2, numbered(2))
    speaker.beat()
    assert numbers(speaker) == [1, 0, 0, 0, 1]
    assert stage.main["taken"][2] == 7
    assert stage.main["skipped"][2] == 5


def test_a_drop_into_the_middle_jumps(speaker, stage) -> None:
    stage.say(2, numbered(9))
    speaker.beat()
    speaker.drop(5)
    speaker.beat()
    speaker.beat()
    assert numbers(speaker) == [1, 6, 7]
    assert stage.main["skipped"][2] == 4


def test_a_drop_beyond_what_is_written_drops_what_comes(speaker, stage) -> None:
    stage.say(2, numbered(2))
    speaker.drop(4)
    speaker.beat()
    stage.say(2, numbered(4))
    speaker.beat()
    assert numbers(speaker) == [0, 3]
    assert stage.main["skipped"][2] == 4


def test_speech_that_was_all_dropped_does_not_pause(speaker, stage) -> None:
    stage.say(2, numbered(6))
    speaker.beat()
    speaker.drop(6)
    speaker.beat(onset=True)
    assert stage.main["pauses"][2] == 0


def test_a_row_that_may_not_speak_keeps_its_queue(speaker, stage) -> None:
    stage.say(2, numbered(3))
    speaker.beat()
    speaker.beat(may_speak=False)
    speaker.beat()
    assert numbers(speaker) == [1, 0, 2]


@pytest.mark.parametrize("event", ["hold", "drop", "jump", "silenced"])
def test_nothing_clicks(speaker, stage, event: str) -> None:
    stage.say(2, loud(40))
    for _ in range(5):
        speaker.beat()
    match event:
        case "hold":
            speaker.beat(onset=True)
            speaker.beat()
            speaker.resume()
        case "drop":
            speaker.drop(40)
        case "jump":
            speaker.drop(11)
        case "silenced":
            speaker.beat(may_speak=False)
    for _ in range(5):
        speaker.beat()
    steps = np.abs(np.diff(np.concatenate(speaker.heard).astype(int)))
    assert steps.max() <= 1.3 * np.abs(np.diff(loud(40).astype(int))).max()


def test_another_process_keeps_holding(speaker, stage) -> None:
    stage.say(2, numbered(6))
    speaker.beat()
    speaker.beat(onset=True)
    speaker.voice = Voice(stage.media)
    assert not speaker.beat().any()
    speaker.resume()
    speaker.beat()
    assert numbers(speaker) == [1, 0, 0, 2]
