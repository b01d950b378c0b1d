"""The caller's side: sound, words and keys become inputs of the turn machine, and then a turn."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.agent.brief import Brief
from gateway.agent.conversation import KEYPAD
from gateway.agent.ear import Ear
from gateway.agent.mood import Mood
from gateway.agent.prosody import Tail
from gateway.agent.report import Report
from gateway.agent.row import Sound
from gateway.agent.screening import Screen
from gateway.agent.timings import Timings
from gateway.agent.turns import Turns
from gateway.agent.words import count_words, plain_words
from gateway.media.lines import BEAT_S, FRAME, VOICED
from gateway.speech.contract import Heard

PAUSE_S = 8.0
_FRAME = 2 * FRAME  # bytes


@dataclass(frozen=True)
class Turn:
    """What the caller has said and typed; both empty if nothing was understood."""

    text: str
    keys: str
    timings: Timings
    confidence: float  # the transcriber's, of its most doubtful final words
    mood: str = ""  # what the model is told of how it sounded


class Caller:
    """``on_pause`` is given the newest ``PAUSE_S`` of sound when the caller falls silent."""

    def __init__(
        self,
        brief: Brief,
        turns: Turns,
        ear: Ear,
        report: Report,
        now: float,
        on_pause: Callable[[bytes], None] | None = None,
    ) -> None:
        self._screen = Screen(brief.screen) if brief.screen else None
        self._turns = turns
        self._ear = ear
        self._report = report
        self.speaking = False  # in the last frame
        self._began_at: float | None = None  # when the speech began that nobody has answered yet
        self._final_at = self._key_at = now  # of the last final words, and of the last key
        self._tail = Tail()
        self._on_pause = on_pause
        self._mood = Mood() if brief.emotion else None
        self._voiced = 0  # frames of the stretch of speech that is going on
        self._recent: deque[bytes] = deque(maxlen=round(PAUSE_S / BEAT_S) if on_pause else 0)
        self._confidence = 1.0  # the least that the transcriber had in the words of this turn

    def listen(self, sound: Sound, now: float) -> None:
        """Frames of the caller's sound, silence included."""
        self._ear.hear(sound.pcm)
        if not (self.speaking or any(sound.speech) or self._on_pause):
            return
        for index, speech in enumerate(sound.speech):
            if speech and not self.speaking:
                if self._began_at is None:
                    self._began_at = sound.at(index)
                self._ear.onset()
                self._report.live("speech", role="user", status="started")
                self._turns.onset(sound.at(index), now)
            elif speech == VOICED:
                self._turns.speech(sound.at(index))
            elif self.speaking and not speech:
                self._ear.offset()
                self._report.live("speech", role="user", status="stopped")
                self._turns.offset(now, self._tail.log_odds())
                if self._mood:
                    self._mood.speech(*self._tail.tone(), self._voiced * BEAT_S)
                self._voiced = 0
                if self._on_pause:
                    self._on_pause(b"".join(self._recent))
            frame = sound.pcm[index * _FRAME : (index + 1) * _FRAME]
            if speech == VOICED:
                self._tail.add(frame)
                self._voiced += 1
            self._recent.append(frame)
            self.speaking = bool(speech)

    def heard(self, heard: Heard, now: float) -> None:
        """The transcriber's words."""
        if heard.final:
            self._final_at = now
            if heard.text:
                self._confidence = min(self._confidence, heard.confidence)
        elif heard.text:
            self._report.live("partial", text=heard.text, confidence=heard.confidence)
        self._turns.words(heard.text, heard.final, heard.ended, now)
        if heard.eager:
            self._turns.guess(now)

    def digit(self, digit: str, now: float) -> None:
        self._key_at = now
        self._report.happened("digit", now, digit=digit)
        self._turns.digit(digit, now)

    def take(self, now: float) -> Turn | None:
        """The caller's turn, now that it is over; None if it is not because of the caller that
        the model is asked."""
        turns = self._turns
        unclear = turns.unclear
        text, keys = turns.take_text(), turns.take_keys()
        if not (text or keys or unclear):
            return None
        turns.end_of_turn.taken()
        if keys:
            timings = Timings(self._key_at)
            timings.mark("keypad_wait", now)
        else:
            timings = Timings(turns.last_speech)
            timings.mark("end_of_speech_wait", min(now, turns.last_speech + turns.set_wait))
            timings.mark("transcriber", now if turns.guessed else self._final_at)
            timings.mark("endpointing", now)
        if text:
            text = self._said(text)
            self._ear.taken()
        if keys:
            self._report.caller_said(KEYPAD + keys, self._key_at, self._key_at)
        confidence, self._confidence = self._confidence, 1.0
        self.rest()
        mood = self._mood.turn(count_words(plain_words(text))) if self._mood else ""
        return Turn(text, keys, timings, confidence, mood)

    def leave(self) -> None:
        """The call is over; what was said last is at least written down."""
        if text := self._turns.take_text():
            self._said(text)

    def false_alarm(self, now: float) -> None:
        """What stopped the agent was nothing; the words in it are not for the model."""
        words = self._turns.take_text()
        self._report.happened("false_alarm", now, words=words)
        if words:
            self._said(words, ignored=True)
        self.rest()

    def machine_said(self) -> None:
        """What was said was a machine's, and asks for no answer."""
        if text := self._turns.take_text():
            self._said(text, machine=True)
        self._turns.keys = ""
        self.rest()

    def message(self, action: str) -> str:
        """What was said is a message, taken by this call of a tool; returns it."""
        text = self._turns.take_text()
        if text:
            text = self._said(text, message=action)
        self._turns.keys = ""
        self.rest()
        return text

    def rest(self) -> None:
        """Nothing that was said waits for an answer."""
        self._began_at = None

    def readable(self, text: str) -> str:
        """What a model may read of what is being said."""
        return self._screen.of(text).text if self._screen else text

    def _said(self, text: str, **extra: Any) -> str:
        """Write it down; returns what a model may read of it."""
        if self._screen and (screened := self._screen.of(text)).threats:
            extra |= {"threats": list(screened.threats), "original": text}
            text = screened.text
        ended_at = self._turns.last_speech
        began_at = ended_at if self._began_at is None else self._began_at
        self._report.caller_said(text, began_at, ended_at, **extra)
        return text
