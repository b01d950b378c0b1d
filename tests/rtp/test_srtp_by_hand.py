"""libsrtp, as the gateway uses it, against what the RFCs say, written down independently; and that
against the vectors in the RFCs."""

import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pylibsrtp import Policy, Session

from gateway.rtp.srtp import SUITES, Broken, Receiving, Sending
from tests.rtp.srtp_by_hand import AUTH, CIPHER, SALT, SHAPES, ByHand, Refused, derived, keystream

REAL = SUITES[1:]
each_suite = pytest.mark.parametrize("suite", REAL, ids=[suite.name for suite in REAL])
SSRC = 0xDECAFBAD
REPORT = struct.pack(">BBHI", 0x80, 201, 1, SSRC)
LONG_REPORT = struct.pack(">BBHI", 0x80, 200, 6, SSRC) + bytes(range(20))


def rtp(sequence: int, body: bytes = b"sound" * 32) -> bytes:
    return struct.pack(">BBHII", 0x80, 0, sequence % 65536, 160 * sequence % 2**32, SSRC) + body


def master(length: int) -> bytes:
    return bytes((7 * n + 3) % 256 for n in range(length))


def ends(suite) -> tuple[ByHand, Sending, Receiving]:
    """What is compared: one that does both by hand, and libsrtp's two."""
    key = master(suite.length)
    return ByHand(suite.name, key), Sending(suite, key, SSRC), Receiving(suite, key)


def test_the_keystream_of_rfc_3711_b_2() -> None:
    key = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
    salt = bytes.fromhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000")
    stream = keystream(key, salt, 16 * 0xFF02)
    for block, octets in {
        0: "E03EAD0935C95E80E166B16DD92B4EB4",
        1: "D23513162B02D0F72A43A2FE4A5F97AB",
        2: "41E95B3BB0A2E8DD477901E4FCA894C0",
        0xFEFF: "EC8CDF7398607CB0F2D21675EA9EA1E4",
        0xFF00: "362B7C3C6773516318A077D7FC5073AE",
        0xFF01: "6A2CC3787889374FBEB4C81B17BA6C44",
    }.items():
        assert stream[16 * block : 16 * block + 16] == bytes.fromhex(octets)


def test_the_session_keys_of_rfc_3711_b_3() -> None:
    key = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    assert derived(key, salt, CIPHER, 16).hex() == "c61e7a93744f39ee10734afe3ff7a087"
    assert derived(key, salt, SALT, 14).hex() == "30cbbc08863d8c85d49db34a9ae1"
    auth = "cebe321f6ff7716b6fd4ab49af256a156d38baa4"
    assert derived(key, salt, AUTH, 20).hex() == auth


def test_the_session_keys_of_rfc_6188_section_7() -> None:
    key = bytes.fromhex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6")
    salt = bytes.fromhex("3b04803de51ee7c96423ab5b78d2")
    cipher = "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"
    assert derived(key, salt, CIPHER, 32).hex() == cipher
    assert derived(key, salt, SALT, 14).hex() == "fa31791685ca444a9e07c6c64e93"
    assert derived(key, salt, AUTH, 20).hex() == "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"


def test_the_packet_of_rfc_7714_section_16() -> None:
    """Its keys are those of a session, so only how the nonce is made can be compared."""
    key, salt = bytes(range(16)), bytes.fromhex("517569642070726f2071756f")
    head = bytes.fromhex("8040f17b8041f8d35501a0b2")
    nonce = int.from_bytes(struct.pack(">2xIIH", 0x5501A0B2, 0, 0xF17B), "big")
    nonce ^= int.from_bytes(salt, "big")
    sealed = AESGCM(key).encrypt(
        nonce.to_bytes(12, "big"), b"Gallia est omnis divisa in partes tres", head
    )
    assert sealed.hex() == (
        "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
        "899d7f27beb16a9152cf765ee4390cce"
    )


