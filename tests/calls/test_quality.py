"""What the record says of a call's sound."""

from dataclasses import replace

from gateway.calls.quality import quality
from gateway.media.line import Counts

GOOD = Counts(
    packets_received=1000, packets_sent=1000, packets_lost=0, packets_late=0, packets_duplicated=0,
    packets_foreign=0, packets_garbage=0, packets_forged=0, frames_concealed=0, jitter_ms=1.234,
    reports=3, far_loss=0.0, far_lost=0, far_jitter_ms=2.0, far_r=0, round_trip_ms=30.04,
)  # fmt: skip


def test_a_good_call() -> None:
    sound = quality(GOOD, "PCMU", "AEAD_AES_256_GCM")
    assert sound.mos == sound.far_mos == 4.41
    assert (sound.round_trip_ms, sound.far_lost, sound.jitter_ms) == (30.0, 0, 1.23)
    assert (sound.codec, sound.srtp) == ("PCMU", "AEAD_AES_256_GCM")


def test_each_end_is_rated_by_what_it_lost() -> None:
    here = quality(replace(GOOD, packets_lost=100), "PCMU")
    assert here.mos is not None
    assert here.far_mos == 4.41
    assert here.mos < 3.7
    there = quality(replace(GOOD, far_lost=100), "PCMU")
    assert there.mos == 4.41
    assert there.far_mos is not None
    assert there.far_mos < 3.7


def test_what_the_far_end_makes_of_its_sound_is_believed() -> None:
    sound = quality(replace(GOOD, far_r=70), "PCMU")
    assert sound.far_mos == 3.6
    assert sound.mos == 4.41


def test_what_is_not_known_is_not_said() -> None:
    sound = quality(replace(GOOD, reports=0), "PCMU")
    assert sound.far_mos is sound.round_trip_ms is sound.far_lost is None
    assert quality(replace(GOOD, packets_received=0)).mos is None
