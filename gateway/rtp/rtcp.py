"""RTCP packets (RFC 3550 section 6) and, of the extended reports (RFC 3611), what telephones send.

Bytes in, facts out, without a clock. Reduced-size packets (RFC 5506) are read like compound ones:
whatever comes first is taken. Packet types nobody here knows are passed over.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

SR, RR, SDES, BYE, APP, XR = 200, 201, 202, 203, 204, 207
CNAME = 1
RRTR, DLRR, VOIP = 4, 5, 7  # blocks of XR (RFC 3611 section 4)

_HEAD = struct.Struct(">BBH")
_SENDER = struct.Struct(">QIII")
_BLOCK = struct.Struct(">IB3sIIII")
_XR_BLOCK = struct.Struct(">BBH")
_VOIP = struct.Struct(">IBBBBHHHHbbBBBBBBBxHHH")

_UNKNOWN = 127  # signal, noise and echo levels, and the R factor of a network outside
_GMIN = 16  # packets in a row that make a gap between bursts (RFC 3611 section 4.7.2)
_RECEIVER = 0b10_11_0000  # enhanced concealment, an adaptive jitter buffer (section 4.7.6)


class Malformed(ValueError):
    """Not RTCP, or cut off; ``str()`` says where."""


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody received of one source (section 6.4.1)."""

    ssrc: int  # of that source
    fraction: float  # lost since the report before, 0 to 1
    lost: int  # since the beginning; negative if duplicates came
    highest: int  # sequence number, extended by its cycles
    jitter: int  # in units of the RTP clock
    last_sr: int = 0  # middle 32 bits of the NTP time of the source's last SR; 0: none came
    delay: int = 0  # since it came, in 1/65536 s


@dataclass(frozen=True, slots=True)
class Sender:
    """What the sender of an SR has sent."""

    ntp: int  # 64 bits: seconds since 1900 and their fraction
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Delay:
    """DLRR: somebody's answer to a receiver's reference time."""

    ssrc: int
    last_rr: int
    delay: int  # in 1/65536 s


@dataclass(frozen=True, slots=True)
class VoipMetrics:
    """What a telephone says of the call (RFC 3611 section 4.7). None: it does not know."""

    ssrc: int
    loss: float  # 0 to 1
    discard: float
    burst: float
    gap: float
    round_trip_ms: int
    end_system_ms: int
    r_factor: int | None
    mos_listening: float | None
    mos_conversation: float | None
    buffer_ms: int = 0  # how long its jitter buffer makes packets wait
    buffer_most_ms: int = 0  # and may make them wait


@dataclass(slots=True)
class Packets:
    """All that one datagram says."""

    ssrc: int | None = None  # who speaks
    sender: Sender | None = None
    reports: list[Report] = field(default_factory=list)
    cname: str = ""
    bye: bool = False
    reference: int | None = None  # RRTR: NTP time, 64 bits
    delays: list[Delay] = field(default_factory=list)
    voip: list[VoipMetrics] = field(default_factory=list)


def looks_like(second: int) -> bool:
    """Whether the second byte of a datagram on a shared port is RTCP's (RFC 5761 section 4)."""
    return 192 <= second <= 223


