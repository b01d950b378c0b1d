"""How long the caller must be silent before the turn is over: every way of finding it out.

A rule of the owner's that matches comes first, then the chosen way. What depends on others (a
webhook, a transcriber that knows) has a limit, after which our own estimate takes its place.
"""

import re
from collections.abc import Callable

from gateway.agent import estimate
from gateway.agent.plans import Endpointing, Pattern
from gateway.agent.tongues import tongue_of
from gateway.agent.wait_function import wait_function
from gateway.agent.words import plain_words

ADVICE_S = 0.8  # how long a webhook may think
TRANSCRIBER_S = 3.0  # how long a transcriber that knows the end may be silent about it
_READ = 2000  # characters of a text that patterns and estimates look at


class EndOfTurn:
    """``asked`` gives the agent's last message; ``unheard_s`` is the wait while there is no word.

    ``sound`` is what the last pause sounded like, as log-odds of "goes on".
    """

    def __init__(
        self, plan: Endpointing, language: str, asked: Callable[[], str], unheard_s: float
    ) -> None:
        self.sound = 0.0
        self.ended = False  # the transcriber says so, of what was said last
        self.wants_advice = False  # to be taken notice of, and then set back, by who can ask
        self.question = 0  # the number of the last one asked
        self._plan = plan
        self._language = language
        self._asked = asked
        self._unheard_s = unheard_s
        self._rules = [
            (_compiled(r.assistant), _compiled(r.customer), r.wait_s) for r in plan.rules
        ]
        self._function = wait_function(plan.function) if plan.function else None
        self._consulted = ""  # the text that the server was asked about last
        self._consulted_at = 0.0
        self._advice: float | None = None
        self._trusted = True  # the transcriber has kept its word so far

    def wait_s(self, said: str, last_speech: float, now: float) -> float:
        """Seconds of silence after ``last_speech`` that make ``said`` a turn, as it seems now."""
        said = said[-_READ:]
        if not plain_words(said):
            return self._unheard_s
        asked = self._asked()[-_READ:]
        for assistant, customer, wait_s in self._rules:
            if (not assistant or assistant.search(asked)) and (
                not customer or customer.search(said)
            ):
                return wait_s
        match self._plan.by:
            case "text":
                return self._by_text(said)
            case "server":
                return self._advised(said, asked, last_speech, now)
            case "transcriber" if self.ended:
                return 0.0
            case "transcriber" if self._trusted:
                return TRANSCRIBER_S
        return self._estimated(said, asked)

    def went_on(self) -> None:
        """The caller speaks again, or anew."""
        self.ended = False
        self.sound = 0.0

    def taken(self) -> None:
        """The turn is over."""
        self._trusted = self.ended
        self._consulted, self._advice = "", None

    def advise(self, question: int, wait_s: float | None) -> None:
        """The server's answer; None: it has none."""
        if question == self.question:
            self._advice = wait_s
            self._consulted_at = float("-inf")  # it is not waited for any longer

    def _by_text(self, said: str) -> float:
        plan = self._plan
        if estimate.ends_in_number(said, tongue_of(self._language, plain_words(said))):
            return plan.number_s
        closed = estimate.ends_in_punctuation(said)
        return plan.punctuation_s if closed else plan.no_punctuation_s

    def _estimated(self, said: str, asked: str) -> float:
        tongue = tongue_of(self._language, plain_words(said))
        odds = estimate.log_odds(said, asked, tongue) + self.sound
        probability = estimate.likelihood(odds)
        if self._function:
            return self._function(probability) / 1000
        return estimate.wait_s(probability)

    def _advised(self, said: str, asked: str, last_speech: float, now: float) -> float:
        if said != self._consulted:
            self._consulted, self._consulted_at, self._advice = said, now, None
            self.question += 1
            self.wants_advice = True
        if self._advice is not None:
            return self._advice
        return max(self._estimated(said, asked), self._consulted_at + ADVICE_S - last_speech)


def _compiled(pattern: Pattern | None) -> re.Pattern[str] | None:
    return re.compile(pattern.regex, pattern.flags) if pattern else None
