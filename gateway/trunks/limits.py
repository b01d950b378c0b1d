"""How many at once, how many a second, how many minutes a day: counted, never guessed."""

from collections import deque

from gateway.sip.bucket import Bucket


class Channels:
    """Calls at once and new calls a second, in one direction; 0 is no limit."""

    def __init__(self, most: int, per_second: float) -> None:
        self.most, self.per_second = most, per_second
        self.used = 0
        # A limit of 1 call a second lets one through at any time, not two at once.
        self._bucket = Bucket(per_second, max(1.0, per_second))

    def take(self, now: float) -> str:
        """Why not, or "" and it is taken until ``give_back``."""
        if self.most and self.used >= self.most:
            return f"all of its {self.most} channels are taken"
        if not self._bucket.take(now):
            return f"more than {self.per_second:g} calls a second"
        self.used += 1
        return ""

    def give_back(self) -> None:
        self.used -= 1

    def limit(self, most: int, per_second: float) -> None:
        """New limits; calls that are up stay counted."""
        if (most, per_second) != (self.most, self.per_second):
            self.most, self.per_second = most, per_second
            self._bucket = Bucket(per_second, max(1.0, per_second))


DAY_S = 86_400.0
HOUR_S = 3600.0


class Minutes:
    """What was spoken within the last 24 hours, by the hour; running calls count as they go."""

    def __init__(self) -> None:
        self._hours: deque[tuple[float, float]] = deque()  # begun at, seconds spoken in it
        self._running: dict[str, float] = {}

    def begin(self, call: str, now: float) -> None:
        self._running[call] = now

    def end(self, call: str, now: float) -> None:
        began = self._running.pop(call, None)
        if began is None:
            return
        if not self._hours or now - self._hours[-1][0] >= HOUR_S:
            self._hours.append((now, 0.0))
        at, seconds = self._hours.pop()
        self._hours.append((at, seconds + now - began))

    def spoken(self, now: float) -> float:
        """Minutes."""
        while self._hours and now - self._hours[0][0] >= DAY_S + HOUR_S:
            self._hours.popleft()
        running = sum(min(now - began, DAY_S) for began in self._running.values())
        return (sum(seconds for _, seconds in self._hours) + running) / 60
