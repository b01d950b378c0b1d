"""What a voice is to say of what a model writes: every documented formatter, and tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.speech.spoken.formatters import FORMATTERS
from gateway.speech.spoken.numbers import cardinal, ordinal
from gateway.speech.spoken.plan import FormatPlan, Replacement
from gateway.speech.spoken.speaking import Reading
from gateway.speech.spoken.tags import Pause, Words, parts, without
from gateway.speech.spoken.writing import Writing


def spoken(text: str, *formatters: str, **plan: object) -> str:
    given = {"formatters": formatters or None} | plan
    return Writing(FormatPlan.model_validate(given)).spoken(text)


@pytest.mark.parametrize(
    ("formatter", "written", "said"),
    [
        ("markdown", "**Wanted**: `x` and [here](http://a.b/c)", "Wanted: x and here"),
        ("markdown", "# Title\n- one\n2. two", "Title\none\ntwo"),
        ("markdown", "a_b and __c__ and _d_", "a_b and c and d"),
        ("markdown", "3 * 4 * 5", "3 * 4 * 5"),
        ("asterisk", "Well, *sighs* no.", "Well, no."),
        ("asterisk", "3 * 4 * 5", "3 * 4 * 5"),
        ("quote", 'She said "no".', "She said no."),
        ("dash", "One \u2014 two \u2013 three - four", "One, two, three, four"),
        ("dash", "well-known", "well-known"),
        ("newline", "One\nTwo.\n\nThree", "One. Two. Three"),
        ("newline", "你好。\n再见\nكيف حالك؟\nनमस्ते।\nहाँ", "你好。 再见. كيف حالك؟ नमस्ते। हाँ"),
        ("colon", "The price: 5", "The price. 5"),
        ("colon", "at 10:30", "at 10:30"),
        ("acronym", "NASA and .NET and FBI", "nasa and dot NET and FBI"),
        ("dollarAmount", "$42.50", "forty two dollars and fifty cents"),
        ("dollarAmount", "$1", "one dollar"),
        ("dollarAmount", "£1,200.05", "one thousand two hundred pounds and five pence"),
        ("dollarAmount", "$3.5 million", "three point five million dollars"),
        ("dollarAmount", "costs $5.", "costs five dollars."),
        ("email", "JOHN.DOE@example.COM", "JOHN dot DOE at example dot COM"),
        ("email", "a_b+c@my-host.org.", "a underscore b plus c at my dash host dot org."),
        ("date", "2023-05-10", "Wednesday, May tenth, twenty twenty three"),
        ("date", "2023 13 10", "2023 13 10"),
        ("time", "14:00", "two P M"),
        ("time", "9:05 a.m.", "nine oh five A M"),
        ("time", "It's 3:00", "It's three o'clock"),
        ("time", "10:30, or 25:00", "ten thirty, or 25:00"),
        ("distance", "5km or 1 mi", "five kilometers or one mile"),
        ("distance", "80 km/h", "eighty kilometers per hour"),
        ("unit", "43 lb and 2.5 GB", "forty three pounds and two point five gigabytes"),
        ("unit", "20°C", "twenty degrees Celsius"),
        ("percentage", "50% of 2.5%", "fifty percent of two point five percent"),
        ("phoneNumber", "call 123-456-7890", "call 1 2 3, 4 5 6, 7 8 9 0"),
        ("phoneNumber", "+49 (30) 1234-567", "plus 4 9, 3 0, 1 2 3 4, 5 6 7"),
        ("number", "-9, 2.5 and 2023", "minus nine, two point five and two thousand twenty three"),
        ("number", "room 3071", "room 3 0 7 1"),
        ("number", "1,234,567", "one million two hundred thirty four thousand five hundred sixty"
         " seven"),
        ("number", "agent 007 in B2", "agent 0 0 7 in B2"),
        ("number", "version 1.2.3", "version 1.2.3"),
        ("stripAsterisk", "5 * 3", "5  3"),
    ],
)  # fmt: skip
def test_each_formatter(formatter: str, written: str, said: str) -> None:
    assert spoken(written, formatter) == said


def test_the_documented_example_as_a_whole() -> None:
    text = "**Hello**, your order of $42.50 ships on 2023-05-10.\nCall 123-456-7890: 50% off 5km"
    assert spoken(text) == (
        "Hello, your order of forty two dollars and fifty cents ships on Wednesday, May tenth, "
        "twenty twenty three. Call one two three, four five six, seven eight nine zero. fifty "
        "percent off five kilometers"
    )


def test_figures_are_left_to_a_voice_of_another_language() -> None:
    assert spoken("**Hallo**, 50% von 5km:", language="de") == "Hallo, 50% von 5km."


def test_what_is_off_by_default_and_what_the_plan_turns_off() -> None:
    assert spoken('*smiles* "so" – yes') == 'smiles "so" – yes'  # noqa: RUF001
    assert spoken("**5**", enabled=False) == "**5**"
    assert spoken("5 and 7", cutoff=6) == "five and 7"


def test_replacements_come_last() -> None:
    plan = FormatPlan(
        formatters=("number",),
        replacements=(
            Replacement(pattern="five", value="FIVE", all=False),
            Replacement(pattern=r"\bacme\b", value=r"A\1C", flags=("ignore-case",)),
        ),
    )
    assert Writing(plan).spoken("5 5 ACME") == r"FIVE five A\1C"


def test_a_plan_that_is_wrong_names_what() -> None:
    with pytest.raises(ConfigError, match="there is no shouting"):
        spoken("x", "shouting")
    with pytest.raises(ConfigError, match="replacements: '\\('"):
        Writing(FormatPlan(replacements=(Replacement(pattern="(", value=""),)))


def test_number_words() -> None:
    assert cardinal(0) == "zero"
    assert cardinal(1_000_110) == "one million one hundred ten"
    assert [ordinal(n) for n in (1, 2, 12, 20, 31)] == [
        "first", "second", "twelfth", "twentieth", "thirty first",
    ]  # fmt: skip


@given(st.text(), st.integers(0, 10**6))
def test_no_text_breaks_a_formatter(text: str, cutoff: int) -> None:
    for formatter in FORMATTERS.values():
        formatter(text, cutoff)
    list(parts(text))


@given(st.text(alphabet="0123456789.,-−$€%:/@+ ()akmgbAPM*_\n", max_size=40))  # noqa: RUF001
def test_nor_does_a_text_full_of_marks(text: str) -> None:
    for formatter in FORMATTERS.values():
        formatter(text, 2025)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hi <break time='500ms'/> there", [Words("Hi "), Pause(0.5), Words(" there")]),
        ('<break time="2s"/>', [Pause(2.0)]),
        ("<break/>", [Pause(0.5)]),
        ("<break time='1.2.3s'>x", [Pause(0.5), Words("x")]),
        ("<break time='999s'/>", [Pause(10.0)]),
        ("Code <spell>AB1</spell>!", [Words("Code "), Words("AB1", spelled=True), Words("!")]),
        ("One<flush/> two<flush />", [Words("One two")]),
        ("<emotion>so <b>good</b></emotion>", [Words("so good")]),
        ("3 < 5 and 7 > 2", [Words("3 < 5 and 7 > 2")]),
    ],
)
def test_tags(text: str, said: list[Words | Pause]) -> None:
    assert list(parts(text)) == said


def test_a_reader_sees_no_tags() -> None:
    assert without("Hi <break time='1s'/>you <spell>AB</spell><flush/>") == "Hi you AB"


class Voice:
    vendor = "tests"
    tags = ()

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def open(self) -> None: ...

    async def speak(self, text: str):
        self.asked.append(text)
        yield b"ab"

    async def close(self) -> None: ...


async def test_a_voice_gets_plain_words_and_pauses_are_silence() -> None:
    voice = Voice()
    reading = Reading(voice, FormatPlan())
    text = "**Hi** <break time='20ms'/> code <spell>A1</spell> <break time='20ms'/> ."
    sound = [pcm async for pcm in reading.speak(text)]
    assert voice.asked == ["Hi ", " code A 1"]
    assert sound == [b"ab", bytes(640), b"ab", bytes(640)]
