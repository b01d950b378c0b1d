"""How long each row's packets wait, and when that changes: see ``gateway.rtp.jitter``."""

import numpy as np
import numpy.typing as npt

_CALM = 100  # beats that must be calm before the depth shrinks
_LONG = 500  # beats after which a frame is left out of a peer that is never silent
_OFTEN = 3  # packets overtaken, after which the row waits longer even if the peer speaks
_MUCH = 64  # frames: more to spare than there can be

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Waiting:
    """``first`` and ``most`` are frames: how long a packet waits at first, and at the longest.

    A row may wait for nothing only while its network is faultless. After the first packet that is
    late or missing a frame is the least: one that waits is what a lost one is concealed with, or
    decoded from (Opus' FEC), and it spares the row to learn the same lateness after each pause.
    """

    def __init__(self, capacity: int, first: int, most: int) -> None:
        self._first, self.most = first, most
        self.depth = np.full(capacity, first, np.int64)
        self._least = np.full(capacity, first, np.int64)
        self._calm = np.zeros(capacity, np.int64)  # beats
        self._spare = np.full(capacity, _MUCH, np.int64)  # the least to spare while calm
        self._peak = np.zeros(capacity, np.int64)  # and the most
        self._overtaken = np.zeros(capacity, np.int64)  # packets that came too late to be heard
        self._short = np.zeros(capacity, np.int64)  # and by how many beats, at the most

    def begin(self, rows: Rows) -> None:
        """Another stream than before."""
        self.depth[rows] = self._least[rows] = self._first

    def watch(self, rows: Rows) -> None:
        """Its timestamps begin anew."""
        self._calm[rows] = 0
        self._spare[rows] = _MUCH
        self._peak[rows] = 0
        self._overtaken[rows] = self._short[rows] = 0

    def overtake(self, rows: Rows, beats: Rows) -> None:
        """Packets came too late by so many beats, and what came after them was heard."""
        self._overtaken[rows] += 1
        self._short[rows] = np.maximum(self._short[rows], beats)

    def miss(self, rows: Rows) -> None:
        """Sequence numbers were left out, by loss or because they come later."""
        at_once = rows[self.depth[rows] == 0]
        self.overtake(at_once, np.ones(len(at_once), np.int64))

    def grow(self, rows: Rows, beats: Rows) -> None:
        """Wait so much longer; 0 changes nothing."""
        self.depth[rows] += beats
        grew = rows[beats > 0]
        self._least[grew] = np.maximum(self._least[grew], 1)
        self._calm[grew], self._spare[grew] = 0, _MUCH
        self._overtaken[grew] = self._short[grew] = 0

    def shortage(self, rows: Rows, quiet: Mask) -> Rows | None:
        """How much longer they ought to wait, now that they are ``quiet`` or it happened often;
        None, as nearly always: none of them."""
        overtaken = self._overtaken[rows]
        if not np.count_nonzero(overtaken):
            return None
        grow = (overtaken >= _OFTEN) | ((overtaken > 0) & quiet)
        room = np.maximum(self.most - self.depth[rows], 0)
        return np.where(grow, np.minimum(self._short[rows], room), 0)

    def surplus(self, rows: Rows, wait: Rows, quiet: Mask) -> tuple[Rows, Rows, Mask]:
        """A beat later; ``wait`` is how many frames are there beside this one. Which rows may leave
        something out (their places among ``rows``), how many frames, and whether they do so while
        the peer speaks."""
        spare = np.minimum(self._spare[rows], wait)
        peak = np.maximum(self._peak[rows], wait)
        calm = self._calm[rows] + 1
        self._spare[rows], self._peak[rows], self._calm[rows] = spare, peak, calm
        at = np.flatnonzero(calm >= _CALM)
        if not len(at):
            return at, at, at.astype(bool)
        its, spare, peak, calm, quiet = rows[at], spare[at], peak[at], calm[at], quiet[at]
        least = self._least[its]
        excess = np.maximum(spare - least + 1, 0)
        surplus = np.where(quiet, excess // 2, (calm >= _LONG) & (excess > 2))
        depth = np.maximum(self.depth[its] - surplus, least)
        # A row that is waiting for a pause to skip in keeps what it has learnt, for a while.
        done = (spare <= least) | quiet | (calm >= _LONG)
        # A peer's slower clock is no reason to wait longer for ever: nothing waits as long now.
        self.depth[its] = np.where(done, np.maximum(np.minimum(depth, peak), least), depth)
        over = its[done]
        self._calm[over], self._spare[over], self._peak[over] = 0, _MUCH, 0
        return at, surplus, (surplus > 0) & ~quiet
