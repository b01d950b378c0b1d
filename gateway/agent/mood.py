"""How the caller sounds against their own voice before: never against other people's.

Three things are measured of each turn: the pitch, the level and the rate of speech. One of them
alone is a question, a step nearer to the telephone, a short word; two that move the same way are
worth a word to the model. What they mean it must judge by what was said.
"""

from collections import deque
from dataclasses import dataclass, field
from math import isnan, log2
from statistics import median

import numpy as np

PITCH, LEVEL, RATE = 2.5, 4.0, 0.4  # semitones, dB and octaves (of words a second) that are much
LEAST_TURNS = 3  # before these the voice is not known
LEAST_S = 1.0  # of speech; less is no turn to measure
KEPT = 20  # turns
NOTE = (
    "How the caller sounded just now, measured against their own voice earlier in this call: "
    "{how}. {meaning} It is an estimate from the sound alone: let it guide your tone, weigh it "
    "against their words, and do not mention it."
)
MEANING = {
    1: "That may be agitation, anger, hurry or joy.",
    -1: "That may be tiredness, sadness, doubt or reserve.",
}
WORDS = {
    1: ("a higher voice", "louder", "faster"),
    -1: ("a lower voice", "quieter", "slower"),
}


@dataclass(frozen=True)
class Sample:
    """Of one turn: semitones, dB, and octaves of words a second."""

    pitch: float
    level: float
    rate: float


@dataclass
class Mood:
    turns: deque[Sample] = field(default_factory=lambda: deque(maxlen=KEPT))
    _pitches: list[float] = field(default_factory=list)
    _levels: list[float] = field(default_factory=list)
    _speech_s: float = 0.0

    def speech(self, pitch: float, level: float, seconds: float) -> None:
        """A stretch of it: its pitch (not a number: unvoiced) and level, and how long it was."""
        if not isnan(pitch):
            self._pitches.append(pitch)
        self._levels.append(level)
        self._speech_s += seconds

    def turn(self, words: int) -> str:
        """The turn is over, and had so many words. What the model is told; mostly nothing."""
        pitches, levels, speech_s = self._pitches, self._levels, self._speech_s
        self._pitches, self._levels, self._speech_s = [], [], 0.0
        if not pitches or not words or speech_s < LEAST_S:
            return ""
        now = Sample(median(pitches), median(levels), log2(words / speech_s))
        note = self._against(now) if len(self.turns) >= LEAST_TURNS else ""
        self.turns.append(now)
        return note

    def _against(self, now: Sample) -> str:
        moves = np.array(
            [
                (now.pitch - median(one.pitch for one in self.turns)) / PITCH,
                (now.level - median(one.level for one in self.turns)) / LEVEL,
                (now.rate - median(one.rate for one in self.turns)) / RATE,
            ]
        )
        for way in (1, -1):
            moved = moves * way >= 1.0
            if moved.sum() >= 2 and not (moves * way <= -1.0).any():
                how = [word for word, much in zip(WORDS[way], moved, strict=True) if much]
                return NOTE.format(how=", ".join(how), meaning=MEANING[way])
        return ""
