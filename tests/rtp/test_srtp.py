"""SRTP against libsrtp's own vectors, and across the wraps that another process saw."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.rtp.srtp import NUMBERS, SUITES, Broken, Receiving, Sending

CM = SUITES[NUMBERS["AES_CM_128_HMAC_SHA1_80"]]
REAL = SUITES[1:]
each_suite = pytest.mark.parametrize("suite", REAL, ids=[s.name for s in REAL])


def rtp(sequence: int, ssrc: int = 7, body: bytes = b"sound" * 32) -> bytes:
    return struct.pack(">BBHII", 0x80, 0, sequence % 65536, 160 * sequence % 2**32, ssrc) + body


def key(suite) -> bytes:
    return bytes(range(suite.length))


def test_the_packet_of_libsrtps_own_vectors() -> None:
    """srtp_driver.c, srtp_validate: RFC 3711's key (B.3), AES-CM-128 with HMAC-SHA1-80."""
    master = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6")
    plain = bytes.fromhex("800f1234decafbadcafebabe" + "ab" * 16)
    sealed = "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"
    assert bytes(Sending(CM, master, 0xCAFEBABE).seal(plain)).hex() == sealed
    assert bytes(Receiving(CM, master).open(bytes.fromhex(sealed))) == plain


def test_the_control_packet_of_libsrtps_own_vectors() -> None:
    master = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6")
    plain = bytes.fromhex("81c8000bcafebabe" + "ab" * 16)
    sealed = "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798"
    sending = Sending(CM, master, 0xCAFEBABE)
    assert bytes(sending.report(plain)).hex() == sealed
    assert bytes(Receiving(CM, master).report(bytes.fromhex(sealed))) == plain


@each_suite
def test_what_is_sealed_is_opened_and_only_once(suite) -> None:
    sending, receiving = Sending(suite, key(suite), 7), Receiving(suite, key(suite))
    for n in range(65_400, 65_700):
        sealed = bytes(sending.seal(rtp(n)))
        assert b"soundsound" not in sealed
        assert bytes(receiving.open(sealed)) == rtp(n)
    assert sending.index == receiving.index == 65_699
    with pytest.raises(Broken):
        receiving.open(sealed)
    report = b"\x80\xc9\0\1\0\0\0\7"
    sealed = bytes(sending.report(report))
    assert bytes(receiving.report(sealed)) == report
    with pytest.raises(Broken):
        receiving.report(sealed)


@each_suite
def test_another_process_goes_on_after_wraps_on_both_sides(suite) -> None:
    """Three wraps, then each side is replaced: at once, and around the next wrap."""
    sending, receiving = Sending(suite, key(suite), 7), Receiving(suite, key(suite))
    last = 0
    for n in [*range(0, 3 * 65536 + 200, 100)]:
        receiving.open(bytes(sending.seal(rtp(n))))
        last = n
    sending.report(b"\x80\xc9\0\1\0\0\0\7")
    old = bytes(sending.report(b"\x80\xc9\0\1\0\0\0\7"))
    for gap in (1, 3, 30_000, 30_000, 5000, 7000):
        sending = Sending(suite, key(suite), 7, sending.index, sending.reports)
        receiving = Receiving(suite, key(suite), receiving.ssrc, receiving.index)
        with pytest.raises(Broken):
            receiving.open(rtp(last + 30_000) + bytes(16))
        last += gap
        assert bytes(receiving.open(bytes(sending.seal(rtp(last))))) == rtp(last)
        last += 1
        assert bytes(receiving.open(bytes(sending.seal(rtp(last))))) == rtp(last)
        assert sending.index == receiving.index == last
    assert last >> 16 > 3
    assert sending.reports == 2
    assert bytes(sending.report(b"\x80\xc9\0\1\0\0\0\7")) != old


def test_a_sequence_that_begins_just_before_its_wrap() -> None:
    sending, receiving = Sending(CM, key(CM), 7), Receiving(CM, key(CM))
    for n in range(65_535, 65_540):
        assert bytes(receiving.open(bytes(sending.seal(rtp(n))))) == rtp(n)
    assert sending.index == receiving.index == 65_539


def test_packets_out_of_order_are_opened() -> None:
    sending, receiving = Sending(CM, key(CM), 7), Receiving(CM, key(CM))
    sealed = {n: bytes(sending.seal(rtp(n))) for n in range(65_530, 65_560)}
    for n in sorted(sealed, key=lambda n: n ^ 3):
        assert bytes(receiving.open(sealed[n])) == rtp(n)


def test_a_new_source_of_the_same_peer_is_heard() -> None:
    sending, receiving = Sending(CM, key(CM), 7), Receiving(CM, key(CM))
    receiving.open(bytes(sending.seal(rtp(5))))
    other = Sending(CM, key(CM), 8)
    assert bytes(receiving.open(bytes(other.seal(rtp(900, 8))))) == rtp(900, 8)
    assert (receiving.ssrc, receiving.index) == (8, 900)


@each_suite
def test_the_truncated_and_the_changed_twins_are_not_opened(suite) -> None:
    sending, receiving = Sending(suite, key(suite), 7), Receiving(suite, key(suite))
    sealed = bytes(sending.seal(rtp(1)))
    for size in range(len(sealed)):
        with pytest.raises(Broken):
            receiving.open(sealed[:size])
    for at in range(2, len(sealed)):
        with pytest.raises(Broken):
            receiving.open(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
    assert bytes(receiving.open(sealed)) == rtp(1)


@settings(max_examples=200)
@given(st.binary(max_size=2100), st.booleans())
def test_nothing_but_broken_comes_of_anything(data: bytes, control: bool) -> None:
    receiving = Receiving(CM, key(CM), 7, 70_000)
    with pytest.raises(Broken):
        (receiving.report if control else receiving.open)(data)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(Broken, match="wants 30 bytes"):
        Sending(CM, bytes(46), 7)
