"""One line in main's hands: from ``Plane.take`` until ``give_back``."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Protocol

from gateway.media.denoise import missing
from gateway.media.lines import DIGITS, NO_PAYLOAD, Lines
from gateway.media.mixing import Mixing
from gateway.media.sounds import Sounds
from gateway.rtp.digits import events
from gateway.rtp.jitter import NOISE
from gateway.rtp.srtp import NUMBERS
from gateway_codecs import CODECS, comfort
from gateway_codecs.opus import Wishes


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
    packets_forged: int
    frames_concealed: int
    jitter_ms: float
    # What the peer's RTCP says; all 0 as long as ``reports`` is 0.
    reports: int
    far_loss: float  # lately, 0 to 1
    far_lost: int  # packets
    far_jitter_ms: float
    far_r: int  # R factor of the E-model that the peer gives itself; 0: it told none
    round_trip_ms: float  # 0: not known


@dataclass(frozen=True)
class Symptoms:
    """What is known of a line; counts are of packets."""

    hears: bool  # the peer is to send
    speaks: bool  # we are
    received: int
    received_at: float  # monotonic seconds of the last; 0: none
    sent: int
    foreign: int
    garbage: int
    forged: int
    muted: bool  # by ourselves: its state made the beat fail
    rtcp_received: int
    reports: int  # of ours, in the peer's RTCP
    far_highest: int  # the last of our packets that it got, says the last of them
    local_port: int
    peer: str  # where its description says it hears


@dataclass(frozen=True, repr=False)
class Srtp:
    """A suite by its name in SDP, and master key and salt of each direction."""

    suite: str
    key_out: bytes
    key_in: bytes


class Owner(Protocol):
    """Who gave the line out: ``plane.Plane``."""

    lines: Lines
    sounds: Sounds

    def record(self, line: "Line", path: Path) -> None: ...

    def pause_recording(self, line: "Line", paused: bool) -> bool: ...

    async def take_back(self, line: "Line") -> None: ...


class Line(Mixing):
    """A row and its ports. ``port`` is the even one, for RTP; the next is bound for RTCP. Who
    hears whom and what is played: ``Mixing``."""

    def __init__(
        self, owner: Owner, row: int, port: int, host: str, srtp_policy: str = "off"
    ) -> None:
        """``srtp_policy``: [rtp] srtp, for peers of whom nothing else is known."""
        self._owner = owner
        self.lines = owner.lines
        self.row = row
        self.port = port
        self.srtp_policy = srtp_policy
        self._ipv6 = ":" in host  # the address its sockets are bound to
        self.recording_lost: str | None = None  # why the recording lacks something

    @property
    def sounds(self) -> Sounds:
        return self._owner.sounds

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
        digits_clock: int = 8000,
        also_in: Mapping[int, int] | None = None,
        comfort_in: int | None = None,
        comfort_out: int | None = None,
        ptime_ms: int = 20,
        opus: Wishes | None = None,
        echo: bool = False,
        rtcp_port: int | None = None,
        rtcp_mux: bool = False,
        rtcp_rsize: bool = False,
        rtcp_xr: bool = False,
        srtp: Srtp | None = None,
    ) -> None:
        """What offer and answer came to. The first call makes the line live, later ones change
        it. ``host`` is the address of the peer's SDP, ``codec`` an index of CODECS; ``also_in`` is
        what else may come: payload type to index; no digits or no comfort noise were agreed on:
        None. What came before may still come (RFC 3264 section 8.3.2). ``rtcp_port`` None is the
        one after ``port``; ``rtcp_mux``: RTCP shares it (RFC 5761);
        ``rtcp_rsize``: the peer understands it in parts (RFC 5506); ``rtcp_xr``: the peer wishes
        for VoIP metrics (RFC 3611). ``srtp`` None is in the
        clear. ValueError: ``host`` is no address."""
        address = ip_address(host)
        if self._ipv6 and address.version == 4:  # as an IPv6 socket names it (RFC 4291 2.5.5.2)
            address = IPv6Address(f"::ffff:{address}")
        elif address.version == 6 and not self._ipv6:
            raise ValueError(f"the peer wants its sound at {host}, but this line has only IPv4")
        sends = port and not address.is_unspecified  # 0.0.0.0: hold, as in RFC 2543
        lines, row = self.lines, self.row
        lines["address"][row] = 0
        lines["address"][row, : len(address.packed)] = list(address.packed)
        lines["family"][row] = address.version if sends else 0
        lines["port"][row] = port
        lines["rtcp_port"][row] = rtcp_port or 0
        lines["rtcp_mux"][row] = rtcp_mux
        lines["rtcp_rsize"][row] = rtcp_rsize
        lines["rtcp_xr"][row] = rtcp_xr
        if lines["live"][row] and CODECS[codec].clock != CODECS[lines["codec"][row]].clock:
            lines["ssrc"][row] = random.getrandbits(32)  # a source has one clock (RFC 7160 4.1)
        lines["crypto"][row] = NUMBERS[srtp.suite] if srtp else 0
        for name, key in (("key_out", srtp.key_out), ("key_in", srtp.key_in)) if srtp else ():
            lines[name][row, : len(key)] = list(key)
        lines["codec"][row] = codec
        lines["payload_out"][row] = payload_out
        kinds = lines["kinds"][row]
        kinds[comfort.PAYLOAD] = NOISE  # may come unasked
        if comfort_in is not None:
            kinds[comfort_in] = NOISE
        for kind, index in {**(also_in or {}), payload_in: codec}.items():
            kinds[kind] = index
        wishes = opus or Wishes()
        lines["comfort_out"][row] = NO_PAYLOAD if comfort_out is None else comfort_out
        lines["ptime_ms"][row] = min(max(ptime_ms // 10 * 10, 10), 60)
        lines["opus_bitrate"][row] = wishes.bitrate
        lines["opus_rate"][row] = min(wishes.bandwidth, 48_000)
        lines["opus_fec"][row] = wishes.fec
        lines["opus_dtx"][row] = wishes.dtx
        lines["opus_constant"][row] = wishes.constant
        lines["digits_clock"][row] = digits_clock
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
        lines, row = self.lines, self.row
        dialled = int(lines["dialled"][row])
        if dialled + len(codes) - int(lines["sent_digits"][row]) > DIGITS:
            raise ValueError(f"no more than {DIGITS} digits can be waiting to be sent")
        for n, code in enumerate(codes):
            lines["dial"][row, (dialled + n) % DIGITS] = code
        lines["dialled"][row] = dialled + len(codes)

    @property
    def dialling(self) -> bool:
        """Keys are still waiting to be sent."""
        return bool(self.lines["dialled"][self.row] != self.lines["sent_digits"][self.row])

    @property
    def saying(self) -> bool:
        """Its agent has sound in the queue."""
        lines, row = self.lines, self.row
        gone = max(int(lines["taken"][row]), int(lines["drop_to"][row]))
        return int(lines["written"][row]) > gone

    def denoise(self) -> str | None:
        """Have noise taken out of what the peer says, from now on; returns why it cannot be."""
        if (why := missing()) is None:
            self.lines["denoise"][self.row] = 1
        return why

    def record(self, path: Path) -> None:
        """Write what is heard and said from now on to a stereo WAV file, until ``give_back``. If
        that fails, ``recording_lost`` tells why; the sound does not suffer."""
        self._owner.record(self, path)

    def pause_recording(self, paused: bool) -> bool:
        """Have the recording be silent from now on, or go on; its time stays the call's. Returns
        whether that changes anything."""
        return self._owner.pause_recording(self, paused)

    def counts(self) -> Counts:
        lines, row = self.lines, self.row
        return Counts(
            packets_received=int(lines["received"][row]),
            packets_sent=int(lines["sent"][row]),
            packets_lost=int(lines["lost"][row]),
            packets_late=int(lines["late"][row]),
            packets_duplicated=int(lines["duplicated"][row]),
            packets_foreign=int(lines["foreign"][row]),
            packets_garbage=int(lines["garbage"][row]),
            packets_forged=int(lines["forged"][row]),
            frames_concealed=int(lines["concealed"][row]),
            jitter_ms=1000 * float(lines["jitter_s"][row]),
            reports=int(lines["reports"][row]),
            far_loss=float(lines["far_loss"][row]),
            far_lost=int(lines["far_lost"][row]),
            far_jitter_ms=1000 * float(lines["far_jitter_s"][row]),
            far_r=int(lines["far_r"][row]),
            round_trip_ms=1000 * float(lines["rtt_s"][row]),
        )

    def symptoms(self, peer: str) -> Symptoms:
        """For ``calls.diagnosis``."""
        lines, row = self.lines, self.row
        return Symptoms(
            hears=bool(lines["hears"][row]),
            speaks=bool(lines["speaks"][row] and lines["family"][row]),
            received=int(lines["received"][row]),
            received_at=float(lines["received_at"][row]),
            sent=int(lines["sent"][row]),
            foreign=int(lines["foreign"][row]),
            garbage=int(lines["garbage"][row]),
            forged=int(lines["forged"][row]),
            muted=bool(lines["muted"][row]),
            rtcp_received=int(lines["rtcp_received"][row]),
            reports=int(lines["reports"][row]),
            far_highest=int(lines["far_highest"][row]),
            local_port=self.port,
            peer=peer,
        )

    async def give_back(self) -> None:
        """End it. Returns when media has let go, the recording is closed and the row is free; a
        second call waits for the same. Take ``counts`` before."""
        await self._owner.take_back(self)
