"""What comes as packets of sound, each as one function of bytes; see ``targets``.

Targets that need a series of packets read it as records: an octet of length, then so many octets.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from beat_target import SLEEP, beat, records

from gateway.media.opened import Opened
from gateway.rtp import packet, rtcp
from gateway.rtp.digits import KEYS, DigitsIn
from gateway.rtp.jitter import EVENT, NOISE, Form, Jitter
from gateway.rtp.slots import SLOT
from gateway.rtp.srtp import SUITES, Broken, Receiving
from gateway_codecs import L16, OPUS, g722, opus

ROW = np.array([0])
FORMS = [Form(), Form(48_000, OPUS.ticks), Form(16_000, L16.ticks)]


def _headers(octets: bytes) -> tuple[packet.Headers, np.ndarray]:
    block = np.full((1, 300), 0xA7, np.uint8)
    block[0, : len(octets)] = np.frombuffer(octets, np.uint8)
    return packet.parse(block, np.array([len(octets)])), block


def rtp(data: bytes) -> None:
    data = data[:300]
    headers, _ = _headers(data)
    if headers.good[0]:
        assert 12 <= headers.start[0] <= headers.end[0] <= len(data)
        again = np.zeros((1, 12), np.uint8)
        packet.write(
            again,
            payload=headers.payload,
            marker=headers.marker,
            sequence=headers.sequence,
            timestamp=headers.timestamp,
            ssrc=headers.ssrc,
        )
        assert again[0, 1:].tobytes() == data[1:12]


def jitter(data: bytes) -> None:
    """Each record is a packet behind an octet: its kind, and whether a beat follows. Nothing is
    played that did not come, and nothing waits longer than it may."""
    buffer = Jitter(1, forms=FORMS)
    for octets in records(data):
        headers, block = _headers(octets[1:])
        if headers.good[0]:
            kind = (0, 1, 2, EVENT, NOISE)[octets[0] % 5]
            put = buffer.put(ROW, headers, block, np.array([kind], np.uint8), 0.0)
            assert not (put.duplicate[0] and put.late[0])
        if octets[:1] >= b"\x80":
            pulled = buffer.pull(ROW, np.array([octets[0] & 0x40 != 0]))
            assert pulled.payloads.shape == (1, SLOT)
            assert buffer.started[0] or not pulled.there[0]
            _, packets = buffer.packets(0)
            following = buffer.next_packet(0)
            assert all(its in data for _, its in packets)
            assert following is None or following in data
            assert buffer.lost(ROW)[0] >= 0


def control(data: bytes) -> None:
    with suppress(rtcp.Malformed):
        found = rtcp.parse(data)
        name = found.cname.encode("utf-8", "ignore")[:255].decode("utf-8", "ignore")
        octets = rtcp.write(
            found.ssrc or 0,
            name,
            sender=found.sender,
            reports=found.reports,
            delays=found.delays,
            bye=found.bye,
        )
        again = rtcp.parse(octets)
        assert again.sender == found.sender
        assert again.reports == found.reports[:31]
        assert again.delays == found.delays
        assert (again.cname, again.bye) == (name, found.bye)


def digits(data: bytes) -> None:
    keys = DigitsIn(1)
    for octets in records(data):
        headers, block = _headers(octets)
        if headers.good[0]:
            new, event = keys.take(ROW, headers, block)
            assert not new[0] or event[0] < len(KEYS)


def srtp(data: bytes) -> None:
    """No datagram but the key's owner's is opened."""
    suite = SUITES[1 + data[0] % (len(SUITES) - 1)] if data else SUITES[1]
    receiving = Receiving(suite, bytes(range(suite.length)))
    for octets in records(data[1:]):
        for opening in (receiving.open, receiving.report):
            try:
                opening(octets)
            except Broken:
                continue
            raise AssertionError(f"{suite.name} took {octets!r}")


def sound(data: bytes) -> None:
    """Payloads of Opus and L16: whatever they are, 20 ms come out."""
    opened = Opened(1)
    if not data or not opus.available():
        return
    codec = OPUS if data[0] & 1 else L16
    for slot, octets in enumerate(records(data[1:])):
        ticks = codec.ticks(octets)
        assert 0 <= ticks <= 5760
        packets = [(len(data) % (codec.clock // 50), octets)] if ticks else []
        frame, _ = opened.frame(0, codec, slot, packets, octets if slot % 2 else None)
        assert frame is None or len(frame) == codec.rate // 50


def wideband(data: bytes) -> None:
    codes = np.frombuffer(data[: len(data) // 160 * 160], np.uint8).reshape(-1, 160)
    decoder = g722.Decoder(1)
    for code in codes:
        assert decoder.run(ROW, code[None]).shape == (1, 320)


def seeds() -> Iterator[tuple[str, bytes]]:
    """Where to begin: ordinary packets, as they lie in ``corpus``."""

    def rtp_packet(n: int, kind: int, body: bytes, step: int = 160) -> bytes:
        return struct.pack(">BBHII", 0x80, kind, n % 65536, step * n % 2**32, 7) + body

    def series(packets: list[bytes], before: bytes = b"") -> bytes:
        return b"".join(bytes([len(before + p)]) + before + p for p in packets)

    steady = [rtp_packet(65_533 + n, 0, bytes([n]) * 160) for n in range(9)]
    plain = steady[:6]
    yield "rtp", plain[0]
    yield "rtp", bytes.fromhex("b2650007000000001111111100000001000000021000000101020304deadbe02")
    for kind in (0, 1, 2):
        yield "jitter", series(plain, bytes([130 + kind]))  # a beat after each
    for at in ("81c90007 00000005 000003e8 40000007 0001ffff 000000a0 2b3c8000 00010000",
               "80cf0006 00000005 04000002 ee1f2b3c 80000000 07000000",
               "81ca0006 1a2b3c4d 010f 7068 6f6e 6540 3132 372e 302e 302e 3100 0000"):  # fmt: skip
        yield "control", bytes.fromhex(at)
    events = [rtp_packet(9, 101, bytes([5, 10 + 128 * (n > 3), n, 160])) for n in range(6)]
    yield "digits", series(events)
    yield "srtp", b"\0" + series(plain)
    yield "sound", b"\0" + series([bytes(range(100))] * 4)
    if opus.available():
        coder = opus.Encoder(opus.Wishes(fec=True))
        voice = np.rint(9000 * np.sin(np.arange(320) / 9)).astype(np.int16)
        coded = [coder.run(voice) for _ in range(9)]
        yield "sound", b"\1" + series(coded[:6])
        both = [p for n, c in enumerate(coded) for p in (steady[n], rtp_packet(n, 3, c, 960))]
        yield "beat", series(both)
        yield "beat", series([*both[:14], SLEEP, b"", *both[14:]])
    yield "wideband", bytes(range(256)) * 5
    yield "beat", series(plain + events)


SOUND = {
    "rtp": rtp,
    "jitter": jitter,
    "control": control,
    "digits": digits,
    "srtp": srtp,
    "sound": sound,
    "wideband": wideband,
    "beat": beat,
}
