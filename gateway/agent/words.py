"""Is it a word, or only "mm-hm"?"""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")  # noqa: RUF001


def plain_words(text: str) -> list[str]:
    """The words, without case, punctuation, hyphens and apostrophes: "Uh-huh." is ["uhhuh"]."""
    return [re.sub(r"['’\-]", "", word).casefold() for word in _WORD.findall(text)]  # noqa: RUF001


class Acknowledgements:
    """Tells whether a text is made of nothing but words that mean "go on"."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = {tuple(plain_words(phrase)) for phrase in phrases} - {()}
        self._longest = max(map(len, self._phrases), default=0)

    def only(self, words: list[str]) -> bool:
        reached = {0}
        for end in range(1, len(words) + 1):
            if any(
                end - size in reached and tuple(words[end - size : end]) in self._phrases
                for size in range(1, min(self._longest, end) + 1)
            ):
                reached.add(end)
        return bool(words) and len(words) in reached


def contains(text: str, phrases: Iterable[str]) -> str | None:
    """The first of ``phrases`` that ``text`` has in it, as whole words."""
    said = f" {' '.join(plain_words(text))} "
    return next((p for p in phrases if (w := plain_words(p)) and f" {' '.join(w)} " in said), None)
