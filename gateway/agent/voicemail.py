"""What becomes of a call that a machine may have answered: it is listened for, its beep is waited
for, the message is left; and a person who picks up meanwhile gets the conversation.

It decides and does nothing: :meth:`Voicemail.hear` says what has come to pass, the turn machine and
the pipeline act on it. Its only clock is the ``now`` that it is given.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Literal

import numpy as np
import numpy.typing as npt

from gateway.agent.opening import Opening, Verdict
from gateway.agent.plans import VoicemailPlan
from gateway.media.lines import BEAT_S

Frames = npt.NDArray[np.int16]  # (n, FRAME)
Step = Literal["", "menu", "machine", "quiet", "leave", "again", "human"]

QUIET_S = 1.2  # of silence after a machine's words: who speaks then may be a person
CONFIRMED_S = 1.8  # of waiting after what may have been a person's greeting
RELAPSE_S = 5.0  # into the message: a machine that still speaks then had not beeped
WINDOW_S = 30.0  # after the answer, at the least, in which machines are listened for
CERTAIN = ("beep", "fax tone", "model")  # what decides also where a model is to judge


class Stage(Enum):
    AWARE = "aware"  # of beeps, should the model ask
    LISTENING = "listening"
    WAITING = "waiting"  # for the beep
    LEAVING = "leaving"  # the message
    OVER = "over"


class Voicemail:
    """``plan`` None: nothing is looked for, but the model may decide to leave a message; ``keen``:
    and will then want to know whether it has beeped. ``menus``: the agent can press keys, so a
    menu is no machine to be left alone."""

    def __init__(self, plan: VoicemailPlan | None, menus: bool = False, keen: bool = False) -> None:
        self.stage = Stage.LISTENING if plan else Stage.AWARE if keen else Stage.OVER
        self.plan = plan or VoicemailPlan()
        self.verdict = Verdict()  # that made it a machine
        self.beeped = False  # the message is left after a beep
        self._menus = menus
        self._opening = self._fresh()
        self._after: Opening | None = None  # who has spoken since the machine fell silent
        self._began = 0.0
        self._left_at = 0.0
        self._heeded: float | None = None  # the last beep that something was made of
        self._relapsed = False
        self._text, self._mark = "", 0
        self._checks = 0

    def begin(self, now: float) -> None:
        """The call is answered."""
        self._began = now

    @property
    def listens(self) -> bool:
        return self.stage is not Stage.OVER

    @property
    def text(self) -> str:
        """What the other side has said."""
        return self._text

    def hear(self, heard: Frames, speech: Sequence[int], said: Frames, now: float) -> Step:
        """Frames of the line, their marks, and what was sent in them."""
        if not self.listens:
            return ""
        for frame, mark, ours in zip(heard, speech, said, strict=True):
            self._opening.hear(frame, mark, ours)
            if self._after:
                self._after.hear(frame, mark, ours)
        match self.stage:
            case Stage.AWARE:
                return ""
            case Stage.LISTENING:
                return self._listen(now)
            case Stage.WAITING:
                return self._wait(now)
            case _:
                return self._leave(now)

    def words(self, text: str) -> None:
        """All that the other side has said, as far as it is known."""
        self._text = text
        if self.plan.by == "sound":
            self._opening.words(text)
        if self._after:
            self._after.words(text[self._mark :])

    def asks_model(self, now: float) -> bool:
        """It is time to have a model judge what was said so far."""
        plan = self.plan
        due = self._began + plan.first_check_s + self._checks * plan.every_s
        listening = self.stage is Stage.LISTENING and plan.by == "transcript"
        if not listening or self._checks >= plan.checks or now < due:
            return False
        self._checks += 1
        return bool(self._text.strip())

    def told(self, machine: bool) -> None:
        """What the model thinks."""
        if self.stage is Stage.LISTENING and machine:
            self._opening.told(machine)

    def asked(self, wait: bool, now: float) -> None:
        """The agent's model wants to leave a message: at once, or after the beep, for which it
        is not waited if it has been heard already."""
        self.verdict = Verdict("machine", 1.0, "tool", round(now - self._began, 2))
        self.stage = Stage.WAITING
        if not wait or self._opening.beep_at is not None:
            self._heeded = -1.0
            self.plan = self.plan.model_copy(update={"beep_wait_s": 0.0})

    def over(self) -> None:
        self.stage = Stage.OVER

    def _fresh(self) -> Opening:
        return Opening(self.plan.middle_s, self.plan.pause_s)

    def _listen(self, now: float) -> Step:
        verdict = self._opening.verdict
        decides = self.plan.by == "sound" or verdict.why in CERTAIN
        if (verdict.who == "machine" and decides) or (verdict.who == "fax" and self.plan.fax):
            if verdict.why == "menu" and self._menus:
                self.stage = Stage.OVER
                return "menu"
            self.verdict, self.stage = verdict, Stage.WAITING
            return "machine"
        if now - self._began > max(WINDOW_S, self.plan.beep_wait_s):
            self.stage = Stage.OVER
        return ""

    def _wait(self, now: float) -> Step:
        opening, plan = self._opening, self.plan
        beeped = opening.beep_at is not None and opening.beep_at != self._heeded
        silent = 0 < plan.silence_s <= opening.quiet_s
        if beeped or silent or now - self._began >= plan.beep_wait_s:
            self._heeded, self.beeped = opening.beep_at, beeped
            self.stage, self._left_at = Stage.LEAVING, now
            self._begin_after()
            return "leave"
        if self._after is None and opening.quiet_s >= QUIET_S:
            self._begin_after()
            return "quiet"
        return self._person()

    def _leave(self, now: float) -> Step:
        opening = self._opening
        if not self.beeped and opening.beep_at not in (None, self._heeded):
            self.stage = Stage.WAITING  # it came late: once more from the beginning
            return "again"
        went_on = self._after is not None and self._after.verdict.who == "machine"
        if went_on and not self._relapsed and now - self._left_at < RELAPSE_S:
            self._relapsed, self.stage, self._after = True, Stage.WAITING, None
            return "again"
        return self._person()

    def _person(self) -> Step:
        after = self._after
        if after is None:
            return ""
        if after.verdict.who == "machine" and self.stage is Stage.WAITING:
            self._after = None
        if after.verdict.who != "human" or after.quiet_s < CONFIRMED_S - BEAT_S / 2:
            return ""
        self.stage = Stage.LISTENING
        self._opening, self._after = self._fresh(), None
        self._checks = self.plan.checks
        return "human"

    def _begin_after(self) -> None:
        self._after = self._fresh()
        self._mark = len(self._text)
