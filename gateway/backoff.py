"""When a request to somebody's server is made again: the documented BackoffPlan."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """When something is tried again: ``retries`` times, ``base_s`` apart or doubling from it."""

    retries: int = 3
    base_s: float = 1.0
    doubling: bool = True
    never: frozenset[int] = frozenset()  # status codes that are final

    def wait_s(self, tried: int) -> float:
        return self.base_s * 2 ** (tried - 1) if self.doubling else self.base_s

    def again(self, tried: int, status: int | None) -> bool:
        """After ``tried`` attempts of which the last was answered so; None: not answered."""
        worth_it = status is None or status in (408, 425, 429) or status >= 500
        return worth_it and status not in self.never and tried <= self.retries
