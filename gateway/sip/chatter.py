"""What strangers make the log say is limited: a flood of nonsense must not fill the disk."""

from collections.abc import Callable
from typing import Any

from gateway.sip.bucket import Bucket
from gateway.sip.events import Note

CHEAP = ("dropped", "refused")  # what a stranger can have as often as it sends something
LINES_PER_S, BURST = 10.0, 200.0


class Chatter:
    """``friend`` knows the addresses of which every line counts."""

    def __init__(self, friend: Callable[[str], bool] = lambda host: False) -> None:
        self._friend = friend
        self._lines = Bucket(LINES_PER_S, BURST)
        self._missed = 0

    def facts(self, note: Note, now: float) -> dict[str, Any] | None:
        """What a line is to say besides the note's name, of lines left out before it, too
        (``also``); None: this one is left out."""
        source = note.facts.get("source")
        if note.what not in CHEAP or (isinstance(source, tuple) and self._friend(source[0])):
            return note.facts
        if not self._lines.take(now):
            self._missed += 1
            return None
        also, self._missed = self._missed, 0
        return note.facts | ({"also": also} if also else {})
