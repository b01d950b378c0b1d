"""The engine of the turn table, and what it must remember to tell a word from a cough."""

from collections.abc import Callable

from gateway.agent.brief import Brief
from gateway.agent.endpointing import EndOfTurn
from gateway.agent.timers import Timers
from gateway.agent.turn_table import BELONGS, TABLE, State
from gateway.agent.words import Phrases, count_words, plain_words
from gateway.reasons import Ended

PATIENCE_S = 2.5  # how long a transcriber may think about the last words after the wait
DOUBT_S = 1.0  # after a sound that stopped the agent: how long words may take to come
LONG_S = 8.0  # a voice that stopped the agent and has had no words for so long is a noise
STUCK_S = 20.0  # the same of one that the agent listens to
STUCK_AFTER_WORDS_S = 4.0  # and if a transcriber that gives words as they are said gives no more
KEYS_LEFT_S = 20.0  # an entry that only a delimiter ends, and that nobody ends
ENDING_S = 20.0  # for the last words


class Turns:
    """One conversation's turns.

    Call :meth:`wake` at every beat. ``outbox`` holds what is to be done, in order: drain it after
    every call. All times are monotonic seconds. ``asked`` gives the agent's last message.
    """

    def __init__(
        self, brief: Brief, started_at: float, asked: Callable[[], str] = lambda: ""
    ) -> None:
        self.state = State.RINGING
        self.outbox: list[str] = []
        self.reason: str = Ended.ASSISTANT_ENDED_CALL  # why it will have ended
        self.detail = ""
        self.voice = False  # the caller is making a sound
        self.last_speech = started_at  # when the caller's last frame of speech had been heard
        self.began_speech = started_at
        self.set_wait = 0.0  # seconds after ``last_speech`` that were waited for more
        self.held_until = started_at  # before that nothing is audible
        self.resting_since: float | None = None  # nobody speaks and nothing is going on
        self.keys = ""
        self.expecting = False  # the dialogue knows what may be said now, so it can ask again
        self._brief = brief
        self._timers = Timers()
        self._acknowledges = Phrases(brief.acknowledgements)
        self._interrupts = Phrases(brief.interruptions)
        language = str(brief.hearing.options.get("language") or "")
        self.end_of_turn = EndOfTurn(brief.endpointing, language, asked, brief.wait_s)
        self._finals: list[str] = []
        self._interim = ""
        self._guessed: list[str] = []  # interim words that had to be taken; their final is old
        self._voiced = False  # since the agent was last silent, the caller has made a sound
        self._quiet_until = started_at
        self._waited = False  # the wait after the last speech is over
        self._wordless = False  # the transcriber says that what it heard were no words
        self._streams = False  # the transcriber gives words while they are spoken
        self._timers.start("max", started_at + brief.max_duration_s)

    # What the caller does

    def onset(self, at: float, now: float) -> None:
        """A frame of speech after silence; it had been heard at ``at``."""
        self.voice = self._voiced = True
        self.began_speech = self.last_speech = at
        self._wordless = False
        self.end_of_turn.went_on()
        self.step("onset", now)

    def speech(self, at: float) -> None:
        """Another frame of speech."""
        self.last_speech = at

    def offset(self, now: float, sound: float = 0.0) -> None:
        """A frame without speech after one with. ``sound``: log-odds that the caller goes on."""
        self.voice = False
        self.end_of_turn.sound = sound
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
            self._streams = True
        self.end_of_turn.ended = ended
        kind = self._kind()
        # Words that come late, of what was said before the agent spoke, interrupt nobody.
        if kind and (self._voiced or self.state is not State.SPEAKING):
            self.step(kind, now)
        if final and not self.voice:
            self._wordless = not kind and self.state is State.WAITING
            self.step("final" if kind else "nothing", now)
        if ended:
            self.step("ended", now)

    def guess(self, now: float) -> None:
        """The transcriber thinks that these words may be all."""
        if self._brief.early != "off":
            self.step("early", now)

    def digit(self, digit: str, now: float) -> None:
        """A key, which may be one that ends the entry."""
        if not self._brief.keypad.enabled:
            return
        self.keys += digit
        self.step("digit", now)
        self._end_keys(now)

    def advised(self, question: int, wait_s: float | None, now: float) -> None:
        """The owner's server says how long to wait for more."""
        self.end_of_turn.advise(question, wait_s)
        if self.state is State.WAITING:
            self._start("wait", now)
            self._settle(now)

    def sounded(self, odds: float, now: float) -> None:
        """What the pause that has begun sounded like; known a little late."""
        self.end_of_turn.sound = odds
        if self.state is State.WAITING:
            self._start("wait", now)
            self._settle(now)

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
        ends = self._brief.keypad.delimiters
        return (keys.rstrip(ends) if ends else keys) or keys

    def answered(self, now: float) -> None:
        """The caller is there: the silence and the longest duration count from now."""
        self.last_speech = now
        self._timers.start("max", now + self._brief.max_duration_s)

    def came_back(self, now: float) -> None:
        """The caller was elsewhere: their silence counts from now."""
        if self.state is State.LISTENING:
            self._start("silence", now)

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
            self.resting_since = None
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
            self.step("spoken-too" if timer == "keys" and self.voice else timer, now)

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
            if action == "ask" and self.text:
                self.held_until = max(self._quiet_until, self.last_speech + self._brief.wait_s)
            elif action == "interrupt":
                self.held_until = self._quiet_until = now + self._brief.backoff_s
            self.outbox.append(action)

    def _start(self, timer: str, now: float) -> None:
        brief = self._brief
        match timer:
            case "wait":
                self._start_wait(now)
                return
            case "voice":
                due = self.began_speech + brief.interrupt_voice_s
            case "long":
                # If only words interrupt, a voice that has none must not stop the agent for long.
                due = now + (DOUBT_S if brief.interrupt_words else LONG_S)
            case "silence":
                due = now + brief.silence_timeout_s
            case "stuck":
                heard = self._streams and self.text
                due = now + (STUCK_AFTER_WORDS_S if heard else STUCK_S)
            case "keys":
                due = now + (brief.keypad.timeout_s or KEYS_LEFT_S)
            case _:
                due = now + {"patience": PATIENCE_S, "doubt": DOUBT_S}[timer]
        self._timers.start(timer, due)

    def _start_wait(self, now: float) -> None:
        """With each new word the wait is another; it always counts from the last speech."""
        wait_s = self.end_of_turn.wait_s(self.text, self.last_speech, now)
        if self.end_of_turn.wants_advice:
            self.end_of_turn.wants_advice = False
            self.outbox.append("consult")
        due = max(self.last_speech + wait_s, self._quiet_until)
        self.set_wait = due - self.last_speech
        self._waited = due <= now
        self._timers.start("wait", due)
        self._timers.stop("patience")
        # Soon after the wait begins; not if it is over by then.
        early = now + self._brief.early_after_s
        if self._brief.early == "stable" and self.text and early < due:
            self._timers.start("early", early)

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
        self._start("silence", now)
        if self._kind() == "ack":
            self.take_text()  # said while the agent spoke, and asking nothing
        if self.voice:
            self.step("onset", now)
        elif self.keys:
            self.step("digit", now)
            self._end_keys(now)
        elif kind := self._kind():
            self.step(kind, now)
        else:
            self.resting_since = now
            self.outbox.append("rest")

    def _end_keys(self, now: float) -> None:
        ends = self._brief.keypad.delimiters
        if ends and self.keys.endswith(tuple(ends)):
            self.step("spoken-too" if self.voice else "keys", now)

    def _kind(self) -> str:
        """What the words so far amount to."""
        words = plain_words(self.text)
        if not words:
            return ""
        if self._acknowledges.only(words):
            return "ack"
        if self._interrupts.among(words):
            return "words"
        return "few" if count_words(words) < self._brief.interrupt_words else "words"
