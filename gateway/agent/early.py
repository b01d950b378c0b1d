"""A reply that the model begins before it is certain that the caller has finished.

What comes of it is held here: nothing of it is said, shown or called until the turn machine has
decided that it is a turn, and of these very words. Else it is thrown away, and has cost what it
cost.
"""

from collections.abc import Sequence

from gateway.agent.mind import Mind
from gateway.agent.report import Report
from gateway.agent.words import plain_words
from gateway.speech.contract import Called, Finished, Message, Said, Tool

TRIES = 2  # requests in one turn of the caller; who goes on and on is waited for instead


class Early:
    def __init__(self, mind: Mind, report: Report) -> None:
        self._mind = mind
        self._report = report
        self._words: list[str] = []  # that it answers; none: there is no such reply
        self._began_at = 0.0
        self._held: list[Said | Called | Finished] = []
        self._tries = 0

    @property
    def running(self) -> bool:
        """There is a reply that nobody has asked for yet."""
        return bool(self._words)

    def wanted(self, text: str, now: float) -> bool:
        """Whether a reply to ``text`` is worth beginning. One to other words is thrown away."""
        self.doubt(text, now)
        return bool(plain_words(text)) and not self.running and self._tries < TRIES

    def begin(
        self, text: str, messages: Sequence[Message], tools: Sequence[Tool], now: float, fast: bool
    ) -> None:
        self._tries += 1
        self._words, self._began_at, self._held = plain_words(text), now, []
        self._mind.ask(messages, tools, now, fast=fast)

    def hold(self, delta: Said | Called | Finished) -> bool:
        """Keep a piece of the model's message back; False: it is one that was asked for."""
        if self.running:
            self._held.append(delta)
        return self.running

    def doubt(self, text: str, now: float) -> None:
        """The caller has said this by now: other words, however written, want another reply."""
        if self.running and plain_words(text) != self._words:
            self.forget(now)

    def forget(self, now: float) -> None:
        if self.running:
            self._mind.cancel()
            self._over(False, now)

    def take(self, text: str, now: float) -> list[Said | Called | Finished] | None:
        """It is the caller's turn that ``text`` is over: what there is of the reply, the rest of
        which comes as any does. None: there is none to this."""
        self.doubt(text, now)
        self._tries = 0
        if not self.running:
            return None
        self._over(True, now)
        return self._held

    def _over(self, kept: bool, now: float) -> None:
        self._words = []
        self._report.happened("early_reply", now, kept=kept, after_s=now - self._began_at)
