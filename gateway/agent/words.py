"""Is it a word, or only "mm-hm"? Texts as plain words, and sets of phrases to look for in them."""

import re
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")  # noqa: RUF001
# Scripts without spaces between the words.
_SPACELESS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")


def plain_words(text: str) -> list[str]:
    """The words, without case, punctuation, hyphens and apostrophes: "Uh-huh." is ["uhhuh"]."""
    return [re.sub(r"['’\-]", "", word).casefold() for word in _WORD.findall(text)]  # noqa: RUF001


def count_words(words: Iterable[str]) -> int:
    """How many those are to a listener: without spaces, two characters count as a word."""
    return sum(-(-len(_SPACELESS.findall(word)) // 2) or 1 for word in words)


class Phrases:
    """A set of phrases of one word or more."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = {tuple(plain_words(phrase)) for phrase in phrases} - {()}
        self._longest = max(map(len, self._phrases), default=0)

    def __contains__(self, word: object) -> bool:
        return (word,) in self._phrases

    def only(self, words: Sequence[str]) -> bool:
        """The words are made of nothing but these."""
        reached = {0}
        for end in range(1, len(words) + 1):
            if any(
                end - size in reached and tuple(words[end - size : end]) in self._phrases
                for size in range(1, min(self._longest, end) + 1)
            ):
                reached.add(end)
        return bool(words) and len(words) in reached

    def begin(self, words: Sequence[str]) -> bool:
        return any(tuple(words[:size]) in self._phrases for size in range(1, self._longest + 1))

    def end(self, words: Sequence[str]) -> bool:
        return any(tuple(words[-size:]) in self._phrases for size in range(1, self._longest + 1))

    def among(self, words: Sequence[str]) -> bool:
        """One of them occurs."""
        return any(self.begin(words[start:]) for start in range(len(words)))


def contains(text: str, phrases: Iterable[str]) -> str | None:
    """The first of ``phrases`` that ``text`` has in it, as whole words."""
    said = f" {' '.join(plain_words(text))} "
    return next((p for p in phrases if (w := plain_words(p)) and f" {' '.join(w)} " in said), None)
