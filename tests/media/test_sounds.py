"""What is played to a line: tones, hold music, a background that ducks; and listening in."""

import numpy as np
import pytest

from gateway.errors import NoRoom
from gateway.media.ambience import hold_music, office
from gateway.media.lines import FRAME, STOCK
from gateway.media.sounds import Sound, Sounds
from gateway.rtp.tones import BEEP, BUSY, RINGBACK
from gateway_codecs import CODECS


def played(stage, row: int, beats: int) -> np.ndarray:
    for _ in range(beats):
        stage.run()
    return stage.ring("said", row, beats)


def rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(sound.astype(float) ** 2)))


def steps(frames: int) -> np.ndarray:
    """Each frame holds its number, a hundred times."""
    return np.repeat(np.arange(1, frames + 1) * 100, FRAME).astype(np.int16)


def numbers(sound: np.ndarray) -> list[int]:
    return [int(frame[-1]) // 100 for frame in sound.reshape(-1, FRAME)]


@pytest.mark.parametrize(("name", "tone"), [("ringback", RINGBACK["us"]), ("busy", BUSY["us"])])
def test_a_tone_is_heard_over_and_over_until_it_is_stopped(stage, name: str, tone) -> None:
    line = stage.open(0)
    line.tone(name)
    stage.run()  # it is taken up
    beats = min(len(tone) + 3, 90)
    sound = played(stage, 0, beats).reshape(-1, FRAME)
    wanted = tone[np.arange(beats) % len(tone)]
    assert np.array_equal(sound[1:], wanted[1:])
    line.stop()
    assert not played(stage, 0, 3)[FRAME:].any()
    assert stage.main["mixes"][0] == 0


def test_a_beep_is_heard_once(stage) -> None:
    line = stage.open(0)
    line.tone("beep")
    assert line.playing
    sound = played(stage, 0, 1 + 2 * len(BEEP)).reshape(-1, FRAME)
    assert np.array_equal(sound[2 : 1 + len(BEEP)], BEEP[1:])
    assert not sound[1 + len(BEEP) :].any()
    assert not line.playing


def test_there_is_no_tone_of_another_name(stage) -> None:
    with pytest.raises(KeyError):
        stage.open(0).tone("hold")


def test_the_tones_are_those_of_the_region(stage) -> None:
    sounds = Sounds(stage.main, "eu")
    assert sounds.of("ringback").frames == len(RINGBACK["eu"])


def test_a_loop_goes_on_where_it_was_when_another_process_takes_over(stage) -> None:
    line = stage.open(0)
    line.play(line.sounds.add("steps", steps(7)))
    assert numbers(played(stage, 0, 6)) == [0, 1, 2, 3, 4, 5]
    stage.another_process()
    assert numbers(played(stage, 0, 4)) == [6, 7, 1, 2]


def test_another_sound_takes_the_place_of_the_first_without_a_click(stage) -> None:
    line = stage.open(0)
    line.play(line.sounds.add("high", np.full(20 * FRAME, 9000, np.int16)))
    played(stage, 0, 5)
    line.play(line.sounds.add("low", np.full(20 * FRAME, -9000, np.int16)))
    sound = played(stage, 0, 5).astype(int)
    assert sound[-1] == -9000
    assert np.abs(np.diff(sound)).max() < 100


def test_a_background_is_softer_while_the_agent_speaks_and_comes_back_slowly(stage) -> None:
    line = stage.open(0)
    line.background(line.sounds.add("hum", np.full(FRAME, 4000, np.int16)), gain_db=0)
    alone = played(stage, 0, 90)[-1]
    assert alone == pytest.approx(4000, rel=0.03)
    voice = np.tile(np.int16([1000, -1000]), 30 * FRAME // 2)
    stage.say(0, voice)
    together = played(stage, 0, 25)[-FRAME:]
    assert float(together.mean()) == pytest.approx(4000 * 0.35, rel=0.05)
    assert rms(together - together.mean()) == pytest.approx(1000, rel=0.01)
    after = played(stage, 0, 90).astype(int)
    assert after[-1] == pytest.approx(4000, rel=0.05)
    assert np.abs(np.diff(after[6 * FRAME :])).max() < 50


def test_the_background_is_back_after_hold_music_and_gone_when_it_is_taken_away(stage) -> None:
    line = stage.open(0)
    line.background(line.sounds.add("hum", np.full(FRAME, 4000, np.int16)), gain_db=0)
    line.play(line.sounds.add("steps", steps(50)))
    assert numbers(played(stage, 0, 4))[1:] == [1, 2, 3]
    line.stop()
    assert played(stage, 0, 90)[-1] == pytest.approx(4000, rel=0.05)
    line.background(None)
    assert not played(stage, 0, 3)[FRAME:].any()


def test_a_background_that_is_chosen_during_hold_music_waits_for_its_end(stage) -> None:
    line = stage.open(0)
    line.play("hold")
    line.background("office")
    assert stage.main["play_at"][0] == line.sounds.of("hold").at
    line.stop()
    assert stage.main["play_at"][0] == line.sounds.of("office").at


@pytest.mark.parametrize("make", [hold_music, office])
def test_a_built_in_sound_is_whole_frames_without_a_seam(make) -> None:
    sound = make().astype(int)
    assert len(sound) % FRAME == 0
    assert 5000 < np.abs(sound).max() < 10_000
    usual = np.percentile(np.abs(np.diff(sound)), 99.9)
    assert abs(sound[0] - sound[-1]) <= usual


def test_what_nobody_plays_gives_way_and_what_is_played_does_not(stage) -> None:
    line = stage.open(0)
    third = np.ones(STOCK // 3 * FRAME, np.int16)
    line.play(line.sounds.add("first", third))
    for name in ("second", "third"):
        line.sounds.add(name, third)
    assert line.sounds.add("fourth", third).at == STOCK // 3
    assert "second" not in line.sounds
    assert line.sounds.of("first") == Sound(0, STOCK // 3)
    with pytest.raises(NoRoom, match="do not fit"):
        line.sounds.add("huge", np.ones(STOCK * FRAME, np.int16))


def test_an_empty_sound_is_refused(stage) -> None:
    with pytest.raises(ValueError, match="empty"):
        Sounds(stage.main).add("nothing", np.empty(0, np.int16))


def test_listening_in_gives_both_sides_once_and_in_order(stage) -> None:
    line = stage.open(0)
    stage.hear(0, np.full(160 * 3, 500, np.int16))
    tap = line.listen()
    assert tap.stereo().shape == (0, 2)
    stage.say(0, steps(4))
    stage.hear(0, np.full(160 * 4, 500, np.int16))
    both = tap.stereo()
    assert both.shape == (4 * FRAME, 2)
    assert np.array_equal(both[:, 0], stage.ring("heard", 0, 4))
    assert np.array_equal(both[:, 1], stage.ring("said", 0, 4))
    assert tap.stereo().shape == (0, 2)


def test_listening_in_to_both_as_one_is_clipped_and_never_wraps(stage) -> None:
    line = stage.open(0)
    tap = line.listen()
    loud = CODECS[0].encode(np.full(160, 30_000, np.int16)).tobytes()
    for _ in range(6):
        stage.say(0, np.full(FRAME, 30_000, np.int16))
        stage.run(stage.rtp(0, loud))
    assert (tap.mixed()[-FRAME:] == 32_767).all()


def test_listening_in_too_late_gives_silence_and_keeps_time(stage) -> None:
    tap = stage.open(0).listen()
    stage.say(0, steps(100))
    for _ in range(150):
        stage.run()
    assert len(tap.mixed()) == 150 * FRAME


def test_who_listens_in_hears_nothing_of_the_next_call_on_the_row(stage) -> None:
    line = stage.open(0)
    with line.listen() as tap:
        line.part()
        stage.run()
        assert len(tap.mixed()) == 0


def test_a_line_knows_how_many_follow_it(stage) -> None:
    line = stage.open(0)
    with line.listen(), line.listen() as second:
        assert stage.main["followers"][0] == 2
        second.close()
        assert stage.main["followers"][0] == 1
    assert stage.main["followers"][0] == 0
