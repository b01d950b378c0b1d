"""What the turn machine decides is done here, until it wants nothing more."""

import random
from collections import deque

from gateway.agent.answering import Answering
from gateway.agent.brief import Brief
from gateway.agent.caller import Caller
from gateway.agent.dialogue import Dialogue
from gateway.agent.ear import Ear
from gateway.agent.failures import Failures
from gateway.agent.hooks import Hooks
from gateway.agent.messages import Say
from gateway.agent.mouth import Mouth
from gateway.agent.phrases import phrases
from gateway.agent.report import Report
from gateway.agent.row import Row
from gateway.agent.turn_table import AUDIBLE, DEAF, EASY, HELD, State
from gateway.agent.turns import Turns
from gateway.errors import VendorError
from gateway.media.lines import BEAT_S
from gateway.reasons import Ended

CUT_OFF_S = 0.8  # a caller who speaks this soon after the agent began had not finished


class Deeds:
    def __init__(
        self,
        brief: Brief,
        turns: Turns,
        dialogue: Dialogue,
        caller: Caller,
        mouth: Mouth,
        row: Row,
        ear: Ear,
        failures: Failures,
        report: Report,
        answering: Answering,
    ) -> None:
        self.to_say: deque[Say] = deque()  # from outside the conversation, as it is asked for
        self.hooks = Hooks(brief.hooks, dialogue.fired, random.Random())
        self.away = False  # the caller is elsewhere
        self.at_ease = False  # while its row is still, the call needs no beat
        self._brief = brief
        self._turns = turns
        self._dialogue = dialogue
        self._caller = caller
        self._mouth = mouth
        self._row = row
        self._ear = ear
        self._failures = failures
        self._report = report
        self._answering = answering
        self._interruptible: bool | None = None
        self._working = False
        self._answered_at = float("-inf")  # when the agent began to answer last

    def work(self, now: float) -> None:
        """To be called after whatever may have told the machine something."""
        if self._working:
            return  # called from within: the loop below goes on
        self._working = True
        try:
            while True:
                while self._turns.outbox:
                    self._do(self._turns.outbox.pop(0), now)
                if self._dialogue.early.running:
                    self._dialogue.early.doubt(self._turns.text, now)
                # What is queued now goes out with the next beat, so the nearest one will do.
                early = now + BEAT_S / 2 < self._turns.held_until
                self._mouth.callers_turn = self._turns.state in HELD
                self._mouth.held = self._mouth.callers_turn or early
                if self._mouth.pump(now):
                    self._dialogue.mark("start_wait", self._turns.held_until)
                    self._dialogue.mark("queue", now)
                    self._sound(now)
                    self._dialogue.progress()
                self._attend(now)
                if self._turns.outbox:
                    continue
                if not self._tell_what_remains(now) and not self._turns.outbox:
                    break
        finally:
            self._working = False
        interruptible = self._turns.state not in DEAF
        if interruptible is not self._interruptible:
            self._interruptible = interruptible
            self._row.interruptible(interruptible)
        self.at_ease = self._eases()

    def _eases(self) -> bool:
        """One of the two speaks, or none, and that is all: not every beat matters."""
        state, caller_speaks = self._turns.state, self._caller.speaking
        if state not in EASY or caller_speaks is not (state is State.HEARING):
            return False
        if state is State.SPEAKING and self._mouth.began_at is None:
            return False
        awaited = self._brief.hooks or self._dialogue.waiting or self._dialogue.message_wish
        return not (awaited or self._answering.listens)

    def _sound(self, now: float) -> None:
        """The agent becomes audible."""
        if self._turns.state is State.THINKING:
            self._answered_at = now
        self._turns.step("sound", now)

    def _attend(self, now: float) -> None:
        """Do what hooks want, as soon as it is in nobody's way. While a tool runs, none does."""
        if not self._brief.hooks or self._dialogue.waiting or self.away:
            return
        self.hooks.beat(
            self._dialogue.started_at,
            self._turns.resting_since,
            self._dialogue.silent_since,
            now,
        )
        while action := self.hooks.next(self._turns.state):
            match action.do:
                case "say":
                    self.to_say.append(Say(call="", text=action.texts[0]))
                    self._turns.step("say", now)
                case "prompt":
                    self._dialogue.prompt(action.messages)
                    self._turns.step("owed", now)
                case "add":
                    self._dialogue.add(action.messages)
                    if action.answer:
                        self._turns.step("owed", now)
                case "tool":
                    self._dialogue.call(action.tool, action.arguments, now)
                    if self._dialogue.conclude:
                        self._turns.end("conclude", self._dialogue.conclude, now)
                    elif self._dialogue.waiting:
                        self._turns.step("tool", now)
                    elif self._dialogue.results_due:
                        self._turns.step("result", now)

    def expect(self) -> None:
        """Tell the transcriber what the dialogue expects now."""
        phrases = self._dialogue.expected()
        self._turns.expecting = bool(phrases)
        self._ear.expect(phrases)

    def _tell_what_remains(self, now: float) -> bool:
        """Tell the machine when all has been said; True if that changed anything."""
        before = self._turns.state
        if before not in AUDIBLE or self._mouth.playing or self._answering.playing:
            return False
        dialogue, what = self._dialogue, "played-out"
        if before is not State.ENDING:
            if dialogue.thinking:
                what = "dry"
            elif dialogue.waiting:
                what = "tool"
            elif dialogue.conclude:
                what = "conclude"
        if what != "dry":
            dialogue.close(now)
        if what == "conclude" and dialogue.conclude:
            self._turns.end(what, dialogue.conclude, now)
        else:
            self._turns.step(what, now)
        return self._turns.state is not before

    def _do(self, action: str, now: float) -> None:
        match action:
            case "greet":
                self._dialogue.greeted = True
                self._dialogue.say(self._brief.greeting)
            case "ask":
                self._ask(now)
            case "early":
                if self._caller.readable(self._turns.text) == self._turns.text:
                    self._dialogue.ask_early(self._turns.text, now)
            case "release":
                self._release(now)
            case "resume":
                self._release(now)
                self._caller.false_alarm(now)
            case "cancel" | "interrupt":
                uttered = self._dialogue.drop(now)
                if uttered and self._turns.state in HELD:
                    facts = {"heard": uttered.text, "stopped_at": uttered.ended_at}
                    self._report.happened("barge_in", now, **facts)
                    self.hooks.fire("agent-interrupted")
                    if self._turns.began_speech - self._answered_at < CUT_OFF_S:
                        self._cut_off(now)
            case "consult":
                question = self._turns.end_of_turn.question
                so_far = self._caller.readable(self._turns.text)
                self._report.consult(question, self._dialogue.with_caller(so_far))
            case "say":
                said = self.to_say.popleft()
                (self._dialogue.say_aside if said.aside else self._dialogue.say)(said.text)
            case "apologise":
                last = self._turns.state is State.ENDING
                words = phrases(self._brief.language)
                self._dialogue.say(words.goodbye if last else words.sorry)
            case "farewell":
                silence = self._turns.reason == Ended.SILENCE_TIMED_OUT
                if silence and self._brief.silence_message:
                    self._dialogue.say(self._brief.silence_message)
                elif self._turns.reason != Ended.ASSISTANT_SAID_END_CALL_PHRASE:
                    self._dialogue.say(self._brief.end_message)
            case "leave":
                self._answering.leave(now)
            case "rest":
                self._caller.rest()
                if self._dialogue.owes_reply:
                    self._turns.step("owed", now)
                self.expect()
            case "hang-up":
                self._report.hang_up(self._turns.reason, self._turns.detail)

    def _release(self, now: float) -> None:
        self._row.resume()
        self._dialogue.mark("caller_hesitated", now)

    def _cut_off(self, now: float) -> None:
        """The agent began while the caller had not finished."""
        self._report.happened("cut_off", now)
        self.hooks.fire("caller-interrupted")

    def _ask(self, now: float) -> None:
        """It is the model's turn: because of the caller, or because of a tool."""
        if turn := self._caller.take(now):
            self._dialogue.turn_of_caller(turn.text, turn.keys, turn.timings)
            if turn.mood:
                self._dialogue.prompt([{"role": "system", "content": turn.mood}])
            self.hooks.caller_spoke(turn.confidence)
            for text in self.hooks.before_answer():
                self._dialogue.say_aside(text)
        try:
            self._dialogue.ask(now)
        except VendorError as error:
            self._failures.mind(error, now)
