"""Which of several equal vendors is used, and when it is tried again."""

from gateway.errors import Fault, VendorError

LONGEST_S = 2.0  # that a vendor's Retry-After may keep the caller waiting
PARDONED = (Fault.AUTH, Fault.QUOTA)


class Rota:
    """Vendors in order of preference; a failure gives the turn to the next.

    One that no second attempt can help (a wrong key, an empty account, a request it does not
    understand) is out. The others take turns: each round's pause is one of ``pauses``, and a
    success begins again with the first pause, at the vendor that had it. When they are at their
    end, those whose key was refused before the last success are asked once more: a vendor's own
    sign-in may have been ill, and the call is lost otherwise.
    """

    def __init__(self, count: int, pauses: tuple[float, ...]) -> None:
        self.current = 0
        self._left = list(range(count))
        self._refused: list[int] = []  # for their keys, since the last success,
        self._out: list[int] = []  # and before it
        self._pauses = pauses
        self._failures = 0  # since the last success

    def succeeded(self) -> None:
        self._failures = 0
        self._out += self._refused
        self._refused.clear()

    def failed(self, error: VendorError) -> float | None:
        """Seconds until ``current``, which may be another now, is worth a try; None: nothing is."""
        failed, place = self.current, self._left.index(self.current)
        if error.worth_retrying:
            round_ = self._failures // len(self._left)
            self._failures += 1
            place += 1
        else:
            self._left.remove(failed)
            if error.fault in PARDONED:
                self._refused.append(failed)
            round_ = 0
        if not self._left or round_ >= len(self._pauses):
            return self._pardon()
        self.current = self._left[place % len(self._left)]
        pause = self._pauses[round_]
        if self.current == failed:
            pause = max(pause, min(error.retry_after_s or 0.0, LONGEST_S))
        return pause

    def _pardon(self) -> float | None:
        if not self._out:
            return None
        self.current = self._out.pop(0)
        self._left.insert(0, self.current)
        return 0.0
