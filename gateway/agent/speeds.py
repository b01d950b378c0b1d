"""How soon vendors have begun to answer of late, in this process. No clock of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.agent.brief import Choice
from gateway.agent.messages import Used

NEW = 0.2  # the share of the newest measurement in the mean
FORGOTTEN_S = 600.0  # a vendor's bad hour ends, too: what is older counts for nothing
EQUAL_S = 0.1  # finer differences are chance
FAILED_S = 4.0  # a failure is as bad as so long a silence
SLOW_S = 1.0  # a silence of so long says something


@dataclass
class _Mean:
    seconds: float
    at: float


class Speeds:
    """An exponentially weighted mean of the time to the first token (or sound), per model."""

    def __init__(self) -> None:
        self._means: dict[tuple[str, str], _Mean] = {}

    def used(self, used: Used) -> None:
        """A request is over. One that was cut short before it gave anything would have taken
        longer than that: it makes no model look quicker."""
        key, now = (used.vendor, used.model), used.ended_at
        mean = self._known(key, now)
        if used.fault:
            seconds = FAILED_S
        elif used.first_at is not None:
            seconds = used.first_at - used.began_at
        else:
            seconds = now - used.began_at
            if seconds <= (mean.seconds if mean else SLOW_S):
                return
        weighted = mean.seconds + NEW * (seconds - mean.seconds) if mean else seconds
        self._means[key] = _Mean(weighted, now)

    def sorted(self, choices: Sequence[Choice], now: float) -> list[Choice]:
        """The quickest first. Those of which nothing is known come before, so that it becomes
        known; among these, and among equally quick ones, the given order stays."""

        def slowness(choice: Choice) -> float:
            mean = self._known((choice.vendor, choice.model), now)
            return mean.seconds // EQUAL_S if mean else -1.0

        return sorted(choices, key=slowness)

    def _known(self, key: tuple[str, str], now: float) -> _Mean | None:
        mean = self._means.get(key)
        return mean if mean and now - mean.at < FORGOTTEN_S else None
