"""Which agent process gets the next call, and whether any can bear one. No IO, no clock.

A process tells once a second what it is doing. Calls go where the least is done, which is not
always where the fewest calls are; who lags gets none; if all do, the call is better refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import NoRoom

A_CALL = 0.005  # of a core: what a call is taken for while nothing better is known
SILENT_S = 5.0  # a process that has not told anything for so long lags, whatever it told last


class Overloaded(NoRoom):
    """Every agent process lags: one more call would be bad, and make the others worse."""

    status = 503


@dataclass
class Load:
    """Of one process. ``lag_s`` is how late its loop has come to what was due, on average of each
    of the last two seconds the better: one long breath is not overload."""

    cpu: float = 0.0  # share of a core
    lag_s: float = 0.0
    lagging: bool = False
    told_at: float | None = None  # monotonic seconds
    _before_s: float = 0.0
    _calls: int = 0  # when it was told

    def told(self, cpu: float, lag_s: float, calls: int, budget_s: float, now: float) -> None:
        """Once over the budget, it has to come well under it again to be trusted."""
        self.cpu, self._calls, self.told_at = cpu, calls, now
        self.lag_s, self._before_s = min(lag_s, self._before_s), lag_s
        self.lagging = self.lag_s > (budget_s / 2 if self.lagging else budget_s)

    def fit(self, now: float) -> bool:
        return not self.lagging and (self.told_at is None or now - self.told_at < SILENT_S)

    def with_calls(self, calls: int) -> float:
        """The share of a core that it will need, as far as can be told."""
        each = max(self.cpu / self._calls, A_CALL) if self._calls else A_CALL
        return self.cpu + max(0, calls - self._calls) * each


def lightest(loads: Iterable[tuple[Load, int]], now: float) -> int:
    """The number of the process for the next call; ``loads`` with the calls that each holds.
    Raises Overloaded."""
    fit = [
        (load.with_calls(calls), calls, number)
        for number, (load, calls) in enumerate(loads)
        if load.fit(now)
    ]
    if not fit:
        raise Overloaded("Every agent process is overloaded")
    return min(fit)[2]