def look_like(seconds: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """The same of many."""
    return (seconds >= 192) & (seconds <= 223)


def parse(data: bytes) -> Packets:
    """Raises Malformed; what was read before that does not count (appendix A.2)."""
    found = Packets()
    at = 0
    while at < len(data):
        if len(data) - at < 4:
            raise Malformed(f"{len(data) - at} bytes are left over at {at}")
        first, kind, words = _HEAD.unpack_from(data, at)
        if first >> 6 != 2 or not looks_like(kind):
            raise Malformed(f"no RTCP header at {at}")
        end = at + 4 * (words + 1)
        if end > len(data):
            raise Malformed(f"the packet at {at} is cut off")
        body = data[at + 4 : end]
        if first & 0x20:
            if end != len(data) or not body or not 0 < body[-1] <= len(body) or body[-1] % 4:
                raise Malformed(f"wrong padding at {at}")
            body = body[: -body[-1]]
        if kind in _READ:
            try:
                _READ[kind](found, first & 31, body)
            except (struct.error, IndexError):
                raise Malformed(f"the packet of type {kind} at {at} is too short") from None
        at = end
    if not at:
        raise Malformed("an empty datagram")
    return found


def _sr(found: Packets, count: int, body: bytes) -> None:
    (found.ssrc,) = struct.unpack_from(">I", body)
    found.sender = Sender(*_SENDER.unpack_from(body, 4))
    _blocks(found, count, body, 24)


def _rr(found: Packets, count: int, body: bytes) -> None:
    (found.ssrc,) = struct.unpack_from(">I", body)
    _blocks(found, count, body, 4)


def _blocks(found: Packets, count: int, body: bytes, at: int) -> None:
    for n in range(count):
        ssrc, fraction, lost, highest, jitter, last_sr, delay = _BLOCK.unpack_from(
            body, at + n * _BLOCK.size
        )
        lost = int.from_bytes(lost, "big", signed=True)
        found.reports.append(Report(ssrc, fraction / 256, lost, highest, jitter, last_sr, delay))


def _sdes(found: Packets, count: int, body: bytes) -> None:
    at = 0
    for _ in range(count):
        at += 4
        while (kind := body[at]) != 0:
            size = body[at + 1]
            text = body[at + 2 : at + 2 + size]
            if len(text) < size:
                raise IndexError
            if kind == CNAME:
                found.cname = text.decode("utf-8", "replace")
            at += 2 + size
        at += 4 - at % 4  # a chunk ends with one to four zeros (section 6.5)


def _bye(found: Packets, _count: int, _body: bytes) -> None:
    found.bye = True


def _xr(found: Packets, _count: int, body: bytes) -> None:
    (ssrc,) = struct.unpack_from(">I", body)
    found.ssrc = ssrc if found.ssrc is None else found.ssrc
    at = 4
    while at < len(body):
        kind, _, words = _XR_BLOCK.unpack_from(body, at)
        block = body[at + 4 : at + 4 + 4 * words]
        if len(block) < 4 * words:
            raise IndexError
        if kind == RRTR:
            (found.reference,) = struct.unpack_from(">Q", block)
        elif kind == DLRR:
            found.delays += [Delay(*d) for d in struct.iter_unpack(">III", block)]
        elif kind == VOIP:
            found.voip.append(_voip(block))
        at += 4 + 4 * words


def _voip(block: bytes) -> VoipMetrics:
    (ssrc, loss, discard, burst, gap, _, _, trip, end, _, _, _, _, r, _, mos_lq, mos_cq, _,
     nominal, most, _) = _VOIP.unpack_from(block)  # fmt: skip

    def known(value: int) -> int | None:
        return None if value == 127 else value

    def mos(value: int) -> float | None:
        return None if value == 127 else value / 10

    return VoipMetrics(ssrc, loss / 256, discard / 256, burst / 256, gap / 256, trip, end,
                       known(r), mos(mos_lq), mos(mos_cq), nominal, most)  # fmt: skip


_READ = {SR: _sr, RR: _rr, SDES: _sdes, BYE: _bye, XR: _xr}


def write(
    ssrc: int,
    cname: str,
    *,
    sender: Sender | None = None,
    reports: Sequence[Report] = (),
    delays: Sequence[Delay] = (),
    voip: Sequence[VoipMetrics] = (),
    bye: bool = False,
    compound: bool = True,
) -> bytes:
    """A compound packet: SR (RR if nothing was sent), the reports in it, CNAME, then DLRR, VoIP
    metrics and BYE if there is reason to. One of reduced size leaves out the name (RFC 5506)."""
    blocks = b"".join(_block(report) for report in reports[:31])
    source = struct.pack(">I", ssrc)
    if sender:
        facts = _SENDER.pack(
            sender.ntp, sender.timestamp, sender.packets % 2**32, sender.octets % 2**32
        )
        packets = _packet(SR, len(reports[:31]), source + facts + blocks)
    else:
        packets = _packet(RR, len(reports[:31]), source + blocks)
    if compound:
        name = cname.encode()[:255]
        chunk = source + bytes([CNAME, len(name)]) + name
        packets += _packet(SDES, 1, chunk + bytes(4 - len(chunk) % 4))
    extended = b"".join(_xr_block(VOIP, _voip_block(metrics)) for metrics in voip)
    if delays:
        answers = b"".join(struct.pack(">III", d.ssrc, d.last_rr, d.delay) for d in delays)
        extended = _xr_block(DLRR, answers) + extended
    if extended:
        packets += _packet(XR, 0, source + extended)
    if bye:
        packets += _packet(BYE, 1, source)
    return packets


def _block(report: Report) -> bytes:
    lost = max(-(2**23), min(report.lost, 2**23 - 1)).to_bytes(3, "big", signed=True)
    return _BLOCK.pack(
        report.ssrc, min(255, max(0, int(report.fraction * 256))), lost, report.highest % 2**32,
        min(report.jitter, 2**32 - 1), report.last_sr, report.delay % 2**32,
    )  # fmt: skip


def _xr_block(kind: int, block: bytes) -> bytes:
    return _XR_BLOCK.pack(kind, 0, len(block) // 4) + block


def _voip_block(metrics: VoipMetrics) -> bytes:
    def share(value: float) -> int:
        return min(255, max(0, int(value * 256)))

    def known(value: float | None) -> int:
        return 127 if value is None else round(value)

    def mos(value: float | None) -> int:
        return 127 if value is None else round(10 * value)

    trip, end, nominal, most = (
        min(ms, 0xFFFF)
        for ms in (metrics.round_trip_ms, metrics.end_system_ms, metrics.buffer_ms,
                   metrics.buffer_most_ms)
    )  # fmt: skip
    return _VOIP.pack(
        metrics.ssrc, share(metrics.loss), share(metrics.discard), share(metrics.burst),
        share(metrics.gap), 0, 0, trip, end, _UNKNOWN, _UNKNOWN, _UNKNOWN, _GMIN,
        known(metrics.r_factor), _UNKNOWN, mos(metrics.mos_listening),
        mos(metrics.mos_conversation), _RECEIVER, nominal, most, most,
    )  # fmt: skip


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body
