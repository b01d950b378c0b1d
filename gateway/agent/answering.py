"""The agent beside a machine: what :mod:`gateway.agent.voicemail` finds out becomes inputs of the
turn machine, events of the call, and lines of the conversation."""

from collections.abc import Callable

from gateway.agent.brief import Brief
from gateway.agent.caller import Caller
from gateway.agent.dialogue import Dialogue
from gateway.agent.report import Report
from gateway.agent.row import Row, Sound, frames_of
from gateway.agent.turns import Turns
from gateway.agent.voicemail import Stage, Step, Voicemail
from gateway.reasons import Ended
from gateway.speech.contract import Heard

FETCH, PLAY, STOP = "voicemail-fetch", "voicemail-play", "voicemail-stop"  # actions' ids
PLAY_KIND = "playSound"

MENU = "An automated menu has answered the call."
PERSON = (
    "A machine had answered the call, and you said nothing to it. Now a person has picked up: "
    "begin the conversation anew."
)


class Answering:
    """``ask``: have a model judge this text, and :meth:`judged` be called."""

    def __init__(
        self,
        brief: Brief,
        turns: Turns,
        dialogue: Dialogue,
        caller: Caller,
        row: Row,
        report: Report,
        ask: Callable[[str], None],
    ) -> None:
        presses = any(tool.kind == "dtmf" for tool in brief.tools)
        waits = any(t.kind == "voicemail" and t.written.get("beepDetectionEnabled")
                    for t in brief.tools)  # fmt: skip
        self._voicemail = Voicemail(brief.voicemail, presses, keen=waits)
        self._message = brief.voicemail.message if brief.voicemail else ""
        self._default = brief.voicemail_message
        self._turns = turns
        self._dialogue = dialogue
        self._caller = caller
        self._row = row
        self._report = report
        self._ask = ask
        self._finals: list[str] = []
        self.playing = False  # a sound file is the message, and is being played

    def begin(self, now: float) -> None:
        """The call is answered."""
        self._voicemail.begin(now)

    def heard(self, heard: Heard) -> None:
        """The transcriber's words."""
        if self._voicemail.listens:
            self._voicemail.words(" ".join([*self._finals, heard.text]).strip())
            if heard.final and heard.text:
                self._finals.append(heard.text)

    def listen(self, sound: Sound, now: float) -> None:
        """The newest frames of the line."""
        if wish := self._dialogue.message_wish:
            self._dialogue.message_wish = None
            self._wished(wish.message or self._default, wish.wait, now)
        if not self._voicemail.listens:
            return
        said = self._row.said(sound)
        step = self._voicemail.hear(frames_of(sound.pcm), sound.speech, said, now)
        if step:
            self._come_to_pass(step, now)
        if self._voicemail.asks_model(now):
            self._ask(self._voicemail.text)

    def judged(self, machine: bool, now: float) -> None:
        """What the model made of the words."""
        self._report.happened("voicemail_asked", now, machine=machine)
        self._voicemail.told(machine)

    def leave(self, now: float) -> None:
        """Say the message, now."""
        facts = {"beep": self._voicemail.beeped, "message": self._message}
        self._report.happened("voicemail_message", now, **facts)
        self._dialogue.conclude = Ended.VOICEMAIL
        if _is_url(self._message):
            self.playing = True
            self._play(PLAY)
        else:
            self._dialogue.say(self._message)

    def result(self, action: str, ok: bool, content: str, now: float) -> bool:
        """How a sound file went; whether it was one that this was about."""
        if action not in (FETCH, PLAY, STOP):
            return False
        if not ok:
            self._report.happened("voicemail_sound_failed", now, why=content)
        if action == PLAY:
            self.playing = False
        return True

    def _wished(self, message: str, wait: bool, now: float) -> None:
        """The model has called its tool."""
        self._message = message
        self._voicemail.asked(wait, now)
        self._found(now)

    def _come_to_pass(self, step: Step, now: float) -> None:
        match step:
            case "menu":
                self._report.happened("menu_answered", now)
                self._dialogue.add([{"role": "system", "content": MENU}])
            case "machine":
                self._found(now)
            case "quiet":
                self._caller.machine_said()
            case "leave":
                self._caller.machine_said()
                self._turns.end("leave", Ended.VOICEMAIL, now)
            case "again":
                self._stop()
                self._report.happened("voicemail_again", now)
                self._turns.step("again", now)
            case "human":
                self._stop()
                self._report.happened("person_picked_up", now)
                self._dialogue.add([{"role": "system", "content": PERSON}])
                self._turns.step("human", now)

    def _found(self, now: float) -> None:
        verdict = self._voicemail.verdict
        facts = {"who": verdict.who, "why": verdict.why, "probability": verdict.probability}
        self._report.happened("voicemail_detected", now, **facts, after_s=verdict.at_s)
        if verdict.who == "fax" or not self._message:
            self._voicemail.over()
            self._caller.machine_said()
            detail = f"answered by a {verdict.who} ({verdict.why})"
            self._turns.end("machine-end", Ended.VOICEMAIL, now, detail)
            return
        if _is_url(self._message):
            self._play(FETCH)
        self._turns.step("machine", now)

    def _play(self, what: str) -> None:
        self._report.action(what, what, PLAY_KIND, {"url": self._message})

    def _stop(self) -> None:
        if self.playing:
            self._play(STOP)
        self.playing = False

    @property
    def listens(self) -> bool:
        """For a machine: to every frame."""
        return self._voicemail.listens

    @property
    def leaving(self) -> bool:
        return self._voicemail.stage is Stage.LEAVING


def _is_url(message: str) -> bool:
    return message.startswith(("http://", "https://"))
