"""RTCP of every row: what we tell the peer about its stream, and what it tells us about ours.

Reports go out every 5 s or so (RFC 3550 section 6.2, for two parties: the interval is random, so
that calls begun together do not report together), to where the peer's RTCP comes from, or else
where its description says. Arrival is known to the beat, so that a round trip may be found up to
20 ms too long.
"""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.media.addresses import Source
from gateway.media.lines import Lines
from gateway.media.peers import Peers
from gateway.rtp import emodel, rtcp
from gateway.rtp.jitter import Jitter
from gateway_codecs import CODECS

EVERY_S = 5.0
_HASTE = 1.21828  # e - 3/2: what the timer's reconsideration costs otherwise (section 6.3.1)
_EPOCH_S = 2_208_988_800  # from 1900 to 1970
_WHOLE = 4  # of reports in parts, each fourth is a compound one (RFC 5506 section 3.4.2)
_OWN_MS = 40  # of delay beside the jitter buffer's: a packet, and a beat
_SANE_S = 10.0  # no round trip is longer

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Control:
    """One datagram of RTCP, heard or to be sent. ``shared``: on the port of RTP (RFC 5761)."""

    row: int
    data: bytes
    peer: Source
    shared: bool


class Reports:
    """``wall_s`` is what must be added to monotonic seconds to get seconds since 1970."""

    def __init__(
        self,
        lines: Lines,
        jitter: Jitter,
        peers: Peers,
        wall_s: float = 0.0,
        seed: int | None = None,
    ) -> None:
        n = lines.capacity
        self._lines, self._jitter, self._peers = lines, jitter, peers
        self._wall_s = wall_s
        self._random = np.random.default_rng(seed)
        self.faults: list[tuple[int, str]] = []  # of the last run: rows, and why
        self._due = np.zeros(n)  # 0: to be appointed
        self._from: list[Source | None] = [None] * n  # where the peer's RTCP comes from
        self._heard_sr: list[tuple[int, float] | None] = [None] * n  # its NTP, and when it came
        self._reference: list[tuple[int, int, float] | None] = [None] * n  # RRTR: SSRC, NTP, when
        self._told: list[tuple[int, int, int]] = [(0, 0, 0)] * n  # SSRC, expected, got so far

    def forget(self, row: int) -> None:
        self._due[row] = 0
        self._from[row] = self._heard_sr[row] = self._reference[row] = None
        self._told[row] = (0, 0, 0)

    def run(self, rows: Rows, heard: Sequence[Control], now: float) -> list[Control]:
        """Take in what came, and return what is due."""
        self.faults = []
        for control in heard:
            try:
                self._hear(control, now)
            except Exception as error:
                self._blame(control.row, error)
        due = rows[self._due[rows] <= now]
        if not len(due):
            return []
        fresh = self._due[due] == 0
        wait = EVERY_S * self._random.uniform(0.5, 1.5, len(due)) / _HASTE
        self._due[due] = now + np.where(fresh, wait / 2, wait)  # the first one comes soon
        reports = (self._careful(row, now) for row in due[~fresh].tolist())
        return [report for report in reports if report]

    def farewell(self, row: int, now: float) -> Control | None:
        """The last report, with BYE; None if nobody is there to be told."""
        return self._careful(row, now, bye=True)

    def _careful(self, row: int, now: float, *, bye: bool = False) -> Control | None:
        try:
            return self._report(row, now, bye=bye)
        except Exception as error:
            self._blame(row, error)
            return None

    def _blame(self, row: int, error: Exception) -> None:
        """Neither other rows nor this one's sound suffer from its RTCP: that begins anew."""
        self.forget(row)
        self.faults.append((row, "".join(traceback.format_exception(error))[-1500:]))

    # In.

    def _hear(self, control: Control, now: float) -> None:
        lines, row = self._lines, control.row
        there = self._peers.where(row)
        if there is None or there[0] != control.peer[0]:
            lines["foreign"][row] += 1
            return
        try:
            packets = rtcp.parse(control.data)
        except rtcp.Malformed:
            lines["garbage"][row] += 1
            return
        lines["rtcp_received"][row] += 1
        if not control.shared:
            self._from[row] = control.peer
        if packets.sender:
            self._heard_sr[row] = (packets.sender.ntp >> 16 & 0xFFFFFFFF, now)
        if packets.reference and packets.ssrc is not None:
            self._reference[row] = (packets.ssrc, packets.reference >> 16 & 0xFFFFFFFF, now)
        for report in packets.reports:
            if report.ssrc == lines["ssrc"][row]:
                self._told_of_us(row, report, now)
        for metrics in packets.voip:
            if metrics.ssrc == lines["ssrc"][row] and metrics.r_factor is not None:
                lines["far_r"][row] = min(metrics.r_factor, 100)

    def _told_of_us(self, row: int, report: rtcp.Report, now: float) -> None:
        lines = self._lines
        lines["far_loss"][row] = report.fraction
        lines["far_lost"][row] = report.lost
        lines["far_highest"][row] = report.highest
        lines["far_jitter_s"][row] = report.jitter / self._clock(row)
        lines["reports_at"][row] = now
        lines["reports"][row] += 1
        if report.last_sr:  # section 6.4.1, the figure of the round trip
            middle = self._ntp(now) >> 16 & 0xFFFFFFFF
            trip_s = ((middle - report.last_sr - report.delay) % 2**32) / 65536
            if trip_s < _SANE_S:
                lines["rtt_s"][row] = trip_s

    # Out.

    def _report(self, row: int, now: float, *, bye: bool = False) -> Control | None:
        lines = self._lines
        shared = bool(lines["rtcp_mux"][row])
        if (peer := self._target(row, shared)) is None:
            return None
        sent = int(lines["sent"][row])
        sender = rtcp.Sender(
            self._ntp(now), int(lines["timestamp"][row]), sent, int(lines["octets"][row])
        )
        reference = self._reference[row]
        delays = [rtcp.Delay(r[0], r[1], _units(now - r[2])) for r in [reference] if r]
        ssrc = int(lines["ssrc"][row])
        parts = lines["rtcp_rsize"][row] and lines["rtcp_sent"][row] % _WHOLE
        data = rtcp.write(
            ssrc,
            f"{ssrc:08x}@trunkline",
            sender=sender if sent else None,
            reports=self._of_peer(row, now),
            delays=delays,
            voip=self._metrics(row) if lines["rtcp_xr"][row] else (),
            bye=bye,
            compound=bye or not parts,
        )
        lines["rtcp_sent"][row] += 1
        return Control(row, data, peer, shared)

    def _of_peer(self, row: int, now: float) -> list[rtcp.Report]:
        source = self._jitter.source(row)
        if source is None:
            return []
        ssrc, expected, got = self._told[row]
        if ssrc != source.ssrc or source.expected < expected:
            expected = got = 0
        self._told[row] = (source.ssrc, source.expected, source.got)
        due, came = source.expected - expected, source.got - got
        last_sr, at = self._heard_sr[row] or (0, now)
        return [
            rtcp.Report(
                ssrc=source.ssrc,
                fraction=max(due - came, 0) / due if due > 0 else 0.0,
                lost=source.expected - source.got,
                highest=source.highest,
                jitter=int(float(self._lines["jitter_s"][row]) * self._clock(row)),
                last_sr=last_sr,
                delay=_units(now - at),
            )
        ]

    def _metrics(self, row: int) -> list[rtcp.VoipMetrics]:
        """How the peer's sound comes to be heard here (RFC 3611 section 4.7)."""
        lines, source = self._lines, self._jitter.source(row)
        if source is None:
            return []
        rtt_s, wait_ms = float(lines["rtt_s"][row]), self._jitter.wait_ms(row)
        loss = max(source.expected - source.got, 0) / source.expected
        late = min(int(lines["late"][row]) / source.expected, 1.0)
        codec = CODECS[int(lines["codec"][row])].name
        heard = emodel.rating(codec, loss + late, 0.0)
        talked = emodel.rating(
            codec, loss + late, emodel.delay_s(rtt_s, float(lines["jitter_s"][row]))
        )
        return [
            rtcp.VoipMetrics(
                ssrc=source.ssrc,
                loss=loss,
                discard=late,
                burst=0.0,  # bursts are not told from gaps
                gap=loss + late,
                round_trip_ms=int(1000 * rtt_s),
                end_system_ms=wait_ms + _OWN_MS,
                r_factor=round(talked),
                mos_listening=emodel.mos(heard),
                mos_conversation=emodel.mos(talked),
                buffer_ms=wait_ms,
                buffer_most_ms=self._jitter.most_ms,
            )
        ]

    def _target(self, row: int, shared: bool) -> Source | None:
        there = self._peers.where(row)
        if there is None or shared:
            return there
        if known := self._from[row]:
            return known
        lines = self._lines
        port = int(lines["rtcp_port"][row]) or int(lines["port"][row]) + 1
        return (there[0], port, *there[2:]) if port < 65536 else None

    def _clock(self, row: int) -> int:
        """Hz of the row's RTP timestamps."""
        return CODECS[int(self._lines["codec"][row])].clock

    def _ntp(self, now: float) -> int:
        return int((now + self._wall_s + _EPOCH_S) * 2**32) % 2**64


def _units(seconds: float) -> int:
    return int(seconds * 65536) % 2**32
