"""Tones found in what the peer says: the beep after which a mailbox records, and those that sound
like one: keys (ITU-T Q.23), fax (T.30 4.3.3), a call's progress (ringing, busy), a melody's notes;
and the three that say that a number is not to be had (ITU-T E.180).

A tone is a run of frames whose energy stands almost whole in one spectral peak, or in two, that
does not move. Speech never does that for a tenth of a second; notes do, and are told from a beep
by their neighbours: a beep is alone, and silence follows it.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gateway.agent.intercept import Intercept
from gateway.media.lines import FRAME, RATE

Samples = npt.NDArray[np.int16]

_SIZE = 2 * FRAME  # of a spectrum: 40 ms, bins of 25 Hz
_HZ = RATE / _SIZE
_WINDOW = np.hanning(_SIZE).astype(np.float32)
_FULL = float(np.sum(_WINDOW)) ** 2 * 32768**2 / 4  # power of a full sine's peak
_BAND = slice(4, 137)  # 100 to 3,400 Hz: what a telephone line carries
_BEEPS = (380.0, 2050.0)  # Hz; of two tones, the lower one's
_SECOND = 3000.0  # and the higher one's at the most
_ONE, _TWO = 0.9, 0.93  # shares of the energy that make one peak a tone, or two
_LEAST_DB = -45.0
_LOW = np.array([697, 770, 852, 941])
_HIGH = np.array([1209, 1336, 1477, 1633])

_SAME_HZ = 15.0
_SHORTEST, _LONGEST = 4, 62  # frames of a beep: spectra overlap, so 0.1 s is at least four
_NOTE = 6  # frames of the shortest note; a voice may keep its pitch for less
_MELODY = 75  # frames before a beep in which another tone makes it a note
_QUIET = 10  # frames of silence that must follow
_QUIET_PROGRESS = 40  # the same at the pitches of ringing and busy, which come again
_QUIET_DB = 10.0  # how far below the beep that silence is
_FAX = 70  # frames of 2,100 Hz that only a fax machine (or a modem) sends; no beep is so long
_SPOKE = 8  # frames of speech; fewer may be a tone's edges
_CALLING = 250  # frames within which a calling fax is heard again
_BUSY = 11  # frames of the shortest pulse of a network
_TONES = 7  # that are remembered, and the newest
_AROUND = 9  # bins to both sides that a bin is measured by

Kind = Literal["beep", "fax", "key", "progress", "note", "intercept"]


@dataclass(frozen=True, slots=True)
class Tone:
    """Frames ``began`` to ``ended``, counted since the first that was heard."""

    kind: Kind
    hz: tuple[float, ...]
    began: int
    ended: int


@dataclass(slots=True)
class _Run:
    hz: tuple[float, ...]
    began: int
    ended: int
    db: float  # its loudest frame

    @property
    def frames(self) -> int:
        return self.ended - self.began

    def same(self, hz: tuple[float, ...]) -> bool:
        """One pitch of two may come and go."""
        return any(abs(a - b) <= _SAME_HZ for a in self.hz for b in hz)


class Beeps:
    """Feed it every frame (320 samples at 16 kHz), in order."""

    def __init__(self) -> None:
        self.frames = 0
        self.tonal = False  # the newest frame is a tone's, not a voice's
        self.db = -100.0  # of the newest frame, in the telephone's band
        # Of its spectrum, each bin beside its neighbourhood: near 0 where it is made of tones, as
        # voices are, and not so of a noise that only falls with its pitch.
        self.flatness = 1.0
        self.peak = 0  # the loudest bin
        self._last: Samples = np.zeros(FRAME, np.int16)
        self._run: _Run | None = None
        self._pending: _Run | None = None  # a beep, if nothing follows it
        self._past: list[_Run] = []
        self._intercept = Intercept()
        self._spoke = 0  # frames of speech before

    def hear(self, frame: Samples, speech: bool) -> Tone | None:
        """The tone that is known with this frame to have ended, if any. ``speech``: it is marked
        so by the detector of voices, which may be wrong about tones."""
        hz, db = self._peaks(frame)
        self.tonal = bool(hz)
        self._spoke += speech and not self.tonal
        self.frames += 1
        if self._run and self._run.same(hz):
            self._run.ended = self.frames
            self._run.hz = max(self._run.hz, hz, key=len)
            self._run.db = max(self._run.db, db)
            return self._whole(hz, self._run)
        self._intercept.hear(hz)
        found = self._end(self._run) if self._run else None
        self._run = _Run(hz, self.frames - 1, self.frames, db) if hz else None
        return found or self._settle(db)

    def _peaks(self, frame: Samples) -> tuple[tuple[float, ...], float]:
        """The tone's frequencies (none: it is no tone) and the level in dBFS."""
        sound = np.concatenate([self._last, frame]).astype(np.float32)
        self._last = frame
        power = np.abs(np.fft.rfft(sound * _WINDOW)) ** 2
        band = power[_BAND]
        total = float(band.sum())
        db = 10 * np.log10(total / 1.5 / _FULL + 1e-12)
        self.db = db
        self.peak = int(band.argmax())
        near = (band + 1.0) / _smooth(band + 1.0)
        self.flatness = float(np.exp(np.log(near).mean()) / near.mean())
        if db < _LEAST_DB:
            return (), db
        first, share = _peak(band)
        if share >= _ONE * total:
            return (_pitch(band, first),), db
        rest = band.copy()
        rest[max(0, first - 2) : first + 3] = 0
        second, more = _peak(rest)
        if share + more >= _TWO * total and more >= 0.03 * share:
            low, high = sorted((_pitch(band, first), _pitch(rest, second)))
            return (low, high), db
        return (), db

    def _whole(self, hz: tuple[float, ...], run: _Run) -> Tone | None:
        """What is known while it still sounds."""
        if self._intercept.hear(hz):
            return Tone("intercept", hz, run.began, run.ended)
        return self._fax(run)

    def _fax(self, run: _Run) -> Tone | None:
        if run.frames == _FAX and any(abs(pitch - 2100) <= 30 for pitch in run.hz):
            return Tone("fax", run.hz, run.began, run.ended)
        return None

    def _end(self, run: _Run) -> Tone | None:
        """A run is over: what was it? A beep is kept until it is seen what follows."""
        if run.frames < _SHORTEST:
            return None
        before = [r for r in self._past if r.ended >= run.began - _MELODY]
        if run.frames >= _NOTE:
            self._past = [*self._past[-_TONES:], run]
        pending = self._pending
        if pending and pending.same(run.hz) and _progress(run.hz) and run.frames >= _BUSY:
            self._pending = None
            return Tone("progress", run.hz, run.began, run.ended)
        if pending and pending.same(run.hz):  # a beep of several pulses
            pending.ended = run.ended
            pending.db = max(pending.db, run.db)
            return None
        self._pending = None
        kind = _kind(run, self._spoke >= _SPOKE)
        if kind == "beep" and self._calls_again(run):
            kind = "fax"
        if kind == "beep" and any(not r.same(run.hz) for r in before):
            kind = "note"
        if kind != "beep":
            return Tone(kind, run.hz, run.began, run.ended)
        if not (_progress(run.hz) and any(r.same(run.hz) for r in before)):
            self._pending = _Run(run.hz, run.began, run.ended, run.db)
        return None

    def _calls_again(self, run: _Run) -> bool:
        """A fax machine that calls: the same half a second, and three of silence between."""
        return _calling(run) and any(
            _calling(r) and 100 <= run.began - r.ended <= _CALLING for r in self._past[:-1]
        )

    def _settle(self, db: float) -> Tone | None:
        pending = self._pending
        if pending is None or self._run:
            return None
        quiet = self.frames - pending.ended
        if quiet > 3 and db > pending.db - _QUIET_DB:
            self._pending = None  # something goes on: it was no beep
            return None
        if quiet < (_QUIET_PROGRESS if _progress(pending.hz) else _QUIET):
            return None
        self._pending = None
        return Tone("beep", pending.hz, pending.began, pending.ended)


