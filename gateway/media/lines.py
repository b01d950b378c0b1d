"""Every live line, one row each, one array per column, in memory that all processes share.

A row is one two-way sound: what its peer says is ``heard``, what the peer is sent is ``said``.
Inside the gateway, sound is int16 mono at 16 kHz in frames of 20 ms. This table is the whole
interface between ``media`` and the rest; nothing else is shared.

Each column has exactly one writer while its row is live; the arrays of the other writers are
read-only in a process, so a slip is an exception and not a race. A free row belongs to
``main``, which clears every column in one place: what ``clear`` forgets, the next caller hears.

Cursors count frames (or digits) since the row was opened and never wrap; entry *n* of a ring of
length *L* lies at ``n % L``. A writer publishes data first and its cursor after: on x86-64 and
AArch64 numpy's aligned 8-byte stores are not torn, and a reader never looks past a cursor.
"""

import mmap
import os
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 16_000  # Hz, of all sound inside the gateway
BEAT_S = 0.020
FRAME = 320  # samples in one beat at RATE
RING = 100  # frames that ``heard`` and ``said`` remember: 2 s
QUEUE = 128  # frames an agent may have waiting to be spoken: 2.56 s
DIGITS = 32  # telephone digits remembered in each direction
SOURCES = 6  # others that one row's peer can hear at once, and its agent
SPOKEN = 8  # frames of an agent's voice kept for rows that it is lent to
STOCK = 45_000  # frames of sound that main has ready to be played: 15 min
LONGEST_KEY = 46  # bytes of SRTP master key and salt
NO_AGENT = 255  # a row that no agent hears or speaks on
NO_PAYLOAD = 255  # a payload type that was not negotiated
NO_PAYLOADS = ("payload_out", "comfort_out", "digits_out", "digits_in", "kinds")

PAUSE_OFF, PAUSE_HOLD, PAUSE_DUCK = 0, 1, 2  # values of ``policy``
SILENT, TRAILING, VOICED = 0, 1, 2  # values of ``speech``
LOOP, ONCE, UNDER = 0, 1, 2  # values of ``play_how``

# Bits of ``mixes``. A row that has none costs nothing.
MIXED = 1  # its peer hears more than its own agent, or less
LENT = 2  # other rows hear its agent
ALL_EARS = 4  # its agent hears other rows' peers
UNHEARD = 8  # nobody hears its peer
HUSHED = 16  # its peer does not hear its own agent


class Writer(Enum):
    MAIN = "main"
    MEDIA = "media"
    AGENT = "agent"


@dataclass(frozen=True)
class Column:
    """One fact about every line. ``shape`` is per row."""

    writer: Writer
    dtype: type[np.generic]
    what: str
    shape: tuple[int, ...] = ()


MAIN, MEDIA, AGENT = Writer.MAIN, Writer.MEDIA, Writer.AGENT

