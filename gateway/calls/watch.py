"""A call's sound is looked at while it runs: is there any, both ways, and is it recorded?"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from gateway.calls import metrics
from gateway.calls.diagnosis import BACK, Diagnosis
from gateway.logs import about

if TYPE_CHECKING:
    from gateway.calls.call import Call

log = logging.getLogger(__name__)

LOOK_S = 1.0  # between two looks


class Watch:
    """Looks from now on, until ``stop``."""

    def __init__(self, call: "Call", answered: float) -> None:
        self._call = call
        self._diagnosis = Diagnosis(answered)
        self._lost: str | None = None  # why the recording lacks something, as it was told
        self._next = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def stop(self) -> None:
        self._next.cancel()

    def _look(self) -> None:
        call = self._call
        with about(call.record.id):
            self.see_recording()
            for finding in self._diagnosis.look(call.leg.symptoms(), time.monotonic()):
                call.happened(finding.what, advice=finding.advice)
                metrics.SOUND_TROUBLE.labels(finding.what).inc()
                level = logging.INFO if finding.what == BACK else logging.WARNING
                log.log(level, "%s: %s", finding.what, finding.advice)
            self._next = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def see_recording(self) -> None:
        """Say so if it lacks something, also while the call runs; the log has it from media."""
        if (lost := self._call.leg.recording_lost) and lost != self._lost:
            if self._lost is None:
                metrics.RECORDINGS_LOST.inc()
            self._lost = lost
            self._call.happened("recording_lost", why=lost)