def test_libsrtps_packet_under_aes_256() -> None:
    """srtp_driver.c, srtp_validate_aes_256."""
    suite = next(suite for suite in REAL if suite.name == "AES_256_CM_HMAC_SHA1_80")
    key = bytes.fromhex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6"
                        "3b04803de51ee7c96423ab5b78d2")  # fmt: skip
    plain = bytes.fromhex("800f1234decafbadcafebabe" + "ab" * 16)
    sealed = "800f1234decafbadcafebabef1d9de17ff251ff1aa007774b0b4b40da08d9d9a5b3a55d8873b"
    assert bytes(Sending(suite, key, 0xCAFEBABE).seal(plain)).hex() == sealed
    assert ByHand(suite.name, key).seal(plain).hex() == sealed


@each_suite
def test_what_one_seals_the_other_opens_across_the_wraps(suite) -> None:
    hand, sending, receiving = ends(suite)
    for number in [*range(65_400, 65_700), *range(66_000, 3 * 65536 + 500, 397)]:
        sealed = bytes(sending.seal(rtp(number)))
        assert sealed == hand.seal(rtp(number), number >> 16)
        assert hand.open(sealed, number >> 16) == rtp(number)
        assert bytes(receiving.open(sealed)) == rtp(number)
        with pytest.raises(Refused):
            hand.open(sealed, 1 + (number >> 16))
        with pytest.raises(Broken):
            receiving.open(sealed)  # a replay


@each_suite
def test_reports_are_sealed_and_opened_too(suite) -> None:
    hand, sending, receiving = ends(suite)
    first = 0
    for number in range(300):
        report = (REPORT, LONG_REPORT)[number % 2]
        sealed = bytes(sending.report(report))
        opened, index = hand.open_report(sealed)
        first = first or index
        assert (opened, index) == (report, first + number)
        assert sealed == hand.report(report, index)
        theirs = hand.report(report, 5000 + number)
        assert bytes(receiving.report(theirs)) == report
        with pytest.raises(Broken):
            receiving.report(theirs)
    with pytest.raises(Broken):
        receiving.report(hand.report(REPORT, 4000))  # older than the window


@each_suite
def test_late_packets_are_opened_in_the_window_and_not_behind_it(suite) -> None:
    hand, _, receiving = ends(suite)
    for number in (65_530, 65_536 + 10, 65_535, 65_536):
        assert bytes(receiving.open(hand.seal(rtp(number), number >> 16))) == rtp(number)
    receiving.open(hand.seal(rtp(66_000), 1))
    for number in (66_000 - 200, 65_531):
        with pytest.raises(Broken):
            receiving.open(hand.seal(rtp(number), number >> 16))


@pytest.mark.parametrize(
    "profile",
    [Policy.SRTP_PROFILE_AES128_CM_SHA1_80, Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
     Policy.SRTP_PROFILE_AEAD_AES_128_GCM, Policy.SRTP_PROFILE_AEAD_AES_256_GCM],
    ids=["CM-80", "CM-32", "GCM-128", "GCM-256"],
)  # fmt: skip
def test_libsrtp_by_its_own_interface_understands_us(profile: int) -> None:
    suite = next(suite for suite in REAL if suite.profile == profile)
    key = master(suite.length)
    theirs = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
    there = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
    sending, receiving = Sending(suite, key, SSRC), Receiving(suite, key)
    for number in range(65_500, 65_600):
        assert there.unprotect(bytes(sending.seal(rtp(number)))) == rtp(number)
        assert bytes(receiving.open(theirs.protect(rtp(number)))) == rtp(number)
    assert there.unprotect_rtcp(bytes(sending.report(LONG_REPORT))) == LONG_REPORT
    assert bytes(receiving.report(theirs.protect_rtcp(LONG_REPORT))) == LONG_REPORT


def test_every_suite_that_is_offered_is_written_down() -> None:
    assert [suite.name for suite in REAL] == list(SHAPES)
    assert [suite.length for suite in REAL] == [key + salt for key, salt, _ in SHAPES.values()]
