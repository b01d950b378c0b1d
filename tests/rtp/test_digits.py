"""Telephone events: every way a key press may arrive, and what we send."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rtp import packet
from gateway.rtp.digits import BEATS, KEYS, DigitsIn, DigitsOut, events
from gateway.rtp.tones import TONES

ROW = np.array([2])
# Key 5 for 100 ms, as a telephone sends it: marker, updates, and its end three times.
PRESS = [
    bytes.fromhex(f"80{'e5' if n == 0 else '65'} 00{n:02x} 00000320 0000cafe 05{volume} {duration}")
    for n, (volume, duration) in enumerate(
        [("0a", "00a0"), ("0a", "0140"), ("0a", "01e0"), ("0a", "0280"), ("8a", "0320"),
         ("8a", "0320"), ("8a", "0320")]
    )
]  # fmt: skip


def event(
    code: int, timestamp: int, duration: int = 160, *, end: bool = False, marker: bool = False
) -> bytes:
    header = np.zeros((1, 16), np.uint8)
    packet.write(
        header,
        payload=np.array([101]),
        marker=np.array([marker]),
        sequence=np.zeros(1, np.uint16),
        timestamp=np.array([timestamp % 2**32], np.uint32),
        ssrc=np.zeros(1, np.uint32),
    )
    header[0, 12:] = [code, 0x80 * end | 10, duration >> 8, duration & 255]
    return header.tobytes()


def heard(*datagrams: bytes, digits: DigitsIn | None = None, step: int = 160) -> str:
    digits = digits or DigitsIn(4)
    keys = ""
    for datagram in datagrams:
        data = np.zeros((1, 1500), np.uint8)
        data[0, : len(datagram)] = list(datagram)
        headers = packet.parse(data, np.array([len(datagram)]))
        new, code = digits.take(ROW, headers, data, step)
        keys += KEYS[code[0]] if new[0] else ""
    return keys


def test_a_press_is_one_digit() -> None:
    assert heard(*PRESS) == "5"


@pytest.mark.parametrize("kept", [[0], [3], [6], [4, 5, 6], [0, 1, 2, 3], [1, 6], [2, 0, 1]])
def test_a_press_of_which_something_is_lost_or_reordered_is_one_digit(kept: list[int]) -> None:
    assert heard(*(PRESS[n] for n in kept)) == "5"


@given(st.lists(st.integers(0, 6), min_size=1))
def test_any_of_its_packets_in_any_order_any_number_of_times_is_one_digit(order: list[int]) -> None:
    assert heard(*(PRESS[n] for n in order)) == "5"


def test_the_same_key_twice_is_two_digits_even_if_every_end_was_lost() -> None:
    assert heard(event(5, 0), event(5, 160 * 9), event(5, 160 * 9, 320)) == "55"


def test_a_straggler_of_the_last_press_is_no_digit() -> None:
    assert heard(event(1, 0), event(2, 1600), event(1, 0, 800, end=True), event(2, 1600)) == "12"


def test_timestamps_wrap() -> None:
    assert heard(event(1, 2**32 - 800), event(2, 800), event(1, 2**32 - 800, end=True)) == "12"


def test_a_press_of_twenty_seconds_in_segments_is_one_digit() -> None:
    full = 0xFFFF
    assert (
        heard(
            event(9, 1000, 160, marker=True),
            event(9, 1000, full),
            event(9, 1000 + full, 160),
            event(9, 1000 + full, full),
            event(9, 1000 + 2 * full, 160),
            event(9, 1000 + 2 * full, 900, end=True),
            event(9, 1000 + 2 * full + 9000, 160, marker=True),
        )
        == "99"
    )


# Key 8 for 1.5 s on the clock of Opus, 48 kHz: a segment is full after 1.365 s (0xffff ticks), and
# the next begins there with a timestamp of its own; three ends (RFC 4733 section 2.5.1.3).
LONG_48 = [
    bytes.fromhex(f"80{kind} {n:04x} {timestamp:08x} 0000cafe 08{volume} {duration:04x}")
    for n, (kind, timestamp, volume, duration) in enumerate(
        [("ee", 0x10000, "0a", 960)]
        + [("6e", 0x10000, "0a", 960 * n) for n in range(2, 69)]
        + [("6e", 0x10000, "0a", 0xFFFF)]
        + [("6e", 0x1FFFF, "0a", 960 * n) for n in range(1, 7)]
        + [("6e", 0x1FFFF, "8a", 6465)] * 3
    )
]


def test_a_long_press_on_the_clock_of_opus_is_one_digit() -> None:
    assert heard(*LONG_48, step=960) == "8"


@pytest.mark.parametrize("lost", [{0}, {68}, {69, 70}, {75, 76, 77}, {67, 68, 69}, {3, 40, 76, 77}])
def test_a_long_press_of_which_something_is_lost_is_one_digit(lost: set[int]) -> None:
    kept = [datagram for n, datagram in enumerate(LONG_48) if n not in lost]
    assert heard(*kept, step=960) == "8"


def test_the_same_key_after_a_long_press_is_another() -> None:
    again = bytes.fromhex("80ee 0100 00030000 0000cafe 080a 03c0")
    assert heard(*LONG_48, again, step=960) == "88"
    assert heard(*LONG_48[:-3], again, step=960) == "88", "every end was lost"


def test_a_peer_whose_duration_stops_at_its_most_is_one_digit() -> None:
    full = [event(4, 0, min(160 * n, 0xFFFF)) for n in range(1, 600)]
    assert heard(*full, event(4, 0, 0xFFFF, end=True), event(4, 0, 0xFFFF, end=True)) == "4"


def test_a_clock_that_was_set_back_far_is_a_new_press() -> None:
    assert heard(event(3, 1_000_000), event(3, 500)) == "33"


def test_events_that_are_no_keys_are_ignored() -> None:
    assert heard(event(16, 0), event(36, 800), event(255, 900)) == ""


@pytest.mark.parametrize("length", range(12, 16))
def test_a_truncated_event_is_ignored(length: int) -> None:
    assert heard(PRESS[0][:length]) == ""


def test_a_process_that_takes_over_knows_the_press_that_was_counted() -> None:
    digits = DigitsIn(4)
    digits.recall(2, 800, 5)
    assert heard(*PRESS[3:], event(5, 4000), digits=digits) == "5"


def test_rows_press_for_themselves() -> None:
    digits = DigitsIn(4)
    data = np.zeros((2, 1500), np.uint8)
    data[0, :16], data[1, :16] = list(event(1, 0)), list(event(2, 0))
    headers = packet.parse(data, np.array([16, 16]))
    new, code = digits.take(np.array([0, 3]), headers, data)
    assert new.all()
    assert code.tolist() == [1, 2]


def sent(beats: int) -> list[tuple[int, bool, int, bytes]]:
    """Key 7 dialled at timestamp 5000: (beat, marker, timestamp, payload) of each packet."""
    digits = DigitsOut(4)
    digits.start(ROW, np.array([7], np.uint8), np.array([5000], np.uint32))
    out = []
    for beat in range(beats):
        step = digits.step(ROW)
        if step.sends[0]:
            entry = (bool(step.marker[0]), int(step.timestamp[0]), step.payload[0].tobytes())
            out.append((beat, *entry))
    return out


def test_a_digit_is_sent_with_one_timestamp_growing_durations_and_three_ends() -> None:
    assert sent(20) == [
        (0, True, 5000, bytes.fromhex("070a00a0")),
        (1, False, 5000, bytes.fromhex("070a0140")),
        (2, False, 5000, bytes.fromhex("070a01e0")),
        (3, False, 5000, bytes.fromhex("070a0280")),
        (4, False, 5000, bytes.fromhex("078a0320")),
        (5, False, 5000, bytes.fromhex("078a0320")),
        (6, False, 5000, bytes.fromhex("078a0320")),
    ]


def test_the_gap_is_kept_before_the_next_digit() -> None:
    digits = DigitsOut(4)
    digits.start(ROW, np.array([7], np.uint8), np.array([0], np.uint32))
    idle = []
    for _ in range(BEATS + 1):
        idle.append(bool(digits.idle(ROW)[0]))
        digits.step(ROW)
    assert idle == [False] * BEATS + [True]


def test_what_we_send_is_what_we_would_hear() -> None:
    out, into, keys = DigitsOut(4), DigitsIn(4), ""
    for n, code in enumerate(events("14#5")):
        out.start(ROW, np.array([code], np.uint8), np.array([n * BEATS * 160], np.uint32))
        for _ in range(BEATS):
            step = out.step(ROW)
            if step.sends[0]:
                head = event(0, int(step.timestamp[0]), marker=bool(step.marker[0]))[:12]
                keys += heard(head + step.payload[0].tobytes(), digits=into)
    assert keys == "14#5"


def test_keys_are_checked() -> None:
    assert events("0*#d") == [0, 10, 11, 15]
    with pytest.raises(ValueError, match="'x' is not a telephone key"):
        events("12x")


def test_tones_are_the_two_of_the_key() -> None:
    tone = TONES[KEYS.index("6")].ravel().astype(float)[:1600]
    spectrum = np.abs(np.fft.rfft(tone))
    assert set(np.argsort(spectrum)[-2:] * 10) == {770, 1480}
    assert not TONES[:, 5:].any()
    assert np.abs(np.diff(TONES.reshape(16, -1).astype(int))).max() < 7000
