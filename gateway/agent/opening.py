"""Who has answered? A decision from a call's first seconds: how long the first utterance lasts,
the pauses, tones, and what is said, as far as a transcript has it.

People answer with a word or a sentence and then wait; machines speak for long, or beep. It is
told frame by frame and knows no clock: its time is the sound it has heard.
"""

from dataclasses import dataclass
from math import exp
from typing import Literal

import numpy as np
import numpy.typing as npt

from gateway.agent.beeps import Beeps, Tone
from gateway.agent.echo import Echo
from gateway.agent.melody import Melody
from gateway.agent.wording import wording
from gateway.media.lines import BEAT_S, SILENT, VOICED

Samples = npt.NDArray[np.int16]
Who = Literal["human", "machine", "fax", "silent", "unsure"]

PAUSE_S = 0.9  # of silence that end the first utterance
SILENT_S = 6.0  # without a voice
MIDDLE_S = 7.0  # a first utterance this long is as often a person's as a machine's
STEEPNESS = 1.6  # log-odds of a machine for each second more
PATIENT = 1.5  # log-odds of a person for each second of waiting after it
PERSON = 4.0  # log-odds for a person's words
SURE = 0.88  # a machine is declared at this probability, a person at 0.15
A_PERSON = 0.15
LEAST = 10  # voiced frames of an utterance; less is a click
PITCHED = 0.45  # a flatter spectrum has no voice's pitch
FIRST_S = 0.3  # what begins so early, and has none, is the line's noise


@dataclass(frozen=True)
class Verdict:
    """``probability`` is the verdict's own; ``why`` names what decided; ``at_s`` is when."""

    who: Who = "unsure"
    probability: float = 0.5
    why: str = ""
    at_s: float = 0.0


class Opening:
    """``verdict`` may change once more: a beep and a machine's words outweigh what timing said."""

    def __init__(self, middle_s: float = MIDDLE_S, pause_s: float = PAUSE_S) -> None:
        self.verdict = Verdict()
        self.heard_s = 0.0
        self.beep_at: float | None = None  # seconds, when the last beep ended
        self.spoken_s = 0.0  # of the first utterance, its short pauses included
        self.quiet_s = 0.0  # since the last voice
        self._middle_s = middle_s
        self._pause_s = pause_s
        self._beeps = Beeps()
        self._echo = Echo()
        self._began_s: float | None = None  # the first utterance
        self._timed = False  # and it is over
        self._voiced = 0  # frames of the first utterance
        self._pitched = False  # it has a voice's pitch
        self._melody = Melody()
        self._wording: str | None = None

    def hear(self, frame: Samples, speech: int, said: Samples | None = None) -> None:
        """A frame of 20 ms, its mark (a value of ``speech``), and what the peer was sent in it."""
        self.heard_s += BEAT_S
        echoes = said is not None and self._echo.hear(frame, said)
        tone = self._beeps.hear(frame, speech != SILENT and not echoes)
        voice = speech == VOICED and not self._beeps.tonal and not echoes
        self._voice(voice)
        if tone and not echoes:
            self._tone(tone)
        melody = self._melody.hear(self._beeps.db, self._beeps.flatness, self._beeps.peak)
        if melody and self.verdict.who not in ("machine", "fax") and self._wording != "person":
            self._decide("machine", 0.9, "music")
        self._weigh(voice)

    def words(self, text: str) -> None:
        """All that the peer has said so far."""
        self._wording = wording(text)
        telling = self._wording in ("mailbox", "menu")
        telling |= self._wording == "away" and self.verdict.who != "human"
        if telling and self.verdict.who not in ("machine", "fax"):
            self._decide("machine", 0.95, self._wording or "")

    def told(self, machine: bool) -> None:
        """A model has read what was said."""
        if self.verdict.why not in ("beep", "fax tone"):
            self._decide("machine" if machine else "human", 0.9, "model")

    def _voice(self, voice: bool) -> None:
        self.quiet_s = 0.0 if voice else self.quiet_s + BEAT_S
        if voice and self._began_s is None:
            self._began_s = self.heard_s - BEAT_S
        if self._began_s is not None and voice and not self._timed:
            self.spoken_s = self.heard_s - self._began_s
            self._voiced += 1
            self._pitched |= self._beeps.flatness < PITCHED
        elif self.quiet_s >= self._pause_s and self._is_noise:
            self._began_s, self._voiced, self.spoken_s = None, 0, 0.0

    @property
    def _is_noise(self) -> bool:
        early = self._began_s is not None and self._began_s < FIRST_S
        return self._voiced < LEAST or (early and not self._pitched)

    def _tone(self, tone: Tone) -> None:
        if tone.kind == "fax":
            self._decide("fax", 0.99, "fax tone")
        elif tone.kind == "intercept":
            self._decide("machine", 0.97, "intercept tones")
        elif tone.kind == "beep":
            self.beep_at = tone.ended * BEAT_S
            self._decide("machine", 0.97, "beep")

    def _weigh(self, voice: bool) -> None:
        if self._began_s is None:
            if self.verdict.who == "unsure" and self.heard_s >= SILENT_S - 1e-9:
                self._decide("silent", 0.9, "silence")
            return
        if self._timed or self.verdict.who in ("machine", "fax"):
            return
        odds = STEEPNESS * (self.spoken_s - self._middle_s)
        paused = self.quiet_s >= self._pause_s - 1e-9
        if self._wording == "person":
            odds -= PERSON
        if paused:
            odds -= PATIENT * self.quiet_s
        probability = 1 / (1 + exp(-odds))
        if voice and probability >= SURE:
            self._timed = True
            self._decide("machine", probability, "long speech")
        elif paused and probability <= A_PERSON:
            self._timed = True
            self._decide("human", 1 - probability, "short greeting")

    def _decide(self, who: Who, probability: float, why: str) -> None:
        self.verdict = Verdict(who, round(probability, 3), why, round(self.heard_s, 2))