COLUMNS: dict[str, Column] = {
    # Who the line is and where its packets go. After changing any of these, main raises
    # ``settings``; media re-reads the row when it differs from what it last saw.
    "live": Column(MAIN, np.uint8, "1 from configured until given back"),
    "settings": Column(MAIN, np.int64, "raised after any of main's columns changed"),
    "agent": Column(
        MAIN, np.uint8, "index of the agent process whose eventfd media wakes, or NO_AGENT"
    ),
    "beater": Column(MAIN, np.uint8, "index of the media process that beats for the row"),
    "family": Column(MAIN, np.uint8, "4 or 6: the address family of ``address``; 0: unknown yet"),
    "address": Column(MAIN, np.uint8, "where the peer's SDP says it hears", (16,)),
    "port": Column(MAIN, np.uint16, "and on which port"),
    "rtcp_port": Column(MAIN, np.uint16, "where the peer hears RTCP; 0: on the port after RTP's"),
    "rtcp_mux": Column(MAIN, np.uint8, "1: RTCP shares the port of RTP (RFC 5761)"),
    "rtcp_rsize": Column(MAIN, np.uint8, "1: RTCP need not be compound (RFC 5506)"),
    "rtcp_xr": Column(MAIN, np.uint8, "1: the peer wishes for VoIP metrics (RFC 3611 4.7)"),
    "crypto": Column(MAIN, np.uint8, "SRTP: an index of gateway.rtp.srtp.SUITES; 0: in the clear"),
    "key_out": Column(MAIN, np.uint8, "master key and salt of what we send", (LONGEST_KEY,)),
    "key_in": Column(MAIN, np.uint8, "and of what the peer sends", (LONGEST_KEY,)),
    "codec": Column(MAIN, np.uint8, "what we send: an index of gateway_codecs.CODECS"),
    "payload_out": Column(MAIN, np.uint8, "payload type of what we send"),
    "comfort_out": Column(MAIN, np.uint8, "payload type of RFC 3389 noise we send in silence"),
    "ptime_ms": Column(MAIN, np.uint8, "sound in each packet we send: 10 to 60"),
    "kinds": Column(
        MAIN,
        np.uint8,
        "by payload type that may come: an index of CODECS, or rtp.jitter.NOISE",
        (128,),
    ),
    "opus_bitrate": Column(MAIN, np.int32, "bits/s at the most of Opus we send; 0: no limit"),
    "opus_rate": Column(MAIN, np.uint16, "Hz at the most that the peer can play; 0: no limit"),
    "opus_fec": Column(MAIN, np.uint8, "1: each packet repeats some of the one before"),
    "opus_dtx": Column(MAIN, np.uint8, "1: nothing is sent while there is silence"),
    "opus_constant": Column(MAIN, np.uint8, "1: at a constant bit rate"),
    "digits_out": Column(MAIN, np.uint8, "payload type of RFC 4733 events we send"),
    "digits_in": Column(MAIN, np.uint8, "payload type of RFC 4733 events we asked for"),
    "digits_clock": Column(MAIN, np.uint16, "Hz that durations of those events count"),
    "ssrc": Column(MAIN, np.uint32, "our synchronisation source (RFC 3550)"),
    "speaks": Column(MAIN, np.uint8, "1: we send sound; 0: the peer holds us (RFC 3264 8.4)"),
    "hears": Column(MAIN, np.uint8, "1: we take sound from the peer; 0: we hold it"),
    "denoise": Column(MAIN, np.uint8, "1: take noise out of what was heard"),
    "echo": Column(MAIN, np.uint8, "1: say what was heard, for diagnosis"),
    "dial": Column(MAIN, np.uint8, "digits to send, as RFC 4733 event codes", (DIGITS,)),
    "dialled": Column(MAIN, np.int64, "cursor of ``dial``"),
    # Who hears whom. Media looks at these in every beat; ``settings`` need not be raised.
    "followers": Column(MAIN, np.uint8, "who, besides agents, follow its sound: recordings, taps"),
    "mixes": Column(MAIN, np.uint8, "bits: MIXED, LENT, ALL_EARS, UNHEARD, HUSHED"),
    "sources": Column(
        MAIN,
        np.int32,
        "whom its peer hears: row + 1 is that row's peer, -(row + 1) its agent; 0: nobody",
        (SOURCES,),
    ),
    "gains": Column(MAIN, np.float32, "and how loud, 1 being as it is", (SOURCES,)),
    "agent_hears": Column(
        MAIN, np.int32, "row + 1 of whom its agent hears besides its own peer", (SOURCES,)
    ),
    "plays": Column(MAIN, np.int64, "raised last when its peer is to be played another sound"),
    "play_at": Column(MAIN, np.int32, "the frame of ``stock`` where that begins"),
    "play_frames": Column(MAIN, np.int32, "how long it is; 0: nothing is played"),
    "play_gain": Column(MAIN, np.float32, "how loud, 1 being as it is"),
    "play_how": Column(MAIN, np.uint8, "LOOP; ONCE; UNDER: a loop, softer while the agent speaks"),
    # The beat's own memory. It is all here, so a killed media process continues where it was.
    "applied": Column(MEDIA, np.int64, "the value of ``settings`` that media acts upon"),
    "sequence": Column(MEDIA, np.uint16, "of the next packet to be sent"),
    "timestamp": Column(MEDIA, np.uint32, "of the next packet to be sent"),
    "beat": Column(MEDIA, np.int64, "cursor of ``heard``, ``said`` and ``speech``"),
    "beat_at": Column(MEDIA, np.float64, "monotonic seconds when ``beat`` was last raised"),
    "heard": Column(MEDIA, np.int16, "what the peer said", (RING, FRAME)),
    "said": Column(MEDIA, np.int16, "what the peer was sent", (RING, FRAME)),
    "spoken": Column(MEDIA, np.int16, "what its agent said, if it is LENT", (SPOKEN, FRAME)),
    "playing": Column(MEDIA, np.int64, "the value of ``plays`` that media acts upon"),
    "played": Column(MEDIA, np.int64, "frames of that which have been played"),
    "speech": Column(
        MEDIA, np.uint8, "SILENT, VOICED, or TRAILING: a gap in speech, or its end", (RING,)
    ),
    "taken": Column(MEDIA, np.int64, "frames taken from ``queue``, played or skipped"),
    "skipped": Column(MEDIA, np.int64, "of those, how many were dropped unplayed"),
    "pauses": Column(MEDIA, np.int64, "how often speech onset has stopped the queue"),
    "paused_beat": Column(MEDIA, np.int64, "the beat at which the last pause began"),
    "digit": Column(MEDIA, np.uint8, "digits heard, as RFC 4733 event codes", (DIGITS,)),
    "digits": Column(MEDIA, np.int64, "cursor of ``digit``"),
    "digit_at": Column(MEDIA, np.uint32, "RTP timestamp of the last of them"),
    "sent_digits": Column(MEDIA, np.int64, "digits of ``dial`` that have been sent"),
    "peer_family": Column(MEDIA, np.uint8, "4 or 6 once sound has come: symmetric RTP, RFC 4961"),
    "peer_address": Column(MEDIA, np.uint8, "where it came from", (16,)),
    "peer_port": Column(MEDIA, np.uint16, "and from which port"),
    "received": Column(MEDIA, np.int64, "packets taken from the peer"),
    "received_at": Column(MEDIA, np.float64, "monotonic seconds of the last of them; 0: none yet"),
    "sent": Column(MEDIA, np.int64, "packets sent"),
    "octets": Column(MEDIA, np.int64, "bytes of payload in them"),
    "lost": Column(MEDIA, np.int64, "packets that never came"),
    "late": Column(MEDIA, np.int64, "packets that came after their beat"),
    "duplicated": Column(MEDIA, np.int64, "packets that came twice"),
    "concealed": Column(MEDIA, np.int64, "frames made up for lost ones"),
    "garbage": Column(MEDIA, np.int64, "datagrams that were not RTP, or not what was agreed"),
    "foreign": Column(MEDIA, np.int64, "datagrams from elsewhere than the peer"),
    "faults": Column(MEDIA, np.int64, "beats that failed because of this row"),
    "muted": Column(MEDIA, np.uint8, "1: it failed too often, and is left alone until a re-INVITE"),
    "jitter_s": Column(MEDIA, np.float64, "interarrival jitter (RFC 3550 6.4.1)"),
    # SRTP: how far each direction has come under its key (RFC 3711 3.3.1).
    "srtp_key_out": Column(MEDIA, np.uint32, "CRC-32 of the key that ``srtp_sent`` counts under"),
    "srtp_key_in": Column(MEDIA, np.uint32, "and of that which ``srtp_heard`` does"),
    "srtp_sent": Column(MEDIA, np.int64, "index of the next packet"),
    "srtcp_sent": Column(MEDIA, np.int64, "SRTCP packets sent"),
    "srtp_heard": Column(MEDIA, np.int64, "index after the highest received"),
    "srtp_from": Column(MEDIA, np.uint32, "SSRC of that"),
    "forged": Column(MEDIA, np.int64, "datagrams whose SRTP seal was broken"),
    # What the peer's RTCP says of the sound that we send (RFC 3550 6.4.1).
    "rtcp_sent": Column(MEDIA, np.int64, "RTCP datagrams sent"),
    "rtcp_received": Column(MEDIA, np.int64, "RTCP datagrams taken from the peer"),
    "reports": Column(MEDIA, np.int64, "of its reports, those on our stream"),
    "reports_at": Column(MEDIA, np.float64, "monotonic seconds of the last of them"),
    "far_loss": Column(MEDIA, np.float64, "share it lost lately, 0 to 1"),
    "far_lost": Column(MEDIA, np.int64, "packets it lost in all"),
    "far_highest": Column(MEDIA, np.uint32, "the highest sequence number it got"),
    "far_jitter_s": Column(MEDIA, np.float64, "its interarrival jitter"),
    "far_r": Column(MEDIA, np.uint8, "R factor that its VoIP metrics have; 0: it told none"),
    "rtt_s": Column(MEDIA, np.float64, "round trip of packets; 0: not known"),
    # The agent's voice, and its decisions about pauses.
    "queue": Column(AGENT, np.int16, "speech waiting to be said", (QUEUE, FRAME)),
    "written": Column(AGENT, np.int64, "cursor of ``queue``"),
    "drop_to": Column(AGENT, np.int64, "frames of ``queue`` before this one are not to be said"),
    "resumed": Column(AGENT, np.int64, "the pause (number of ``pauses``) that is over"),
    "policy": Column(AGENT, np.uint8, "at speech onset: PAUSE_OFF, PAUSE_HOLD or PAUSE_DUCK"),
}

