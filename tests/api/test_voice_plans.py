"""``voice.chunkPlan`` and its ``formatPlan``, in our words."""

import pytest

from gateway.api.briefs import Unusable, from_assistant
from gateway.api.voice_plans import chunks, format_plan
from gateway.speech.spoken.plan import ChunkPlan, FormatPlan
from gateway.speech.spoken.writing import Writing

MODEL = {"provider": "custom-llm", "url": "http://x", "model": "m"}


def with_plan(**plan: object) -> dict[str, object]:
    return {"model": MODEL, "voice": {"provider": "embedded", "chunkPlan": plan}}


def with_format(**plan: object) -> dict[str, object]:
    return with_plan(formatPlan=plan)


def test_nothing_said_is_the_usual() -> None:
    assert chunks({}) == ChunkPlan()
    assert format_plan({}) == FormatPlan()
    assert format_plan({"voice": {"chunkPlan": None}, "transcriber": None}) == FormatPlan()


def test_chunks() -> None:
    plan = with_plan(enabled=False, minCharacters=12.0, punctuationBoundaries=[".", "。"])
    assert chunks(plan) == ChunkPlan(enabled=False, shortest=12, boundaries=(".", "。"))


def test_formats() -> None:
    plan = format_plan(with_format(numberToDigitsCutoff=0, formattersEnabled=["number"]))
    assert (plan.cutoff, plan.formatters) == (0, ("number",))
    assert not format_plan(with_format(enabled=False)).enabled


@pytest.mark.parametrize(
    ("replacement", "said"),
    [
        ({"type": "exact", "key": "a.b", "value": "X"}, "X a.b A.B axb"),
        ({"type": "exact", "key": "a.b", "value": "X", "replaceAllEnabled": True}, "X X A.B axb"),
        ({"type": "regex", "regex": "a.b", "value": "X"}, "X X A.B X"),
        (
            {"type": "regex", "regex": "A.B", "value": "X",
             "options": [{"type": "ignore-case", "enabled": True}]},
            "X X X X",
        ),
        (
            {"type": "regex", "regex": "a", "value": "X",
             "options": [{"type": "whole-word", "enabled": True}]},
            "X.b X.b A.B axb",
        ),
    ],
)  # fmt: skip
def test_replacements(replacement: dict[str, object], said: str) -> None:
    plan = format_plan(with_format(formattersEnabled=[], replacements=[replacement]))
    assert Writing(plan).spoken("a.b a.b A.B axb") == said


def test_a_pattern_that_is_none_is_named_before_any_call() -> None:
    wrong = with_format(replacements=[{"type": "regex", "regex": "(", "value": ""}])
    with pytest.raises(Unusable, match=r"voice.chunkPlan.formatPlan.replacements: '\('"):
        from_assistant(wrong)


def test_the_language_is_the_voice_s_else_the_transcriber_s() -> None:
    german = {"provider": "deepgram", "language": "de"}
    assert format_plan({"transcriber": german}).language == "de"
    assert format_plan({"transcriber": german, "voice": {"language": "fr"}}).language == "fr"
    assert format_plan({"transcriber": {"language": "multi"}}).language == "en"
