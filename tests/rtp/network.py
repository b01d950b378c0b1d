"""Bad networks in memory: when each packet of a stream arrives, if it does; the same for a seed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Network:
    """``loss``: the share of packets that never come, in bursts of ``burst`` on average (Gilbert's
    two states). ``jitter_s``: the most that a packet waits in queues, whose length sways over
    ``sway_s``; they keep the order. ``overtaken``: the share that is held up for ``held_s`` by
    itself, so that others pass it. ``twice``: the share that comes two times."""

    loss: float = 0.0
    burst: float = 1.0
    jitter_s: float = 0.0
    sway_s: float = 0.1
    overtaken: float = 0.0
    held_s: float = 0.03
    twice: float = 0.0

    def carry(self, sent_at: npt.NDArray[np.float64], seed: int) -> list[tuple[float, int]]:
        """Packets that were sent at these times (s): when something arrives, and its index."""
        rng, n = np.random.default_rng(seed), len(sent_at)
        at = sent_at + self._queue(sent_at, rng)
        held = rng.random(n) < self.overtaken
        at[held] += rng.uniform(self.held_s / 2, self.held_s, int(held.sum()))
        come = ~self._lost(n, rng)
        again = come & (rng.random(n) < self.twice)
        index = np.concatenate([np.flatnonzero(come), np.flatnonzero(again)])
        at = np.concatenate([at[come], at[again] + rng.uniform(0, 0.04, int(again.sum()))])
        order = np.argsort(at, kind="stable")
        return list(zip(at[order].tolist(), index[order].tolist(), strict=True))

    def _lost(self, n: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        leave = 1 / self.burst
        enter = min(1.0, self.loss * leave / max(1 - self.loss, 1e-9))
        draws, bad = rng.random(n), np.zeros(n, bool)
        state = False
        for i, draw in enumerate(draws.tolist()):
            state = draw >= leave if state else draw < enter
            bad[i] = state
        return bad

    def _queue(
        self, sent_at: npt.NDArray[np.float64], rng: np.random.Generator
    ) -> npt.NDArray[np.float64]:
        """How long each packet waits: mostly little, now and then nearly ``jitter_s``."""
        n = len(sent_at)
        if not self.jitter_s or not n:
            return np.zeros(n)
        keep = np.exp(-np.diff(sent_at, prepend=sent_at[0]) / self.sway_s)
        level, levels = 0.0, np.empty(n)
        kicks = rng.normal(0, 1, n).tolist()
        for i, (k, kick) in enumerate(zip(keep.tolist(), kicks, strict=True)):
            level = k * level + float(np.sqrt(max(1 - k * k, 0.0))) * kick
            levels[i] = level
        wait = np.minimum(np.abs(levels) / 2.5, 1.0) * self.jitter_s
        return np.asarray(np.maximum.accumulate(sent_at + wait) - sent_at)
