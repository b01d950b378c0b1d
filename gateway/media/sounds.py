"""Sounds that can be played to lines: main keeps them in the shared ``stock``, media reads them.

A sound stays until its room is needed and no line plays it. Tones and the built-in sounds are made
when they are first asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.errors import NoRoom
from gateway.media.ambience import hold_music, office
from gateway.media.lines import FRAME, STOCK, Lines
from gateway.rtp.tones import BEEP, BUSY, RINGBACK

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Sound:
    """Where it lies in ``stock``: frames ``at`` to ``at + frames``."""

    at: int
    frames: int


class Sounds:
    """``region``: whose tones are played, ``us`` or ``eu``."""

    def __init__(self, lines: Lines, region: str = "us") -> None:
        self._lines = lines
        self._sounds: dict[str, Sound] = {}
        self._makers: dict[str, Callable[[], Samples]] = {
            "ringback": lambda: RINGBACK[region],
            "busy": lambda: BUSY[region],
            "beep": lambda: BEEP,
            "hold": hold_music,
            "office": office,
        }

    def of(self, sound: Sound | str) -> Sound:
        """By its name: ringback, busy, beep, hold, office, or one that was added. KeyError."""
        if isinstance(sound, Sound):
            return sound
        if sound not in self._sounds and sound in self._makers:
            self.add(sound, self._makers[sound]())
        return self._sounds[sound]

    def tone(self, name: str) -> Sound:
        if name not in ("ringback", "busy", "beep"):
            raise KeyError(name)
        return self.of(name)

    def __contains__(self, name: str) -> bool:
        return name in self._sounds or name in self._makers

    def add(self, name: str, samples: Samples) -> Sound:
        """Mono at 16 kHz; a last frame that is not full is filled with silence. A name that is
        known keeps its sound. NoRoom: it does not fit."""
        if name in self._sounds:
            return self._sounds[name]
        samples = samples.reshape(-1)
        frames = -(-len(samples) // FRAME)
        if not frames:
            raise ValueError(f"the sound {name!r} is empty")
        sound = Sound(self._room(frames), frames)
        stock = self._lines["stock"][0, sound.at : sound.at + frames].reshape(-1)
        stock[: len(samples)] = samples
        stock[len(samples) :] = 0
        self._sounds[name] = sound
        return sound

    def _room(self, frames: int) -> int:
        """The first gap that is long enough; what nobody plays gives way."""
        if (at := self._gap(frames)) is None:
            self._forget_idle()
            at = self._gap(frames)
        if at is None:
            raise NoRoom(f"{frames / 50:.0f} s of sound do not fit beside what is being played")
        return at

    def _gap(self, frames: int) -> int | None:
        at = 0
        for sound in sorted(self._sounds.values(), key=lambda sound: sound.at):
            if sound.at - at >= frames:
                return at
            at = sound.at + sound.frames
        return at if STOCK - at >= frames else None

    def _forget_idle(self) -> None:
        lines = self._lines
        played = set(lines["play_at"][(lines["live"] == 1) & (lines["play_frames"] > 0)].tolist())
        self._sounds = {name: its for name, its in self._sounds.items() if its.at in played}
