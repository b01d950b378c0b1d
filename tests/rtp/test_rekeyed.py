"""A peer changes its SRTP key in the middle of a call: nothing that it sent is lost, in whatever
order it comes, and the old key does not live for ever. The peer is ``srtp_by_hand``."""

import itertools
import random
import struct

import pytest

from gateway.rtp.rekeyed import Rekeyed
from gateway.rtp.srtp import NUMBERS, SUITES, Broken, Receiving
from tests.rtp.srtp_by_hand import ByHand

CM, GCM = (SUITES[NUMBERS[name]] for name in ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"))
WRAP = 65_536


def packet(number: int, ssrc: int = 5) -> bytes:
    return struct.pack(">BBHII", 0x80, 0, number % WRAP, 160 * number % 2**32, ssrc) + b"s" * 160


def master(suite, n: int) -> bytes:
    return bytes([n]) * suite.length


def hand(suite, n: int) -> ByHand:
    return ByHand(suite.name, master(suite, n))


def old(upto: int) -> Receiving:
    """A stream under key 1 that was heard from its packet 100 up to this one."""
    receiving = Receiving(CM, master(CM, 1))
    for number in [*range(100, upto, 3000), upto]:
        receiving.open(hand(CM, 1).seal(packet(number), number // WRAP))
    return receiving


def takes(receiving: Rekeyed, by: ByHand, number: int, roc: int, ssrc: int = 5) -> bool:
    return receiving.open(by.seal(packet(number, ssrc), roc)) == packet(number, ssrc)


@pytest.mark.parametrize("suite", [CM, GCM], ids=["same suite", "another"])
@pytest.mark.parametrize("began", [500, 2 * WRAP + 500], ids=["before a wrap", "after two"])
@pytest.mark.parametrize("roc", ["goes on", "begins anew"])
def test_packets_of_both_keys_are_opened_in_any_order(suite, began: int, roc: str) -> None:
    receiving, first = Rekeyed(suite, master(suite, 2), old(began)), began + 20
    numbers = list(range(began + 1, began + 45))
    for n in range(0, len(numbers), 8):  # the network turns eight at a time around
        random.Random(n).shuffle(eight := numbers[n : n + 8])
        numbers[n : n + 8] = eight
    for number in numbers:
        if number < first:
            assert takes(receiving, hand(CM, 1), number, number // WRAP)
        else:
            theirs = number // WRAP if roc == "goes on" else 0
            assert takes(receiving, hand(suite, 2), number, theirs)
    assert receiving.index == numbers_of(began + 44, roc)


def numbers_of(last: int, roc: str) -> int:
    return last if roc == "goes on" else last % WRAP


def test_another_source_under_the_new_key_begins_at_nought() -> None:
    receiving = Rekeyed(CM, master(CM, 2), old(WRAP + 9))
    assert takes(receiving, hand(CM, 2), 7, 0, ssrc=6)
    assert (receiving.ssrc, receiving.index) == (6, 7)


def test_the_old_key_is_forgotten_once_the_new_one_is_proven() -> None:
    receiving = Rekeyed(CM, master(CM, 2), old(500))
    for number in range(501, 600):
        assert takes(receiving, hand(CM, 2), number, 0)
    with pytest.raises(Broken):
        receiving.open(hand(CM, 1).seal(packet(601)))
    report = struct.pack(">BBHI", 0x80, 201, 1, 5)
    with pytest.raises(Broken):
        receiving.report(hand(CM, 1).report(report, 3))


def test_nothing_is_opened_twice_and_nothing_of_a_third_key() -> None:
    receiving = Rekeyed(CM, master(CM, 2), old(2 * WRAP))
    late, early = hand(CM, 1).seal(packet(1 + 2 * WRAP), 2), hand(CM, 2).seal(packet(2), 2)
    for sealed in (late, early):
        receiving.open(sealed)
        with pytest.raises(Broken):
            receiving.open(sealed)
    with pytest.raises(Broken):
        receiving.open(hand(CM, 3).seal(packet(3), 2))


def test_two_changes_before_a_packet_of_the_first_has_come() -> None:
    once = Rekeyed(CM, master(CM, 2), old(500))
    twice = Rekeyed(CM, master(CM, 3), once)
    assert takes(twice, hand(CM, 1), 501, 0)
    assert takes(twice, hand(CM, 3), 502, 0)


def test_a_second_change_goes_on_from_the_key_that_was_in_use() -> None:
    once = Rekeyed(CM, master(CM, 2), old(500))
    assert takes(once, hand(CM, 2), 501, 0)
    twice = Rekeyed(CM, master(CM, 3), once)
    assert takes(twice, hand(CM, 2), 502, 0)
    assert takes(twice, hand(CM, 3), 503, 0)


def test_reports_of_both_keys_are_opened() -> None:
    receiving = Rekeyed(CM, master(CM, 2), old(500))
    report = struct.pack(">BBHI", 0x80, 201, 1, 5)
    for key, index in itertools.product((1, 2), (3, 4)):
        assert bytes(receiving.report(hand(CM, key).report(report, index))) == report
