"""Telephone digits as RTP events (RFC 4733), both ways, for rows.

In: a key press is a series of packets with one timestamp; its last is sent three times; any of
them may be lost. A press counts once, when the first packet with its timestamp arrives. A press
over 8 s is cut into segments with timestamps of their own (section 2.5.1.3), which count as one.

Out: a digit takes the place of the sound for seven beats: four updates and the end three times,
100 ms in all, then 40 ms of sound or silence before the next: 80 ms between the tones.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.rtp.packet import Headers

KEYS = "0123456789*#ABCD"  # by event code (table 3)
_STEP = 160  # timestamp units in a beat at 8 kHz
_UPDATES = 4
_ENDS = 3  # how often the last packet is sent (section 2.5.1.4)
_GAP = 2  # beats
TONE_BEATS = _UPDATES + 1  # 100 ms
BEATS = _UPDATES + _ENDS + _GAP  # from one digit to the next
_VOLUME = 10  # -10 dBm0
_OLD = 500  # beats: an event this far back is a restarted clock, not an old packet

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


class DigitsIn:
    """Which key press each row's last event packet belonged to."""

    def __init__(self, capacity: int) -> None:
        self._any = np.zeros(capacity, bool)
        self._timestamp = np.zeros(capacity, np.uint32)
        self._event = np.zeros(capacity, np.uint8)
        self._duration = np.zeros(capacity, np.uint16)
        self._ended = np.zeros(capacity, bool)

    def forget(self, rows: Rows | int) -> None:
        self._any[rows] = False

    def recall(self, row: int, timestamp: int, event: int) -> None:
        """This was the last press: another process counted it."""
        self._any[row], self._ended[row] = True, False
        self._timestamp[row], self._event[row], self._duration[row] = timestamp, event, 0

    def take(
        self, rows: Rows, headers: Headers, data: Bytes, step: Rows | int = _STEP
    ) -> tuple[Mask, Bytes]:
        """A batch of event packets, at most one a row, whose clock has ``step`` ticks in a beat.
        Returns which begin a new press, and each one's event code. Events that are no keys (flash,
        tones) are ignored."""
        n = np.arange(len(rows))
        at = np.minimum(headers.start, data.shape[1] - 4)
        event = data[n, at]
        end = data[n, at + 1] >= 0x80
        duration = (data[n, at + 2].astype(np.uint16) << 8) | data[n, at + 3]
        good = (headers.end - headers.start >= 4) & (event < len(KEYS))

        ahead = (headers.timestamp - self._timestamp[rows]).view(np.int32).astype(np.int64)
        same = self._any[rows] & (ahead == 0)
        old = self._any[rows] & (ahead < 0) & (ahead > -_OLD * step)
        # A long press goes on where its last segment, which had no end, left off.
        segment = self._any[rows] & ~self._ended[rows] & (event == self._event[rows])
        segment &= ~headers.marker & (ahead > 0) & (self._duration[rows] >= 0xFFFF - 2 * step)
        segment &= np.abs(ahead - 0xFFFF) <= 2 * step
        new = good & ~same & ~old & ~segment

        newer = good & ~old
        kept = rows[newer]
        longest = np.where(same, np.maximum(self._duration[rows], duration), duration)
        self._ended[kept] = (end | (same & self._ended[rows]))[newer]
        self._duration[kept] = longest[newer]
        self._timestamp[kept] = headers.timestamp[newer]
        self._event[kept] = event[newer]
        self._any[kept] = True
        return new, event


@dataclass(frozen=True)
class Dialling:
    """One beat of sending digits. Every array has an entry for each row asked about."""

    busy: Mask  # a digit, or the gap behind it, is not over
    beat: Rows  # of the digit, from 0; where busy
    event: Bytes
    sends: Mask  # an event packet goes out now, with these:
    marker: Mask
    timestamp: npt.NDArray[np.uint32]
    payload: Bytes  # rows x 4
    done: Mask  # the digit's last packet goes out now


class DigitsOut:
    """How far each row is with the digit it sends."""

    def __init__(self, capacity: int) -> None:
        self._beat = np.zeros(capacity, np.int64)  # from 1; 0: no digit
        self._event = np.zeros(capacity, np.uint8)
        self._began = np.zeros(capacity, np.uint32)

    def forget(self, row: int) -> None:
        self._beat[row] = 0

    def idle(self, rows: Rows) -> Mask:
        """Rows that could begin a digit."""
        return np.asarray(self._beat[rows] == 0)

    def start(self, rows: Rows, events: Bytes, timestamps: npt.NDArray[np.uint32]) -> None:
        """Begin a digit on idle rows, at this beat's timestamp."""
        self._beat[rows], self._event[rows], self._began[rows] = 1, events, timestamps

    def step(self, rows: Rows, step: Rows | int = _STEP) -> Dialling:
        """One beat; each row once. ``step``: ticks of the events' clock in it."""
        beat, event = self._beat[rows], self._event[rows]
        busy = beat > 0
        self._beat[rows] = np.where(busy, (beat + 1) % (BEATS + 1), 0)
        duration = step * np.minimum(beat, TONE_BEATS)
        payload = np.empty((len(rows), 4), np.uint8)
        payload[:, 0] = event
        payload[:, 1] = _VOLUME | np.where(beat > _UPDATES, 0x80, 0)
        payload[:, 2], payload[:, 3] = duration >> 8, duration & 0xFF
        return Dialling(
            busy,
            beat - 1,
            event,
            busy & (beat <= _UPDATES + _ENDS),
            beat == 1,
            self._began[rows],
            payload,
            beat == _UPDATES + _ENDS,
        )


def events(digits: str) -> list[int]:
    """The event codes of a string of keys. ValueError names a character that is no key."""
    for digit in digits:
        if digit.upper() not in KEYS:
            raise ValueError(f"{digit!r} is not a telephone key (0-9, *, #, A-D)")
    return [KEYS.index(digit.upper()) for digit in digits]
