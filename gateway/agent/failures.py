"""A vendor of the call has failed: who is told, and what it means for the turns."""

import logging
from typing import Any

from gateway import reasons
from gateway.agent.dialogue import Dialogue
from gateway.agent.report import Report
from gateway.agent.turn_table import State
from gateway.agent.turns import Turns
from gateway.errors import VendorError
from gateway.logs import about

log = logging.getLogger(__name__)


class Failures:
    """What has been tried again in vain arrives here; what is tried again is only told."""

    def __init__(self, call: str, turns: Turns, dialogue: Dialogue, report: Report) -> None:
        self._call = call
        self._turns = turns
        self._dialogue = dialogue
        self._report = report

    def retrying(self, error: VendorError, after_s: float, now: float) -> None:
        self._tell("retry", error, now, after_s=after_s)

    def substituted(self, error: VendorError, by: str, now: float) -> None:
        self._tell("substituted", error, now, by=by)

    def mind(self, error: VendorError, now: float) -> None:
        """The model: the first time it is apologised for, then the call ends."""
        self._tell("vendor_error", error, now)
        self._dialogue.model_failures += 1
        if error.worth_retrying and self._dialogue.model_failures == 1:
            self._turns.step("model-failed", now)
        else:
            reason = reasons.model_failed(error.vendor)
            self._turns.end("model-dead", reason, now, error.detail)

    def ear(self, error: VendorError, now: float) -> None:
        self._tell("vendor_error", error, now)
        reason = reasons.transcriber_failed(error.vendor, error.fault)
        self._turns.end("hearing-dead", reason, now, error.detail)

    def voice(self, error: VendorError, now: float, *, spared: bool) -> None:
        """``spared``: another stands by, for an apology; also if that is what failed just now."""
        self._tell("vendor_error", error, now)
        reason = reasons.voice_failed(error.vendor)
        again = spared and self._turns.state is State.ENDING
        self._turns.end("voice-spared" if again else "voice-dead", reason, now, error.detail)

    def _tell(self, what: str, error: VendorError, now: float, **facts: Any) -> None:
        with about(self._call):
            log.warning(
                "%s: %s", what, error, extra={"vendor": error.vendor, "fault": str(error.fault)}
            )
        self._report.happened(
            what, now, vendor=error.vendor, fault=str(error.fault), detail=error.detail, **facts
        )
