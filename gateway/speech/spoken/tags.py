"""Tags that a model may write for the voice: ``<flush/>``, ``<break time="500ms"/>``, ``<spell>``.

Whatever else stands in angle brackets is not said (the first of the documented formatters).
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

LONGEST_BREAK_S = 10.0
USUAL_BREAK_S = 0.5

_TAG = re.compile(
    r"<break(?:\s+(?:time=[\"'](?P<time>[\d.]+)(?P<unit>ms|s)[\"']|strength=[\"'][\w-]*[\"']))*\s*/?>"
    r"|<spell>(?P<spell>.*?)</spell>|<flush\s*/?>|</?[A-Za-z!][^<>]*>",
    re.IGNORECASE | re.DOTALL,
)

_NAME = re.compile(r"</?([A-Za-z][\w:-]*)")


@dataclass(frozen=True, slots=True)
class Words:
    """To be said; ``spelled``: letter by letter."""

    text: str
    spelled: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Markup:
    """A tag for the voice itself; of ``<spell>``, with what is spelled."""

    text: str


def parts(text: str, native: Collection[str] = ()) -> Iterator[Words | Pause | Markup]:
    """What is to be said, in order; ``native`` are the tags that the voice understands."""
    at = 0
    words = ""
    for tag in _TAG.finditer(text):
        words += text[at : tag.start()]
        at = tag.end()
        part = _meant(tag, native)
        if part is not None:
            if words.strip():
                yield Words(words)
            words = ""
            yield part
    words += text[at:]
    if words.strip():
        yield Words(words)


def _meant(tag: re.Match[str], native: Collection[str]) -> Words | Pause | Markup | None:
    named = _NAME.match(tag[0])
    name = named[1].lower() if named else ""
    if name in native:
        return Markup(tag[0])
    if name == "break":
        return Pause(_seconds(tag["time"], tag["unit"]))
    if tag["spell"] is not None:
        return Words(tag["spell"], spelled=True)
    return None


def without(text: str) -> str:
    """The text as a reader sees it."""
    return _TAG.sub(lambda tag: tag["spell"] or "", text)


def _seconds(time: str | None, unit: str | None) -> float:
    try:
        value = float(time) if time else USUAL_BREAK_S
    except ValueError:
        value = USUAL_BREAK_S
    return min(LONGEST_BREAK_S, value / 1000 if unit and unit.lower() == "ms" else value)