# One each, for all rows: of those that media writes, one for each process that beats.
GLOBALS: dict[str, Column] = {
    "beats": Column(MEDIA, np.int64, "beats since the lines were made, missed ones included"),
    "beats_at": Column(MEDIA, np.float64, "monotonic seconds of the last beat"),
    "beats_late": Column(MEDIA, np.int64, "beats that began more than 5 ms late"),
    "beats_missed": Column(MEDIA, np.int64, "beats that were skipped: late by a whole beat"),
    "busy_s": Column(MEDIA, np.float64, "seconds spent inside beats"),
    "load": Column(
        MEDIA, np.float64, "share of the beat that is spent, over the last second or so"
    ),
    "stock": Column(MAIN, np.int16, "sounds that can be played to rows", (STOCK, FRAME)),
}

MOST_BEATERS = 16  # processes that beat
_ALIGN = 64  # a cache line: two writers never share one


def _size(column: Column, rows: int) -> int:
    size = rows * int(np.prod(column.shape, dtype=int)) * np.dtype(column.dtype).itemsize
    return -(-size // _ALIGN) * _ALIGN


def size_of(capacity: int) -> int:
    """Bytes of memory that ``capacity`` rows take."""
    rows = sum(_size(column, capacity) for column in COLUMNS.values())
    return rows + sum(_size(column, _one_each(column)) for column in GLOBALS.values())


def _one_each(column: Column) -> int:
    return MOST_BEATERS if column.writer is MEDIA else 1


class Lines:
    """The table, as one process sees it: its own columns writable, the others read-only.

    ``lines["heard"]`` is the whole column, first axis the row. ``me`` None reads only.
    """

    def __init__(self, fd: int, capacity: int, me: Writer | None) -> None:
        self.capacity = capacity
        self.fd = fd
        self.me = me
        self._memory = mmap.mmap(fd, size_of(capacity))
        self._all: dict[str, npt.NDArray[Any]] = {}
        self._mine: dict[str, npt.NDArray[Any]] = {}
        offset = 0
        for name, column in [*COLUMNS.items(), *GLOBALS.items()]:
            rows = capacity if name in COLUMNS else _one_each(column)
            array = np.frombuffer(
                self._memory,
                column.dtype,
                rows * int(np.prod(column.shape, dtype=int)),
                offset,
            ).reshape(rows, *column.shape)
            offset += _size(column, rows)
            self._all[name] = array
            view = array.view()
            view.flags.writeable = column.writer is me
            self._mine[name] = view

    @classmethod
    def make(cls, capacity: int) -> "Lines":
        """New lines in anonymous memory, for ``main``; nothing of it outlives its processes."""
        fd = os.memfd_create("trunkline-lines")
        os.ftruncate(fd, size_of(capacity))
        return cls(fd, capacity, Writer.MAIN)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._mine[name]

    def cells(self, name: str) -> memoryview:
        """A column of one value per row, to read or write a single one of them: a tenth of what
        an array takes for that, and as whole."""
        return self._mine[name].data

    def ring(self, name: str, row: int) -> memoryview:
        """The bytes of what a column of more values has for one row."""
        ring: memoryview = self._mine[name][row].data.cast("B")
        return ring

    def clear(self, row: int) -> None:
        """Forget everything about a free row. Only ``main`` may, and only while nobody else
        works on the row."""
        if self.me is not Writer.MAIN:
            raise PermissionError("a free row belongs to main")
        for name in COLUMNS:
            self._all[name][row] = 0
        for name in NO_PAYLOADS:
            self._all[name][row] = NO_PAYLOAD

    def seed(self, row: int, sequence: int, timestamp: int) -> None:
        """Give a free row its random beginning (RFC 3550 section 5.1)."""
        if self.me is not Writer.MAIN or self._all["live"][row]:
            raise PermissionError("a live row's sequence belongs to media")
        self._all["sequence"][row] = sequence
        self._all["timestamp"][row] = timestamp

    def close(self) -> None:
        """Let go of the memory: at once, or with the last array that was handed out."""
        self._all.clear()
        self._mine.clear()
        with suppress(BufferError):
            self._memory.close()
        os.close(self.fd)
