"""The agent's view of a row: sound in order, a queue that holds so much, and what was played."""

from collections.abc import Iterator

import numpy as np
import pytest

from gateway.agent.row import Row
from gateway.media.lines import BEAT_S, FRAME, QUEUE, RING, SILENT, VOICED
from tests.agent.stage import Media


@pytest.fixture
def media() -> Iterator[Media]:
    media = Media()
    yield media
    media.close()


def frames(count: int, value: int = 7) -> np.ndarray:
    return np.full((count, FRAME), value, np.int16)


def test_frames_are_read_once_in_order_with_their_times(media: Media) -> None:
    row = Row(media.agent, 1)
    assert row.listen().pcm == b""
    for n in range(3):
        media.beat(10 + n * BEAT_S, speech=n == 1)
    sound = row.listen()
    assert sound.speech == (SILENT, VOICED, SILENT)
    assert len(sound.pcm) == 3 * FRAME * 2
    assert np.frombuffer(sound.pcm, np.int16).reshape(3, FRAME)[:, 0].tolist() == [0, 1000, 0]
    assert [sound.at(n) for n in range(3)] == pytest.approx([10.0, 10.02, 10.04])
    assert row.listen().speech == ()


def test_a_reader_that_comes_too_late_is_told_what_it_missed(media: Media) -> None:
    row = Row(media.agent, 1)
    for n in range(RING + 30):
        media.beat(n * BEAT_S)
    sound = row.listen()
    assert len(sound.speech) == RING - 1  # the oldest is just being written over
    assert sound.missed == 31


def test_a_row_is_read_from_now_on(media: Media) -> None:
    for n in range(5):
        media.beat(n * BEAT_S)
    media.press("1")
    row = Row(media.agent, 1)
    assert row.listen().speech == ()
    assert row.digits() == ""


def test_an_agent_hears_other_rows_beside_its_own_each_frame_once(media: Media) -> None:
    row = Row(media.agent, 1)
    media.main["agent_hears"][1, 0] = 2 + 1
    heard, speech = [], []
    for n in range(12):
        begun = int(media.lines["beat"][2])
        media.lines["heard"][2, begun % RING] = 10 * (begun + 1)
        media.lines["speech"][2, begun % RING] = VOICED
        media.lines["beat"][2] += n != 0  # it is one beat behind
        media.beat(n * BEAT_S)
        sound = row.listen()
        heard += np.frombuffer(sound.pcm, np.int16).reshape(-1, FRAME)[:, 0].tolist()
        speech += sound.speech
    assert heard[1:] == [10 * n for n in range(1, 12)]
    assert speech == [SILENT] + 11 * [VOICED]


def test_loud_rows_together_are_clipped_and_never_wrap(media: Media) -> None:
    row = Row(media.agent, 1)
    media.main["agent_hears"][1, 0] = 2 + 1
    for name in (1, 2):
        media.lines["heard"][name] = -30_000
    media.lines["beat"][2] += 1
    media.lines["beat"][1] += 1
    assert (np.frombuffer(row.listen().pcm, np.int16) == -32_768).all()


def test_keys_are_read_once(media: Media) -> None:
    row = Row(media.agent, 1)
    for key in "5*#D":
        media.press(key)
    assert row.digits() == "5*#D"
    assert row.digits() == ""


def test_keys_pressed_before_it_are_the_first_agents_and_no_later_ones(media: Media) -> None:
    media.press("7")
    first, later = Row(media.agent, 1, fresh=True), Row(media.agent, 1)
    assert (first.digits(), later.digits()) == ("7", "")


def test_the_queue_holds_so_much_and_no_more(media: Media) -> None:
    row = Row(media.agent, 1)
    row.write(frames(QUEUE))
    assert row.room == 0
    with pytest.raises(ValueError, match="1 frames do not fit"):
        row.write(frames(1))
    media.beat(1.0)
    assert row.room == 1
    row.write(frames(1, 9))
    assert row.waiting == QUEUE
    assert [media.beat(1.0) for _ in range(QUEUE + 1)].count(True) == QUEUE
    assert row.waiting == 0


def test_the_queue_begins_again_where_it_ends(media: Media) -> None:
    row = Row(media.agent, 1)
    row.write(frames(QUEUE - 2))
    for _ in range(QUEUE - 2):
        media.beat(1.0)
    row.write(np.concatenate([frames(1, value) for value in (1, 2, 3, 4, 5)]))
    queue = media.lines["queue"][1]
    assert queue[[-2, -1, 0, 1, 2], 0].tolist() == queue[[-2, -1, 0, 1, 2], -1].tolist()
    assert queue[[-2, -1, 0, 1, 2], 0].tolist() == [1, 2, 3, 4, 5]


def test_when_a_frame_went_out(media: Media) -> None:
    row = Row(media.agent, 1)
    row.write(frames(5))
    assert row.said_at(0) is None
    for n in range(3):
        media.beat(20 + n * BEAT_S)
    assert row.said_at(0) == pytest.approx(20.0)
    assert row.said_at(2) == pytest.approx(20.04)
    assert row.said_at(3) is None


def test_hush_drops_the_rest_ends_the_pause_and_tells_what_was_played(media: Media) -> None:
    row = Row(media.agent, 1)
    row.interruptible(True)
    row.write(frames(10))
    for _ in range(4):
        media.beat(1.0)
    media.beat(1.0, speech=True)
    row.listen()
    assert row.paused
    assert row.hush() == 4
    assert not row.paused
    assert row.waiting == 0
    assert not media.beat(1.0)
    assert media.column("skipped") == 6
    row.write(frames(1))
    assert media.beat(1.0)


def test_a_pause_is_resumed_where_it_began(media: Media) -> None:
    row = Row(media.agent, 1)
    row.interruptible(True)
    row.write(np.arange(10, dtype=np.int16)[:, None].repeat(FRAME, 1))
    media.beat(1.0)
    media.beat(1.0, speech=True)
    assert not media.beat(1.0)
    row.listen()
    row.resume()
    assert media.beat(1.0)
    beat = media.column("beat") - 1
    assert media.lines["said"][1, beat % RING, 0] == 1


def test_a_pause_whose_cause_has_not_been_heard_yet_is_not_undone(media: Media) -> None:
    row = Row(media.agent, 1)
    row.interruptible(True)
    row.write(frames(5))
    media.beat(1.0)
    row.listen()
    media.set("paused_beat", media.column("beat"))  # media is in the middle of its beat
    media.set("pauses", 1)
    row.listen()
    assert not row.paused
    row.resume()
    assert media.paused
    media.beat(1.0, speech=True)
    row.listen()
    assert row.paused
    row.resume()
    assert not media.paused


def test_without_permission_nothing_pauses(media: Media) -> None:
    row = Row(media.agent, 1)
    row.interruptible(False)
    row.write(frames(2))
    assert media.beat(1.0, speech=True)
    assert not row.paused
