"""What the turn machine decides is done here, until it wants nothing more."""

from collections import deque

from gateway.agent.brief import Brief
from gateway.agent.caller import Caller
from gateway.agent.dialogue import Dialogue
from gateway.agent.ear import Ear
from gateway.agent.failures import GOODBYE, SORRY, Failures
from gateway.agent.messages import Say
from gateway.agent.mouth import Mouth
from gateway.agent.report import Report
from gateway.agent.row import Row
from gateway.agent.turn_table import AUDIBLE, DEAF, HELD, State
from gateway.agent.turns import Turns
from gateway.errors import VendorError
from gateway.reasons import Ended


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
    ) -> None:
        self.to_say: deque[Say] = deque()  # from outside the conversation, as it is asked for
        self._brief = brief
        self._turns = turns
        self._dialogue = dialogue
        self._caller = caller
        self._mouth = mouth
        self._row = row
        self._ear = ear
        self._failures = failures
        self._report = report
        self._interruptible: bool | None = None
        self._working = False

    def work(self, now: float) -> None:
        """To be called after whatever may have told the machine something."""
        if self._working:
            return  # called from within: the loop below goes on
        self._working = True
        try:
            while True:
                while self._turns.outbox:
                    self._do(self._turns.outbox.pop(0), now)
                self._mouth.held = self._turns.state in HELD
                if self._mouth.pump(now):
                    self._dialogue.mark("queue", now)
                    self._turns.step("sound", now)
                    self._dialogue.progress()
                if not self._tell_what_remains(now) and not self._turns.outbox:
                    break
        finally:
            self._working = False
        interruptible = self._turns.state not in DEAF
        if interruptible is not self._interruptible:
            self._interruptible = interruptible
            self._row.interruptible(interruptible)

    def expect(self) -> None:
        """Tell the transcriber what the dialogue expects now."""
        phrases = self._dialogue.expected()
        self._turns.expecting = bool(phrases)
        self._ear.expect(phrases)

    def _tell_what_remains(self, now: float) -> bool:
        """Tell the machine when all has been said; True if that changed anything."""
        before = self._turns.state
        if before not in AUDIBLE or self._mouth.playing:
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
            case "remind":
                self._dialogue.say(self._brief.idle_messages[self._turns.reminders - 1])
            case "say":
                self._dialogue.say(self.to_say.popleft().text)
            case "apologise":
                self._dialogue.say(GOODBYE if self._turns.state is State.ENDING else SORRY)
            case "farewell":
                if self._turns.reason != Ended.ASSISTANT_SAID_END_CALL_PHRASE:
                    self._dialogue.say(self._brief.end_message)
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

    def _ask(self, now: float) -> None:
        """It is the model's turn: because of the caller, or because of a tool."""
        if turn := self._caller.take(now):
            self._dialogue.turn_of_caller(turn.text, turn.keys, turn.timings)
        try:
            self._dialogue.ask(now)
        except VendorError as error:
            self._failures.mind(error, now)
