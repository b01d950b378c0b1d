"""A model's stream of text, cut into pieces that a voice can say, each as soon as it is whole.

Joined, the pieces are the text. A sentence is over at its stop once a space or a line's end has
been seen behind it: ``3.50``, ``e.g. this`` and a stop that may become an ellipsis wait for more.
"""

import re

SHORTEST = 10  # characters: less makes a voice sound clipped, and joins the next sentence
CLAUSE = 32  # characters after which the first piece may already go at a comma
LONGEST = 240  # characters after which any space will do

# A stop, what closes after it, and the space that proves it; or a stop of a script without
# spaces; or a line's end.
_STOP = re.compile(r"[.!?…]+[\"'”’»)\]]*\s|[。！？｡]+[」』）]*|\n")  # noqa: RUF001
_COMMA = re.compile(r"[,;:–—]\s|[，、；]")  # noqa: RUF001
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


class Sentences:
    """Feed it the stream; each call returns the pieces that are now complete."""

    def __init__(self) -> None:
        self._text = ""
        self._first = True

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
        for stop in _STOP.finditer(self._text):
            so_far = self._text[: stop.end()]
            if len(so_far.strip()) >= SHORTEST and not _abbreviates(so_far):
                return stop.end()
        if self._first:
            for comma in _COMMA.finditer(self._text, CLAUSE):
                return comma.end()
        if len(self._text) > LONGEST:
            space = self._text.rfind(" ", 0, LONGEST)
            return space + 1 if space > 0 else LONGEST
        return None
