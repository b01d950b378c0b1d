"""Which words lie before a frame of the queue."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agent.conversation import Entry
from gateway.agent.reply import Reply, cut
from gateway.media.lines import FRAME


def sound(frames: int) -> bytes:
    return np.ones(frames * FRAME, np.int16).tobytes()


def reply(*pieces: tuple[str, int], entry: Entry | None = None) -> tuple[Reply, int]:
    """A reply all of which is in the queue, from frame 100 on; and where it ends."""
    made = Reply()
    at = 100
    for text, frames in pieces:
        piece = made.add(text, entry)
        piece.sound(sound(frames))
        piece.end()
    while (frames_ := made.take(7, at)) is not None:
        at += len(frames_)
    return made, at


def test_a_text_is_cut_at_the_border_of_a_word() -> None:
    text = "one two three"
    assert cut(text, 0.0) == ""
    assert cut(text, 2 / 13) == ""
    assert cut(text, 3 / 13) == "one"
    assert cut(text, 6 / 13) == "one "
    assert cut(text, 7 / 13) == "one two"
    assert cut(text, 12 / 13) == "one two "
    assert cut(text, 1.0) == text


def test_a_script_without_spaces_is_cut_anywhere() -> None:
    assert cut("今天天气很好", 0.5) == "今天天"


@settings(deadline=None)
@given(st.text(), st.floats(0, 1))
def test_what_is_cut_is_a_beginning_and_breaks_no_word(text: str, part: float) -> None:
    heard = cut(text, part)
    assert text.startswith(heard)
    assert len(heard) <= len(text) * part + 1
    rest = text[len(heard) :]
    if heard and rest and any(c.isspace() for c in text.strip()):
        assert heard[-1].isspace() or rest[0].isspace()


def test_whole_pieces_and_a_part_of_the_next_are_heard() -> None:
    made, end = reply(("One two. ", 50), ("Three four. ", 60), ("Five.", 20))
    assert end == 230
    assert made.heard(100) == ""
    assert made.heard(150) == "One two."
    assert made.heard(180) == "One two. Three"
    assert made.heard(210) == "One two. Three four."
    assert made.heard(end) == "One two. Three four. Five."


@settings(deadline=None)
@given(st.integers(0, 400))
def test_more_frames_never_mean_fewer_words(upto: int) -> None:
    made, _ = reply(("One two three. ", 50), ("Four five six. ", 77))
    assert made.heard(upto + 1).startswith(made.heard(upto))


def test_a_piece_whose_voice_is_still_speaking_is_guessed_by_its_length() -> None:
    made = Reply()
    piece = made.add("Ten words of which only the first few were heard.")
    piece.sound(sound(40))
    made.take(40, 0)
    heard = made.heard(40)  # 0.8 s, at 15 characters a second
    assert heard == "Ten words of"


def test_the_messages_are_shortened_and_fillers_belong_to_none() -> None:
    entry = Entry("assistant", "One two. Never heard.")
    made, _ = reply(("One two. ", 50), ("Never heard.", 50), entry=entry)
    assert made.cut(152) == [entry]
    assert entry.content == "One two."


def test_a_last_frame_is_filled_up_with_silence() -> None:
    made = Reply()
    piece = made.add("Hm.")
    piece.sound(b"\1\0" * (FRAME + 3))
    piece.end()
    frames = [f for _ in range(2) if (f := made.take(5, 0)) is not None]
    assert sum(map(len, frames)) == 2
    assert frames[-1][-1][:3].tolist() == [1, 1, 1]
    assert not frames[-1][-1][3:].any()
    assert made.over


@settings(deadline=None)
@given(st.lists(st.binary(max_size=3000), max_size=8))
def test_sound_in_pieces_of_any_size_is_all_there(pieces: list[bytes]) -> None:
    made = Reply()
    piece = made.add("text")
    for pcm in pieces:
        piece.sound(pcm)
    piece.end()
    got = b""
    while (frames := made.take(3, 0)) is not None:
        got += frames.tobytes()
    sent = b"".join(pieces)
    assert got.startswith(sent)
    assert not got[len(sent) :].strip(b"\0")
