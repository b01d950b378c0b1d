"""A stream of text becomes pieces that can be spoken; nothing is lost or added."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agent.sentences import LONGEST, Sentences
from gateway.speech.spoken.plan import ChunkPlan


def pieces(*stream: str) -> list[str]:
    sentences = Sentences()
    made = [piece for text in stream for piece in sentences.feed(text)]
    return [*made, *filter(None, [sentences.finish()])]


def test_a_sentence_goes_as_soon_as_it_is_complete() -> None:
    sentences = Sentences()
    assert sentences.feed("It is noon.") == []
    assert sentences.feed(" What") == ["It is noon. "]
    assert sentences.feed(" else can I do?") == []
    assert sentences.finish() == "What else can I do?"


@pytest.mark.parametrize(
    "text",
    [
        "That makes 3.50 euros altogether",
        "Please ask Dr. Miller or Mrs. Jones about it",
        "We have many, e.g. this one, i.e. what you see",
        "Mail it to J. R. Tolkien at once",
        "Visit example.com or version 2.0.1 of it",
        "Well... maybe it is so",
    ],
)
def test_what_is_no_end_does_not_end_a_sentence(text: str) -> None:
    made = pieces(*(f"{word} " for word in text.split()))
    assert made in ([f"{text} "], ["Well... maybe it is so "])


def test_an_ellipsis_a_quote_and_a_bracket_belong_to_their_sentence() -> None:
    made = pieces("I do not know... Perhaps. ", 'He said "Come in." And (so they did.) Then left')
    assert made == [
        "I do not know... ",
        'Perhaps. He said "Come in." ',
        "And (so they did.) ",
        "Then left",
    ]


def test_short_sentences_are_joined() -> None:
    assert pieces("Yes. ", "Sure. ", "I do not know. ") == ["Yes. Sure. ", "I do not know. "]


def test_the_first_clause_goes_at_a_comma_when_it_is_long_enough() -> None:
    text = "Thank you very much for calling us today, I will look into it, and then call you. "
    made = pieces(*(f"{word} " for word in text.split()))
    assert made == [
        "Thank you very much for calling us today, ",
        "I will look into it, and then call you. ",
    ]


def test_a_text_without_any_stop_is_cut_at_a_space() -> None:
    made = pieces("word " * 200)
    assert all(len(piece) <= LONGEST for piece in made)
    assert all(piece.endswith(" ") for piece in made)


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        ("مرحبا بك في المتجر، كيف يمكنني مساعدتك؟ ", "نحن هنا."),
        ("هل تسمعني جيدا؟! ", "نعم"),
        ("میں آپ کی مدد کر سکتا ہوں۔ ", "جی"),  # noqa: RUF001
        ("שלום וברוכים הבאים. ", "איך אפשר לעזור?"),
        ("नमस्ते, मैं सुन रहा हूँ। ", "हाँ"),
        ("Բարեւ ձեզ, լսում եմ։ ", "Այո"),  # noqa: RUF001
        ("今天天气很好我们出去走走吧。", "你觉得怎么样呢,要不要一起去"),
        ("こんにちは、お電話ありがとう。", "ご用件は"),
        ("안녕하세요 고객님. ", "무엇을"),
        ("မင်္ဂလာပါ ခင်ဗျာ။", "ဟုတ်ကဲ့"),
        ("សួស្តីលោកអ្នក។", "បាទ"),
    ],
)
def test_every_script_has_its_stops(first: str, rest: str) -> None:
    assert pieces(*(first + rest)) == [first, rest]


def test_a_few_characters_of_chinese_say_as_much_as_a_line_of_latin() -> None:
    assert pieces("您好请说。", "我在听。") == ["您好请说。", "我在听。"]
    clause = "我们明天上午九点到下午五点都开门"
    assert pieces(f"{clause}，", "周末休息") == [f"{clause}，", "周末休息"]  # noqa: RUF001
    planned = Sentences(ChunkPlan(shortest=10))
    assert planned.feed("您好请说。我在听。") == []


@settings(deadline=None)
@given(st.lists(st.text(alphabet=st.sampled_from("aB1 .,!?…\n。\"')-"), max_size=40), max_size=30))
def test_joined_the_pieces_are_the_text(stream: list[str]) -> None:
    assert "".join(pieces(*stream)) == "".join(stream)


@settings(deadline=None)
@given(st.text(max_size=600), st.integers(1, 40))
def test_how_the_stream_is_cut_does_not_lose_anything(text: str, size: int) -> None:
    stream = [text[n : n + size] for n in range(0, len(text), size)]
    assert "".join(pieces(*stream)) == text


def cut(text: str, plan: ChunkPlan) -> list[str]:
    sentences = Sentences(plan)
    pieces = [piece for letter in text for piece in sentences.feed(letter)]
    return [piece for piece in [*pieces, sentences.finish()] if piece]


def test_a_flush_ends_a_piece_at_once() -> None:
    assert cut("Hm.<flush/> Let me see", ChunkPlan()) == ["Hm.<flush/>", " Let me see"]


def test_what_is_spelled_stays_together() -> None:
    text = "Your code is <spell>A. B. C. D.</spell> Keep it. Bye"
    assert cut(text, ChunkPlan()) == [
        "Your code is <spell>A. B. C. D.</spell> Keep it. ", "Bye",
    ]  # fmt: skip


def test_a_plan_names_the_marks_and_the_shortest_piece() -> None:
    text = "Well, first this; then that. At 10:30, or for 3.50, all of it."
    plan = ChunkPlan(shortest=5, boundaries=(",", ";"))
    assert cut(text, plan) == [
        "Well, ", "first this; ", "then that. At 10:30, ", "or for 3.50, ", "all of it.",
    ]  # fmt: skip
    assert cut("一二三，四五六。", ChunkPlan(shortest=2, boundaries=("，",))) == [  # noqa: RUF001
        "一二三，", "四五六。",  # noqa: RUF001
    ]  # fmt: skip
    longer = ChunkPlan(boundaries=(".",))
    assert cut("One two. Three four five six seven. Eight.", longer) == [
        "One two. Three four five six seven. ", "Eight.",
    ]  # fmt: skip


def test_no_chunks_means_the_whole_text() -> None:
    assert cut("One sentence. And another.", ChunkPlan(enabled=False)) == [
        "One sentence. And another."
    ]