def _peak(power: npt.NDArray[np.float32]) -> tuple[int, float]:
    """Where the highest stands and the energy of its lobe."""
    at = int(power.argmax())
    return at, float(power[max(0, at - 2) : at + 3].sum())


def _smooth(power: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    sums = np.cumsum(np.pad(power.astype(np.float64), (_AROUND + 1, _AROUND), mode="edge"))
    return np.asarray((sums[2 * _AROUND + 1 :] - sums[: -2 * _AROUND - 1]) / (2 * _AROUND + 1))


def _calling(run: _Run) -> bool:
    return len(run.hz) == 1 and abs(run.hz[0] - 1100) <= 38 and 20 <= run.frames <= 32


def _pitch(power: npt.NDArray[np.float32], at: int) -> float:
    """Between the bins: the lobe's centre of gravity, of magnitudes."""
    low, high = max(0, at - 1), min(len(power), at + 2)
    lobe = np.sqrt(power[low:high])
    centre = float((lobe * np.arange(low, high)).sum() / lobe.sum())
    return (centre + _BAND.start) * _HZ


def _near(hz: float, pitches: npt.NDArray[np.int64]) -> bool:
    return bool((np.abs(pitches - hz) <= 0.025 * pitches).any())


def _progress(hz: tuple[float, ...]) -> bool:
    """Where ringing and busy are, all over the world; 440 and 480 together look like one here."""
    return 400 <= hz[0] <= 500 and all(pitch <= 500 or 600 <= pitch <= 640 for pitch in hz)


def _kind(run: _Run, spoke: bool) -> Kind:
    if len(run.hz) == 2 and _near(run.hz[0], _LOW) and _near(run.hz[1], _HIGH):
        return "key"
    if not _BEEPS[0] <= run.hz[0] <= _BEEPS[1] or run.hz[-1] > _SECOND:
        return "note"
    if len(run.hz) == 1 and abs(run.hz[0] - 1100) <= 20 and not spoke and 20 <= run.frames <= 30:
        return "fax"  # a calling one: half a second, every three
    if _progress(run.hz) and (run.frames >= 45 or not spoke):
        return "progress"
    return "beep" if run.frames <= _LONGEST else "note"
