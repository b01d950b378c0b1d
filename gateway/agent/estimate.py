"""Has the caller finished? How likely it is that they go on, by the words and by the sound.

A sum of log-odds: each habit of talking adds or takes away. The weights were set by hand and
checked against the dialogues of ``tests/agent/dialogues.toml``; ``docs/turns.md`` has the curves.
"""

import math
from collections.abc import Sequence

from gateway.agent.tongues import Tongue
from gateway.agent.words import plain_words

# Sentence ends of the scripts that transcribers write, and marks of a sentence that goes on.
_QUESTION = tuple("?？؟;՞፧")  # noqa: RUF001
_STOP = tuple(".!。！｡।॥۔։።။។")  # noqa: RUF001
_PAUSE = tuple(",:，、：،؛-–—…‥")  # noqa: RUF001
_WHOLE_NUMBER = 10  # digits; what is longer than this is seldom asked for by telephone


def _ends(text: str) -> str:
    text = text.rstrip(" \"'”’»)")  # noqa: RUF001
    if text.endswith(("...", *_PAUSE)):
        return "pause"
    if text.endswith(_QUESTION):
        return "question"
    return "stop" if text.endswith(_STOP) else ""


def _digits(words: Sequence[str], tongue: Tongue) -> int:
    """How many digits the words end with."""
    count = 0
    for word in reversed(words):
        if word.isdigit():
            count += len(word)
        elif word in tongue.numbers:
            count += 1
        else:
            break
    return count


def ends_in_number(text: str, tongue: Tongue) -> bool:
    return _digits(plain_words(text), tongue) > 0


def ends_in_punctuation(text: str) -> bool:
    return _ends(text) in ("stop", "question")


def log_odds(text: str, asked: str, tongue: Tongue) -> float:
    """Of "the caller goes on" against "the turn is over", by the words so far and what the agent
    has ``asked``. 0 is undecided."""
    words, ending = plain_words(text), _ends(text)
    if not words:
        return 0.0
    odds = -0.4 + {"stop": -1.2, "question": -2.0, "pause": 2.0, "": 0.0}[ending]
    closed = ending in ("stop", "question")
    if tongue.holds.end(words):
        odds += 3.6
    elif tongue.leads.end(words):
        odds += 3.4 if not closed else 2.6
    elif tongue.fillers.end(words) and not tongue.complete.only(words):
        odds += 2.6
    elif tongue.complete.only(words):
        odds -= 1.8
    elif tongue.complete.end(words):
        odds -= 1.2
    elif words[-1] in tongue.open:
        # A stop is what some transcribers put wherever the voice pauses.
        odds += 1.0 if closed else 2.8
    elif tongue.questions.begin(words) and len(words) > 2:
        odds -= 1.0
    if tongue.endings and not closed and words[-1].endswith(tongue.endings):
        odds += 0.0 if tongue.complete.only(words) else 2.0
    if "@" in text.split()[-1]:
        return odds - 0.6  # the transcriber has put the whole address together
    return odds + _dictated(words, plain_words(asked), tongue)


def _dictated(words: Sequence[str], asked: Sequence[str], tongue: Tongue) -> float:
    """Numbers and letters come in groups, and the pauses between them are no end."""
    digits = _digits(words, tongue)
    if tongue.asks_number.among(asked) and digits:
        return 2.6 if digits < 7 else 1.2 if digits < _WHOLE_NUMBER else -0.8
    if digits > 1:
        return 1.4 if digits < _WHOLE_NUMBER else -0.4
    if _spelled(words, tongue):
        return 2.2
    # "at example dot com": the last part of an address is its end.
    if len(words) > 2 and words[-2] in tongue.spelling and words[-1].isalpha():
        return -0.8
    return 1.2 if tongue.asks_spelling.among(asked) else 0.0


def _spelled(words: Sequence[str], tongue: Tongue) -> bool:
    letters = [len(w) == 1 and w.isalpha() for w in words[-2:]]
    return (all(letters) and len(letters) > 1) or words[-1] in tongue.spelling


def likelihood(odds: float) -> float:
    """Log-odds as a probability."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))


def wait_s(probability: float) -> float:
    """How long a good listener waits who believes that it goes on with this probability."""
    return 0.1 + 2.3 * math.pow(probability, 1.3)
