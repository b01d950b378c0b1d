"""Expected phrases as a word graph for a recogniser that knows only what it is told to expect.

A graph is arcs between numbered states: state 0 begins, state 1 ends. ``<digits>`` in a phrase
stands for one or more spoken digits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.speech.script import DIGITS, SPOKEN, words

Arc = tuple[int, int, float, str]  # from, to, probability, word
START, END = 0, 1
MORE_DIGITS = 0.05  # how likely another digit follows; more, and noise is heard as digits


@dataclass(frozen=True)
class Graph:
    arcs: tuple[Arc, ...]
    phrases: frozenset[str]
    digits: bool

    def whole(self, text: str) -> bool:
        """Whether ``text`` is a way from beginning to end, and not a piece of one."""
        return text in self.phrases or (
            self.digits and bool(text) and all(word in SPOKEN for word in text.split())
        )


def graph(phrases: Sequence[str], known: Callable[[str], bool]) -> Graph:
    """The graph of those phrases whose every word is ``known``; the others cannot be heard."""
    digits = DIGITS in phrases
    spoken = {words(phrase) for phrase in phrases if phrase != DIGITS}
    usable = sorted(phrase for phrase in spoken if phrase and all(map(known, phrase)))
    share = 1 / (len(usable) + digits) if usable or digits else 0.0
    arcs: list[Arc] = []
    free = END + 1
    for phrase in usable:
        here = START
        for n, word in enumerate(phrase):
            there = END if n == len(phrase) - 1 else free
            free += there == free
            arcs.append((here, there, share if here == START else 1.0, word))
            here = there
    if digits:
        each = 1 / len(SPOKEN)
        for word in SPOKEN:
            arcs.append((START, free, share * each * MORE_DIGITS, word))
            arcs.append((free, free, each * MORE_DIGITS, word))
            arcs.append((free, END, each * (1 - MORE_DIGITS), word))
            arcs.append((START, END, share * each * (1 - MORE_DIGITS), word))
    return Graph(tuple(arcs), frozenset(map(" ".join, usable)), digits)
