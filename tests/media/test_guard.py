"""SRTP of rows across processes and keys; no sockets."""

import struct

import numpy as np
import pytest

from gateway.media.guard import Guard
from gateway.media.line import Line, Srtp
from gateway.media.lines import LONGEST_KEY, Lines, Writer
from gateway.rtp.srtp import NUMBERS, SUITES, Broken, Receiving, Sending

NAME = "AES_CM_128_HMAC_SHA1_80"
SUITE = SUITES[NUMBERS[NAME]]
OURS, THEIRS = bytes(range(30)), bytes(range(30, 60))
REPORT = b"\x80\xc9\0\1\0\0\3\xe8"


def rtp(sequence: int, ssrc: int = 1000) -> bytes:
    return struct.pack(">BBHII", 0x80, 0, sequence % 65536, 0, ssrc) + b"s" * 160


class Pair:
    """A row of ours under a guard, and its peer."""

    def __init__(self) -> None:
        self.main = Lines.make(4)
        self.media = Lines(self.main.fd, 4, Writer.MEDIA)
        self.main["ssrc"][1] = 1000
        self.guard = Guard(self.media)
        self.hears, self.speaks = Receiving(SUITE, OURS), Sending(SUITE, THEIRS, 5)

    def agree(self, srtp: Srtp | None) -> None:
        line = Line(self, 1, 20_000, "0.0.0.0")  # type: ignore[arg-type]
        line.agree(host="192.0.2.7", port=4000, codec=0, payload_out=0, payload_in=0,
                   digits_out=None, digits_in=None, speaks=True, hears=True, srtp=srtp)  # fmt: skip
        self.guard.settle(1)

    @property
    def lines(self) -> Lines:
        return self.main

    def another_process(self) -> None:
        self.guard = Guard(self.media)
        self.guard.settle(1)

    def out(self, sequence: int) -> bytes:
        return bytes(self.hears.open(bytes(self.guard.seal(1, memoryview(rtp(sequence))))))

    def into(self, sequence: int, ssrc: int = 5) -> bytes:
        sealed = np.frombuffer(bytes(self.speaks.seal(rtp(sequence, ssrc))), np.uint8).copy()
        return sealed[: self.guard.open(1, memoryview(sealed))].tobytes()


@pytest.fixture
def pair():
    pair = Pair()
    pair.agree(Srtp(NAME, OURS, THEIRS))
    yield pair
    pair.main.close()


def test_a_row_is_sealed_and_opened(pair) -> None:
    assert pair.guard.secured.tolist() == [False, True, False, False]
    assert pair.out(9) == rtp(9)
    assert pair.into(9) == rtp(9, 5)
    assert bytes(pair.hears.report(bytes(pair.guard.seal_report(1, REPORT)))) == REPORT
    assert pair.guard.open_report(1, bytes(pair.speaks.report(REPORT[:4] + b"\0\0\0\5")))


def test_ten_processes_one_after_another_use_no_index_twice(pair) -> None:
    sequence = 60_000
    reports = set()
    for n in range(10):
        for _ in range(70):
            sequence += 100
            assert pair.out(sequence) == rtp(sequence)
            assert pair.into(sequence) == rtp(sequence, 5)
        reports.add(bytes(pair.guard.seal_report(1, REPORT)))
        assert pair.hears.report(bytes(pair.guard.seal_report(1, REPORT)))
        assert pair.main["srtcp_sent"][1] == 2 * n + 2
        pair.another_process()
    assert sequence >> 16 == 1
    assert pair.main["srtp_sent"][1] == pair.main["srtp_heard"][1] == sequence + 1
    assert len(reports) == 10
    assert pair.main["forged"][1] == 0


def test_what_is_not_the_peers_is_counted_and_not_heard(pair) -> None:
    assert pair.guard.open(1, memoryview(bytearray(rtp(1)))) == 0
    assert pair.guard.open(1, memoryview(bytearray(3))) == 0
    assert pair.guard.open_report(1, REPORT) == b""
    assert pair.main["forged"][1] == 3


def test_a_re_invite_with_the_same_keys_changes_nothing(pair) -> None:
    pair.out(9)
    pair.agree(Srtp(NAME, OURS, THEIRS))
    assert pair.out(10) == rtp(10)
    with pytest.raises(Broken):
        pair.guard.seal(1, memoryview(rtp(10)))  # the same index twice


def test_a_new_key_of_the_peer_begins_anew_in_that_direction_only(pair) -> None:
    for n in (40_000, 70_000, 100_000, 130_000):
        pair.out(n)
        pair.into(n)
    pair.agree(Srtp(NAME, OURS, bytes(30)))
    pair.speaks = Sending(SUITE, bytes(30), 5)
    assert pair.into(3) == rtp(3, 5)
    assert pair.out(130_001) == rtp(130_001)
    pair.another_process()
    assert pair.into(4) == rtp(4, 5)
    assert pair.out(130_002) == rtp(130_002)


def test_a_new_source_of_ours_under_the_same_key_begins_anew(pair) -> None:
    pair.out(60_000)
    pair.out(70_000)
    pair.main["ssrc"][1] = 2000  # for a codec with another clock
    pair.guard.settle(1)
    fresh = Receiving(SUITE, OURS)
    sealed = bytes(pair.guard.seal(1, memoryview(rtp(5, 2000))))
    assert bytes(fresh.open(sealed)) == rtp(5, 2000)
    pair.another_process()
    sealed = bytes(pair.guard.seal(1, memoryview(rtp(6, 2000))))
    assert bytes(fresh.open(sealed)) == rtp(6, 2000)


def test_another_suite_and_back_to_the_clear(pair) -> None:
    pair.out(5)
    gcm = SUITES[NUMBERS["AEAD_AES_256_GCM"]]
    pair.agree(Srtp(gcm.name, bytes(44), bytes(44)))
    assert bytes(Receiving(gcm, bytes(44)).open(bytes(pair.guard.seal(1, memoryview(rtp(6))))))
    pair.agree(None)
    assert not pair.guard.secured[1]


def test_the_lines_have_room_for_every_key() -> None:
    assert max(suite.length for suite in SUITES) == LONGEST_KEY
