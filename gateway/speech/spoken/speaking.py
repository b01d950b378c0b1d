"""A voice that is given text as models write it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

from gateway.speech.contract import RATE, Mark, Speaking
from gateway.speech.spoken.plan import FormatPlan
from gateway.speech.spoken.tags import Markup, Pause, Words, parts, without
from gateway.speech.spoken.writing import Writing, spelled

BYTES_PER_S = RATE * 2


class Reading:
    """Implements ``Speaking`` around the vendor's own: formats the text, spells what is to be
    spelled and makes the pauses that tags ask for, unless the vendor understands the tag. Raises
    ConfigError for a plan that is wrong."""

    tags = ("break", "flush", "spell")

    def __init__(self, voice: Speaking, plan: FormatPlan) -> None:
        self._voice = voice
        self._writing = Writing(plan)
        self.vendor = voice.vendor

    async def open(self) -> None:
        await self._voice.open()

    async def speak(self, text: str) -> AsyncIterator[bytes | Mark]:
        whole = max(1, len(without(text)))
        said_s = read = 0.0
        for utterance, length in self._utterances(text):
            if isinstance(utterance, Pause):
                yield bytes(2 * int(utterance.seconds * RATE))
                said_s += utterance.seconds
                continue
            before_s = said_s
            async with aclosing(self._voice.speak(utterance)) as sound:  # type: ignore[type-var]
                async for piece in sound:
                    if isinstance(piece, Mark):
                        part = (read + piece.part * length) / whole
                        yield Mark(min(1.0, part), before_s + piece.at_s)
                    else:
                        said_s += len(piece) / BYTES_PER_S
                        yield piece
            read += length

    def _utterances(self, text: str) -> Iterator[tuple[str | Pause, int]]:
        """What the vendor is asked for, one after the other, with the length of what was written
        for it; and the pauses between."""
        said, length = "", 0
        for part in parts(text, self._voice.tags):
            match part:
                case Pause():
                    if _speakable(said):
                        yield said, length
                    yield part, 0
                    said, length = "", 0
                case Markup(text=tag):
                    said += tag
                    length += len(without(tag))
                case Words(text=words, spelled=letters):
                    spoken = spelled(words) if letters else self._writing.spoken(words)
                    said = _joined(said, spoken)
                    length += len(words)
        if _speakable(said):
            yield said, length

    async def close(self) -> None:
        await self._voice.close()


def _speakable(said: str) -> bool:
    return any(c.isalnum() for c in without(said))


def _joined(before: str, after: str) -> str:
    """Formatting takes the spaces at the edges."""
    gap = before and after and not before[-1].isspace() and not after[0].isspace()
    return f"{before} {after}" if gap else before + after
