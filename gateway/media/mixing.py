"""Who hears whom, and what is played to a line: main's side of ``mixer``.

A line's peer hears the line's own agent, unless that is muted, and whoever else it is told to.
Nothing here renegotiates anything with a peer; every change sounds from the next beat on.
"""

from abc import abstractmethod

import numpy as np

from gateway.media.lines import (
    ALL_EARS,
    HUSHED,
    LENT,
    LOOP,
    MIXED,
    NO_AGENT,
    ONCE,
    UNDER,
    UNHEARD,
    Lines,
)
from gateway.media.sounds import Sound, Sounds
from gateway.media.tap import Tap

_QUIET_DB = -12.0  # of a background, before it is ducked


class Mixing:
    """What a ``Line`` can be told about its company. ``gain_db`` 0 leaves loudness as it is."""

    row: int
    lines: Lines
    parted = False  # given back: the row may be another's by now
    _background: tuple[Sound, float] | None = None

    @property
    @abstractmethod
    def sounds(self) -> Sounds:
        """What there is to be played."""

    # Peers.

    def bridge(self, other: "Mixing") -> None:
        """The two peers hear one another. Their agents are heard and hear as before."""
        self.hear(other)
        other.hear(self)

    def unbridge(self, other: "Mixing") -> None:
        self.unhear(other)
        other.unhear(self)

    def hear(self, other: "Mixing", gain_db: float = 0.0) -> None:
        """This line's peer hears the other's. ValueError: it hears SOURCES others already."""
        self._hear(other.row + 1, gain_db)

    def unhear(self, other: "Mixing") -> None:
        self._unhear(other.row + 1)

    def mute_peer(self, muted: bool) -> None:
        """Nobody hears what this line's peer says: neither agents nor other peers."""
        self._flag(UNHEARD, muted)

    # Agents.

    def mute_agent(self, muted: bool) -> None:
        """This line's peer does not hear its agent; those to whom the agent is lent do."""
        self._flag(HUSHED, muted)

    def agent_to(self, *hearers: "Mixing") -> None:
        """Just these lines' peers hear this line's agent: itself and another for three at once,
        another alone for a whisper, none for silence."""
        lines = self.lines
        others = {line.row for line in hearers} - {self.row}
        for row in np.flatnonzero((lines["sources"] == -(self.row + 1)).any(axis=1)).tolist():
            if row not in others:
                _drop(lines, row, "sources", -(self.row + 1))
        for line in hearers:
            if line is not self:
                line._hear(-(self.row + 1), 0.0)
        self._flag(LENT, bool(others))
        self.mute_agent(self not in hearers)

    def agent_hears(self, *others: "Mixing") -> None:
        """This line's agent hears these lines' peers besides its own; the speech of any of them
        interrupts it. ValueError: more than SOURCES."""
        heard = self.lines["agent_hears"][self.row]
        rows = sorted({line.row for line in others} - {self.row})
        if len(rows) > len(heard):
            raise ValueError(f"an agent can hear {len(heard)} other lines, not {len(rows)}")
        heard[:] = 0
        heard[: len(rows)] = np.array(rows) + 1
        self._flag(ALL_EARS, bool(rows))

    def give_agent(self, agent: int | None) -> None:
        """Which agent process serves the line from now on; None: it has no agent any more."""
        self.lines["agent"][self.row] = NO_AGENT if agent is None else agent

    # Sounds.

    def play(self, sound: Sound | str, gain_db: float = 0.0, *, once: bool = False) -> None:
        """Play a sound, by itself or its name in ``Sounds``, over and over or once, until
        ``stop``; it takes the place of any other. KeyError: there is none of that name."""
        self._play(sound, gain_db, ONCE if once else LOOP)

    def tone(self, name: str) -> None:
        """``ringback`` or ``busy`` until ``stop``; ``beep`` once. KeyError: no such tone."""
        self._play(self.sounds.tone(name), 0.0, ONCE if name == "beep" else LOOP)

    def stop(self) -> None:
        """End what is played; the background, if there is one, is heard again."""
        if self._background:
            self._play(*self._background, UNDER)
        else:
            self.lines["play_frames"][self.row] = 0
            self.lines["plays"][self.row] += 1
            self._mixes()

    def background(self, sound: Sound | str | None, gain_db: float = _QUIET_DB) -> None:
        """A sound under the agent's voice, over and over, softer while the agent speaks. None:
        there is no more of it."""
        before = self._background
        self._background = (self.sounds.of(sound), gain_db) if sound is not None else None
        if before is None and self.playing:
            return  # it comes when that is stopped
        self.stop()

    @property
    def playing(self) -> bool:
        """Something is being played, or about to be: once, a loop or the background."""
        lines, row = self.lines, self.row
        frames = int(lines["play_frames"][row])
        if lines["play_how"][row] == ONCE and lines["plays"][row] == lines["playing"][row]:
            return bool(lines["played"][row] < frames)
        return frames > 0

    # Listening in.

    def listen(self) -> Tap:
        """Follow what is heard and said on the line from now on; nobody notices. Close it."""
        return Tap(self)

    def followers(self, change: int) -> None:
        """So many more (or less) who are no agent follow the line's sound: it must be decoded."""
        if not self.parted:
            followers = self.lines["followers"]
            followers[self.row] = int(followers[self.row]) + change

    def part(self) -> None:
        """The line is given back: nobody hears it or its agent any more."""
        self.parted = True
        lines, row = self.lines, self.row
        for name, whose in (("sources", row + 1), ("sources", -row - 1), ("agent_hears", row + 1)):
            for other in np.flatnonzero((lines[name] == whose).any(axis=1)).tolist():
                _drop(lines, other, name, whose)

    def _hear(self, source: int, gain_db: float) -> None:
        sources, gains = (self.lines[name][self.row] for name in ("sources", "gains"))
        at = np.flatnonzero((sources == source) | (sources == 0))
        if not len(at):
            raise ValueError(f"row {self.row} hears {len(sources)} others already")
        same = at[sources[at] == source]
        place = (same if len(same) else at)[0]
        gains[place] = 10 ** (gain_db / 20)
        sources[place] = source
        self._mixes()

    def _unhear(self, source: int) -> None:
        _drop(self.lines, self.row, "sources", source)

    def _play(self, sound: Sound | str, gain_db: float, how: int) -> None:
        lines, row = self.lines, self.row
        chosen = self.sounds.of(sound)
        lines["play_at"][row], lines["play_frames"][row] = chosen.at, chosen.frames
        lines["play_gain"][row], lines["play_how"][row] = 10 ** (gain_db / 20), how
        lines["plays"][row] += 1
        self._mixes()

    def _flag(self, flag: int, on: bool) -> None:
        mixes = self.lines["mixes"]
        mixes[self.row] = int(mixes[self.row]) & ~flag | (flag if on else 0)
        self._mixes()

    def _mixes(self) -> None:
        _mixes(self.lines, self.row)


def _drop(lines: Lines, row: int, name: str, source: int) -> None:
    its = lines[name][row]
    its[its == source] = 0
    if name == "agent_hears" and not its.any():
        lines["mixes"][row] &= ~np.uint8(ALL_EARS)
    _mixes(lines, row)


def _mixes(lines: Lines, row: int) -> None:
    """Whether media has anything to mix for this row's peer."""
    flags = int(lines["mixes"][row])
    busy = flags & HUSHED or lines["sources"][row].any() or lines["play_frames"][row]
    lines["mixes"][row] = flags & ~MIXED | (MIXED if busy else 0)
