"""Toll fraud: what may be called at all, how often, and for how long in a day.

Whoever steals the API's key, or talks an agent into a transfer, meets this last.
"""

from gateway.sip.bucket import Bucket
from gateway.trunks.limits import Minutes
from gateway.trunks.numbers import permits
from gateway.trunks.settings import OutboundSettings


class Toll:
    """Each method says why not, in one sentence, or "" if it may be."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._settings = settings
        self._calls = Bucket(settings.calls_per_minute / 60, max(1.0, settings.calls_per_minute))
        self.minutes = Minutes()

    def number(self, number: str) -> str:
        if permits(self._settings.numbers, number):
            return ""
        return f"no pattern in [outbound] numbers allows {number}"

    def domain(self, host: str) -> str:
        if permits(self._settings.domains, host):
            return ""
        return f"no pattern in [outbound] domains allows {host}"

    def another_call(self, now: float) -> str:
        """Through a trunk, where calls cost money. A call that may be is counted by this."""
        most = self._settings.minutes_per_day
        if most and self.minutes.spoken(now) >= most:
            return f"[outbound] minutes_per_day: {most} minutes were spoken within 24 hours"
        if not self._calls.take(now):
            return f"[outbound] calls_per_minute: more than {self._settings.calls_per_minute}"
        return ""
