"""Which of several models is asked, and which one after it failed. No IO, no clock."""

from collections.abc import Sequence

from gateway.errors import Fault, VendorError

REST_S = 60.0  # a model that failed is not the first to be asked for so long
_FOR_GOOD = (Fault.AUTH, Fault.QUOTA)  # within a call, these do not mend


class Succession:
    """Models by number, in the order of preference.

    The first is asked; when it fails, at once the next that has not been tried for this reply. When
    all have failed, those that may have recovered are tried again after a pause: as many rounds as
    there are ``pauses`` where there is one model, a single one where there are several, because
    the caller has waited for all of them. At the very end those whose key was refused earlier
    in the call are asked once more: a vendor's own sign-in may have been ill, and the call is lost
    otherwise.
    """

    def __init__(self, pauses: Sequence[float]) -> None:
        self._pauses = pauses
        self._order: tuple[int, ...] = (0,)
        self._tried: set[int] = set()
        self._refused: set[int] = set()  # a request that is wrong for it is so again
        self._rounds = 0
        self._asked: set[int] = set()  # for this reply
        self._gone: set[int] = set()
        self._resting: dict[int, float] = {}  # until when
        self.current = 0

    def begin(self, order: Sequence[int], now: float) -> None:
        """A new reply is wanted."""
        self._order = tuple(order)
        self._tried.clear()
        self._refused.clear()
        self._asked.clear()
        self._rounds = 0
        usable = [one for one in self._order if one not in self._gone] or self._order
        fresh = [one for one in usable if self._resting.get(one, now) <= now]
        self.current = (fresh or usable)[0]

    @property
    def others(self) -> bool:
        """There is another one to go to at once."""
        return any(one != self.current for one in self._untried())

    @property
    def second(self) -> int:
        """Who is asked beside the current one: the next, or that one again."""
        return next((one for one in self._untried() if one != self.current), self.current)

    def lost(self, one: int, error: VendorError, now: float) -> None:
        """It failed, while another is being asked."""
        self._asked.add(one)
        self._tried.add(one)
        self._resting[one] = now + REST_S
        if error.fault in _FOR_GOOD:
            self._gone.add(one)
        elif not error.worth_retrying:
            self._refused.add(one)

    def failed(self, error: VendorError, now: float) -> float | None:
        """The current one did; seconds until ``current`` is to be asked. None: no more."""
        self.lost(self.current, error, now)
        if untried := self._untried():
            self.current = untried[0]
            return 0.0
        rounds = self._pauses if len(self._order) == 1 else self._pauses[:1]
        if not self._hopeful() or self._rounds >= len(rounds):
            return self._pardon()
        self._tried.clear()
        self.current = self._hopeful()[0]
        self._rounds += 1
        return max(rounds[self._rounds - 1], min(error.retry_after_s or 0.0, 2.0))

    def succeeded(self) -> None:
        self._resting.pop(self.current, None)
        self._gone.discard(self.current)

    def _pardon(self) -> float | None:
        gone = [one for one in self._order if one in self._gone - self._asked]
        if not gone:
            return None
        self.current = gone[0]
        return 0.0

    def _hopeful(self) -> list[int]:
        return [one for one in self._order if one not in self._gone | self._refused]

    def _untried(self) -> list[int]:
        return [one for one in self._hopeful() if one not in self._tried]
