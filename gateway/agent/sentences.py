"""A model's stream of text, cut into pieces that a voice can say, each as soon as it is whole.

Joined, the pieces are the text. A sentence is over at its stop once a space or a line's end has
been seen behind it: ``3.50``, ``e.g. this`` and a stop that may become an ellipsis wait for more.
"""

import re

from gateway.speech.spoken.plan import ChunkPlan

SHORTEST = 10  # characters: less makes a voice sound clipped, and joins the next sentence
CLAUSE = 32  # characters after which the first piece may already go at a comma
LONGEST = 240  # characters after which any space will do

# A stop, what closes after it, and the space that proves it; or a stop of a script without
# spaces; or a line's end. Besides Latin's: Arabic, Urdu, Hindi, Armenian and Ethiopic; Chinese and
# Japanese, Burmese, Khmer.
_STOP = re.compile(r"[.!?…؟۔।॥։።፧]+[\"'”’»)\]]*\s|[。！？｡။៕។]+[」』）]*|\n")  # noqa: RUF001
_COMMA = re.compile(r"[,;:–—،؛፣]\s|[，、；၊]")  # noqa: RUF001
_ABBREVIATIONS = frozenset(
    (  # noqa: SIM905
        "mr mrs ms dr prof st sr jr vs etc approx dept est fig inc ltd co nr tel ext "
        "e.g i.e a.m p.m u.s u.k jan feb mar apr jun jul aug sep sept oct nov dec "
        "z.b bzw usw d.h ca str hr fr evtl ggf"
    ).split()
)
_LAST_WORD = re.compile(r"([^\s(\"'“‘]+)\.\s$")  # noqa: RUF001


def _abbreviates(text: str) -> bool:
    """Whether the stop that ``text`` ends with belongs to its last word."""
    found = _LAST_WORD.search(text)
    if not found:
        return False
    word = found[1]
    return word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "I")


def _size(text: str) -> int:
    """Characters; one of Chinese, Japanese or Korean says as much as two letters."""
    return len(text) + sum(c >= "\u2e80" for c in text)


_FLUSH = re.compile(r"<flush\s*/?>", re.IGNORECASE)
_SPELL = re.compile(r"</?spell>", re.IGNORECASE)
_PLANNED = 30  # characters: the documented minimum of a plan that names its own boundaries


class Sentences:
    """Feed it the stream; each call returns the pieces that are now complete."""

    def __init__(self, plan: ChunkPlan = ChunkPlan()) -> None:  # noqa: B008  # it is frozen
        self._text = ""
        self._first = True
        self._enabled = plan.enabled
        self._stop, self._comma = _STOP, _COMMA
        self._shortest, self._clause = plan.shortest or SHORTEST, CLAUSE
        self._size = len if plan.shortest else _size  # what is documented counts characters
        if plan.boundaries is not None:
            self._stop = _planned(plan.boundaries)
            self._shortest = plan.shortest or _PLANNED
        if plan.shortest is not None or plan.boundaries is not None:
            self._clause = max(CLAUSE, self._shortest)

    def feed(self, text: str) -> list[str]:
        self._text += text
        pieces = []
        while (end := self._end()) is not None:
            pieces.append(self._text[:end])
            self._text = self._text[end:]
            self._first = False
        return pieces

    def finish(self) -> str:
        """What is left when the stream has ended; may be empty."""
        rest, self._text, self._first = self._text, "", True
        return rest

    def _end(self) -> int | None:
        """Where the first complete piece ends."""
        ends = [end for end in (self._flush(), self._break()) if end is not None]
        return min(ends, default=None)

    def _flush(self) -> int | None:
        """The model wants what it has written so far to be said at once."""
        tag = _FLUSH.search(self._text)
        return tag.end() if tag else None

    def _break(self) -> int | None:
        if not self._enabled:
            return None
        for stop in self._stop.finditer(self._text):
            so_far = self._text[: stop.end()]
            enough = self._size(so_far.strip()) >= self._shortest
            if enough and not _abbreviates(so_far) and not _spelling(so_far):
                return stop.end()
        if self._first:
            for comma in self._comma.finditer(self._text):
                enough = self._size(self._text[: comma.start()]) >= self._clause
                if enough and not _spelling(self._text[: comma.end()]):
                    return comma.end()
        if len(self._text) > LONGEST:
            space = self._text.rfind(" ", 0, LONGEST)
            return space + 1 if space > 0 else LONGEST
        return None


def _spelling(text: str) -> bool:
    """Whether a ``<spell>`` is open at the end."""
    tags = _SPELL.findall(text)
    return bool(tags) and "/" not in tags[-1]


def _planned(boundaries: tuple[str, ...]) -> re.Pattern[str]:
    """A mark of a script with spaces needs one behind it; ``3.50`` and ``10:30`` are no ends."""
    spaced = [re.escape(mark) for mark in boundaries if mark.isascii()]
    others = [re.escape(mark) for mark in boundaries if not mark.isascii()]
    ways = []
    if spaced:
        ways.append(rf"(?:{'|'.join(spaced)})+[\"'”’»)\]]*\s")  # noqa: RUF001
    if others:
        ways.append(rf"(?:{'|'.join(others)})[」』）]*\s?")  # noqa: RUF001
    return re.compile("|".join([*ways, r"\n"]))
