"""Which passages are about a question: Okapi BM25 (Robertson and Zaragoza 2009), in memory."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

from gateway.api.tools.passages import Passage

K1, B = 1.5, 0.75  # the usual ones

_WORD = re.compile(r"[^\W_]+")
_CJK = re.compile(r"[぀-ヿ㐀-鿿가-힯]")


def terms(text: str) -> list[str]:
    """Words without case, accents and a plural's s; of a language without spaces, pairs of
    characters."""
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFC", plain)):
        if _CJK.search(word):
            found += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        else:
            found.append(word[:-1] if len(word) > 3 and word.endswith("s") else word)
    return found


class Index:
    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        counted = [Counter(terms(f"{one.file} {one.text}")) for one in passages]
        self._lengths = [count.total() for count in counted]
        self._average = sum(self._lengths) / max(1, len(counted)) or 1.0
        self._found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, count in enumerate(counted):
            for term, times in count.items():
                self._found[term].append((number, times))

    def search(self, question: str, most: int) -> list[Passage]:
        """The best first; none that shares no word with the question."""
        scores: dict[int, float] = defaultdict(float)
        for term in set(terms(question)):
            holders = self._found.get(term, ())
            rarity = math.log(1 + (len(self._passages) - len(holders) + 0.5) / (len(holders) + 0.5))
            for number, times in holders:
                length = self._lengths[number] / self._average
                scores[number] += rarity * times * (K1 + 1) / (times + K1 * (1 - B + B * length))
        best = sorted(scores, key=lambda number: (-scores[number], number))[:most]
        return [self._passages[number] for number in best]
