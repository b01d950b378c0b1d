"""What a listener knows of a language: a small data file each, in ``tongues/``.

Its phrases help to tell whether somebody has finished; nothing is understood. A language without
a file is listened to by punctuation, digits and sound alone.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources

from gateway.agent.words import Phrases

_FILES = resources.files("gateway.agent") / "tongues"


@dataclass(frozen=True)
class Tongue:
    """Sets of phrases; ``endings`` are of a language that is written without spaces."""

    questions: Phrases  # begin a question
    fillers: Phrases  # said while thinking
    open: Phrases  # words that no sentence ends with
    leads: Phrases  # announce something: "my number is"
    holds: Phrases  # ask for time: "one moment"
    complete: Phrases  # are a whole answer
    numbers: Phrases
    spelling: Phrases  # belong to something spelled: "dot", "underscore"
    asks_number: Phrases  # in the agent's question: digits will be the answer
    asks_spelling: Phrases  # the same of letters
    endings: tuple[str, ...]
    acknowledgements: tuple[str, ...]
    interruptions: tuple[str, ...]


def _phrases(line: str) -> tuple[str, ...]:
    """Single words first, then phrases of several, between bars."""
    words, *phrases = line.split("|")
    return (*words.split(), *phrases)


@cache
def _known() -> tuple[str, ...]:
    return tuple(sorted(f.name.removesuffix(".toml") for f in _FILES.iterdir()))


@cache
def tongue(language: str) -> Tongue:
    """Of a language's tag in any of its usual forms: ``de``, ``en-US``, ``pt_BR``."""
    name = language.replace("_", "-").partition("-")[0].casefold()
    given: dict[str, str] = {}
    if name in _known():
        given = tomllib.loads((_FILES / f"{name}.toml").read_text("utf-8"))
    plain = {"endings", "acknowledgements", "interruptions"}
    lists = {f.name: _phrases(given.get(f.name, "")) for f in fields(Tongue)}
    # Each name has the type that Tongue gives it, which a dict cannot say.
    return Tongue(**{n: p if n in plain else Phrases(p) for n, p in lists.items()})  # type: ignore[arg-type]


def tongue_of(language: str, words: Iterable[str]) -> Tongue:
    """The same, but a transcriber that is set to several languages (``multi``) does not tell
    which one it heard: the one that knows most of the words."""
    if language not in ("multi", "auto"):
        return tongue(language or "en")
    words = list(words)

    def known(name: str) -> int:
        of = tongue(name)
        return sum(w in s for w in words for s in (of.open, of.questions, of.complete, of.numbers))

    return tongue(max(("en", *_known()), key=known))
