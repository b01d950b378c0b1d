"""Tags that a model may write for the voice: ``<flush/>``, ``<break time="500ms"/>``, ``<spell>``.

Whatever else stands in angle brackets is not said (the first of the documented formatters).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_BREAK_S = 10.0
USUAL_BREAK_S = 0.5

_TAG = re.compile(
    r"<break(?:\s+(?:time=[\"'](?P<time>[\d.]+)(?P<unit>ms|s)[\"']|strength=[\"'][\w-]*[\"']))*\s*/?>"
    r"|<spell>(?P<spell>.*?)</spell>|<flush\s*/?>|</?[A-Za-z!][^<>]*>",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Words:
    """To be said; ``spelled``: letter by letter."""

    text: str
    spelled: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


def parts(text: str) -> Iterator[Words | Pause]:
    """What is to be said, in order."""
    at = 0
    words = ""
    for tag in _TAG.finditer(text):
        words += text[at : tag.start()]
        at = tag.end()
        name = tag[0].lower()
        if name.startswith("<break"):
            if words.strip():
                yield Words(words)
            words = ""
            yield Pause(_seconds(tag["time"], tag["unit"]))
        elif tag["spell"] is not None:
            if words.strip():
                yield Words(words)
            words = ""
            yield Words(tag["spell"], spelled=True)
    words += text[at:]
    if words.strip():
        yield Words(words)


def without(text: str) -> str:
    """The text as a reader sees it."""
    return _TAG.sub(lambda tag: tag["spell"] or "", text)


def _seconds(time: str | None, unit: str | None) -> float:
    try:
        value = float(time) if time else USUAL_BREAK_S
    except ValueError:
        value = USUAL_BREAK_S
    return min(LONGEST_BREAK_S, value / 1000 if unit and unit.lower() == "ms" else value)
