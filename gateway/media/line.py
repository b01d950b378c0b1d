"""One line in main's hands: from ``Plane.take`` until ``give_back``."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Protocol

from gateway.media.lines import DIGITS, NO_PAYLOAD, Lines
from gateway.rtp.digits import events


@dataclass(frozen=True)
class Counts:
    """What media counted of a line (RFC 3550 terms)."""

    packets_received: int
    packets_sent: int
    packets_lost: int
    packets_late: int
    packets_duplicated: int
    packets_foreign: int
    packets_garbage: int
    frames_concealed: int
    jitter_ms: float
    # What the peer's RTCP says; all 0 as long as ``reports`` is 0.
    reports: int
    far_loss: float  # lately, 0 to 1
    far_lost: int  # packets
    far_jitter_ms: float
    round_trip_ms: float  # 0: not known


class Owner(Protocol):
    """Who gave the line out: ``plane.Plane``."""

    lines: Lines

    def record(self, line: "Line", path: Path) -> None: ...

    async def take_back(self, line: "Line") -> None: ...


class Line:
    """A row and its ports. ``port`` is the even one, for RTP; the next is bound for RTCP."""

    def __init__(self, owner: Owner, row: int, port: int, host: str) -> None:
        self._owner = owner
        self._lines = owner.lines
        self.row = row
        self.port = port
        self._ipv6 = ":" in host  # the address its sockets are bound to
        self.recording_lost: str | None = None  # why the recording lacks something

    def agree(
        self,
        *,
        host: str,
        port: int,
        codec: int,
        payload_out: int,
        payload_in: int,
        digits_out: int | None,
        digits_in: int | None,
        speaks: bool,
        hears: bool,
        echo: bool = False,
        rtcp_port: int | None = None,
        rtcp_mux: bool = False,
    ) -> None:
        """What offer and answer came to. The first call makes the line live, later ones change
        it. ``host`` is the address of the peer's SDP, ``codec`` an index of CODECS; no digits
        were agreed on: None. ``rtcp_port`` None is the one after ``port``; ``rtcp_mux``: RTCP
        shares it (RFC 5761). ValueError: ``host`` is no address."""
        address = ip_address(host)
        if self._ipv6 and address.version == 4:  # as an IPv6 socket names it (RFC 4291 2.5.5.2)
            address = IPv6Address(f"::ffff:{address}")
        elif address.version == 6 and not self._ipv6:
            raise ValueError(f"the peer wants its sound at {host}, but this line has only IPv4")
        sends = port and not address.is_unspecified  # 0.0.0.0: hold, as in RFC 2543
        lines, row = self._lines, self.row
        lines["address"][row] = 0
        lines["address"][row, : len(address.packed)] = list(address.packed)
        lines["family"][row] = address.version if sends else 0
        lines["port"][row] = port
        lines["rtcp_port"][row] = rtcp_port or 0
        lines["rtcp_mux"][row] = rtcp_mux
        lines["codec"][row] = codec
        lines["payload_out"][row] = payload_out
        lines["payload_in"][row] = payload_in
        lines["digits_out"][row] = NO_PAYLOAD if digits_out is None else digits_out
        lines["digits_in"][row] = NO_PAYLOAD if digits_in is None else digits_in
        lines["speaks"][row] = speaks
        lines["hears"][row] = hears
        lines["echo"][row] = echo
        lines["live"][row] = 1
        lines["settings"][row] += 1

    def dial(self, digits: str) -> None:
        """Send keys: by RFC 4733, or as tones if the peer did not agree on that. ValueError: a
        character that is no key, or more than fit behind those still waiting."""
        codes = events(digits)
        lines, row = self._lines, self.row
        dialled = int(lines["dialled"][row])
        if dialled + len(codes) - int(lines["sent_digits"][row]) > DIGITS:
            raise ValueError(f"no more than {DIGITS} digits can be waiting to be sent")
        for n, code in enumerate(codes):
            lines["dial"][row, (dialled + n) % DIGITS] = code
        lines["dialled"][row] = dialled + len(codes)

    @property
    def dialling(self) -> bool:
        """Keys are still waiting to be sent."""
        return bool(self._lines["dialled"][self.row] != self._lines["sent_digits"][self.row])

    def record(self, path: Path) -> None:
        """Write what is heard and said from now on to a stereo WAV file, until ``give_back``. If
        that fails, ``recording_lost`` tells why; the sound does not suffer."""
        self._owner.record(self, path)

    def counts(self) -> Counts:
        lines, row = self._lines, self.row
        return Counts(
            packets_received=int(lines["received"][row]),
            packets_sent=int(lines["sent"][row]),
            packets_lost=int(lines["lost"][row]),
            packets_late=int(lines["late"][row]),
            packets_duplicated=int(lines["duplicated"][row]),
            packets_foreign=int(lines["foreign"][row]),
            packets_garbage=int(lines["garbage"][row]),
            frames_concealed=int(lines["concealed"][row]),
            jitter_ms=1000 * float(lines["jitter_s"][row]),
            reports=int(lines["reports"][row]),
            far_loss=float(lines["far_loss"][row]),
            far_lost=int(lines["far_lost"][row]),
            far_jitter_ms=1000 * float(lines["far_jitter_s"][row]),
            round_trip_ms=1000 * float(lines["rtt_s"][row]),
        )

    async def give_back(self) -> None:
        """End it. Returns when media has let go, the recording is closed and the row is free; a
        second call waits for the same. Take ``counts`` before."""
        await self._owner.take_back(self)
