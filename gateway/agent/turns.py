"""The engine of the turn table, and what it must remember to tell a word from a cough."""

from gateway.agent.brief import Brief
from gateway.agent.timers import Timers
from gateway.agent.turn_table import BELONGS, TABLE, State
from gateway.agent.words import Acknowledgements, plain_words
from gateway.reasons import Ended

PATIENCE_S = 2.5  # how long a transcriber may think about the last words after the wait
DOUBT_S = 1.0  # after a sound that stopped the agent: how long words may take to come
LONG_S = 1.0  # a voice this long interrupts, words or not
STUCK_S = 20.0  # a "voice" without words for so long is a noise on the line
KEYS_S = 1.5  # between two keys of one entry
ENDING_S = 20.0  # for the last words


class Turns:
    """One conversation's turns.

    Call :meth:`wake` at every beat. ``outbox`` holds what is to be done, in order: drain it after
    every call. All times are monotonic seconds.
    """

    def __init__(self, brief: Brief, started_at: float) -> None:
        self.state = State.RINGING
        self.outbox: list[str] = []
        self.reason: str = Ended.ASSISTANT_ENDED_CALL  # why it will have ended
        self.detail = ""
        self.voice = False  # the caller is making a sound
        self.last_speech = started_at  # when the caller's last frame of speech had been heard
        self.began_speech = started_at
        self.set_wait = 0.0  # seconds after ``last_speech`` that the operator makes it wait
        self.keys = ""
        self.reminders = 0  # idle messages said since the caller's last turn
        self.expecting = False  # the dialogue knows what may be said now, so it can ask again
        self._brief = brief
        self._timers = Timers()
        self._acknowledges = Acknowledgements(brief.acknowledgements)
        self._finals: list[str] = []
        self._interim = ""
        self._guessed: list[str] = []  # interim words that had to be taken; their final is old
        self._voiced = False  # since the agent was last silent, the caller has made a sound
        self._quiet_until = started_at
        self._waited = False  # the wait after the last speech is over
        self._wordless = False  # the transcriber says that what it heard were no words
        self._timers.start("max", started_at + brief.max_duration_s)

    # What the caller does

    def onset(self, at: float, now: float) -> None:
        """A frame of speech after silence; it had been heard at ``at``."""
        self.voice = self._voiced = True
        self.began_speech = self.last_speech = at
        self._wordless = False
        self.step("onset", now)

    def speech(self, at: float) -> None:
        """Another frame of speech."""
        self.last_speech = at

    def offset(self, now: float) -> None:
        """A frame without speech after one with."""
        self.voice = False
        self.step("offset", now)

    def words(self, text: str, final: bool, ended: bool, now: float) -> None:
        """The transcriber's words: interim ones replace each other, final ones stay."""
        text = text.strip()
        if final:
            again = plain_words(text) == self._guessed and not self._voiced
            self._interim, self._guessed = "", []
            if text and not again:
                self._finals.append(text)
        else:
            self._interim = text
        kind = self._kind()
        # Words that come late, of what was said before the agent spoke, interrupt nobody.
        if kind and (self._voiced or self.state is not State.SPEAKING):
            self.step(kind, now)
        if final and not self.voice:
            self._wordless = not kind and self.state is State.WAITING
            self.step("final" if kind else "nothing", now)
        if ended:
            self.step("ended", now)

    def digit(self, digit: str, now: float) -> None:
        """A key; ``#`` ends the entry."""
        self.keys += digit
        self.step("digit", now)
        if digit == "#":
            self.step("keys", now)

    # What the pipeline asks

    @property
    def text(self) -> str:
        """What the caller has said since it was last taken."""
        return " ".join([*self._finals, self._interim]).strip()

    @property
    def unclear(self) -> bool:
        """The caller spoke, no word of it was understood, and it is worth asking again."""
        lasted = self.last_speech - self.began_speech >= self._brief.interrupt_voice_s
        return self._wordless and not self.text and self.expecting and lasted

    @property
    def guessed(self) -> bool:
        """The text taken last had words that were not final."""
        return bool(self._guessed)

    def take_text(self) -> str:
        text = self.text
        self._wordless = False
        self._guessed = plain_words(self._interim)
        self._finals.clear()
        self._interim = ""
        return text

    def take_keys(self) -> str:
        keys, self.keys = self.keys, ""
        return keys.removesuffix("#") or keys

    def answered(self, now: float) -> None:
        """The caller is there: the silence and the longest duration count from now."""
        self.last_speech = now
        self._timers.start("max", now + self._brief.max_duration_s)

    def end(self, what: str, reason: str, now: float, detail: str = "") -> None:
        """An input that may end the call, and why it then has ended."""
        if self.state not in (State.ENDING, State.ENDED):
            self.reason, self.detail = reason, detail
        self.step(what, now)

    # The engine

    def step(self, what: str, now: float) -> None:
        """Apply one input. One that the table does not list in this state changes nothing."""
        after, actions = self._look_up(what)
        if after is not self.state:
            self.state = after
            for timer, states in BELONGS.items():
                if after not in states:
                    self._timers.stop(timer)
            if after in (State.THINKING, State.LISTENING):
                self._voiced = self.voice
        for action in actions.split():
            self._act(action, now)
        if self.state is State.ENDING and "ending" not in self._timers:
            self._timers.start("ending", now + ENDING_S)

    def wake(self, now: float) -> None:
        """Fire every timer that is due."""
        while timer := self._timers.next(now):
            if timer == "max":
                self.reason = Ended.EXCEEDED_MAX_DURATION
            elif timer == "silence":
                self.reason = Ended.SILENCE_TIMED_OUT
            self._waited |= timer == "wait"
            self.step(timer, now)

    def _look_up(self, what: str) -> tuple[State, str]:
        return TABLE.get((self.state, what), (self.state, ""))

    def _act(self, action: str, now: float) -> None:
        verb, _, timer = action.partition("-")
        if verb == "start":
            self._start(timer, now)
        elif verb == "stop":
            self._timers.stop(timer)
        elif action == "settle":
            self._settle(now)
        elif action == "give-up":
            self.step("turn" if self.text else "silent", now)
        elif action == "heed":
            if not self.voice:
                self.step("offset", now)
        elif action == "ignore-voice":
            self.voice = False
        elif action == "rest":
            self._rest(now)
        else:
            self.reminders += action == "remind"
            if action == "ask":
                self.reminders = 0
            if action == "interrupt":
                self._quiet_until = now + self._brief.backoff_s
            self.outbox.append(action)

    def _start(self, timer: str, now: float) -> None:
        brief = self._brief
        match timer:
            case "wait":
                self._waited = False
                due = max(self.last_speech + brief.wait_s, self._quiet_until)
                self.set_wait = due - self.last_speech
            case "voice":
                due = self.began_speech + brief.interrupt_voice_s
            case "long":
                if brief.interrupt_words:
                    return  # only words interrupt
                due = self.began_speech + max(LONG_S, brief.interrupt_voice_s)
            case "idle":
                if self.reminders >= len(brief.idle_messages):
                    return
                due = now + brief.idle_after_s
            case "silence":
                due = now + brief.silence_timeout_s
            case _:
                due = now + {"patience": PATIENCE_S, "doubt": DOUBT_S, "stuck": STUCK_S,
                             "keys": KEYS_S}[timer]  # fmt: skip
        self._timers.start(timer, due)

    def _settle(self, now: float) -> None:
        """The caller is silent: is it a turn?"""
        if not self._waited:
            return
        if self._finals and not self._interim:
            self.step("turn", now)
        elif self._wordless and not self.text:
            self.step("unclear" if self.unclear else "silent", now)
        elif "patience" not in self._timers:
            self._start("patience", now)

    def _rest(self, now: float) -> None:
        """The agent has nothing to say. Attend to what came meanwhile, else wait for more."""
        self._start("idle", now)
        self._start("silence", now)
        if self._kind() == "ack":
            self.take_text()  # said while the agent spoke, and asking nothing
        if self.voice:
            self.step("onset", now)
        elif self.keys:
            self.step("digit", now)
            if self.keys.endswith("#"):
                self.step("keys", now)
        elif kind := self._kind():
            self.step(kind, now)
        else:
            self.outbox.append("rest")

    def _kind(self) -> str:
        """What the words so far amount to."""
        words = plain_words(self.text)
        if not words:
            return ""
        if self._acknowledges.only(words):
            return "ack"
        return "few" if len(words) < self._brief.interrupt_words else "words"
