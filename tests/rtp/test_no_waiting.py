"""A row that waits for nothing at first: as long as its network is faultless, and no longer."""

from tests.rtp.test_jitter import NONE, Link


def steady(link: Link, first: int, last: int, *, quiet: bool = False) -> None:
    for n in range(first, last):
        link.put(n, payload=bytes([n % 251]) * 160)
        link.beat(quiet=quiet)


def test_each_packet_is_heard_with_the_next_beat() -> None:
    link = Link(depth=0)
    steady(link, 0, 1000, quiet=True)
    assert link.heard == [n % 251 for n in range(1000)]


def test_after_a_late_packet_a_frame_waits_for_good() -> None:
    link = Link(depth=0)
    steady(link, 0, 10)
    link.beat()
    link.beat(10, 11)
    assert link.heard[-2:] == [NONE, 10]
    assert link.jitter.wait_ms(3) == 20
    steady(link, 12, 600, quiet=True)
    assert link.heard[11:] == [n % 251 for n in range(10, 599)]
    assert link.jitter.wait_ms(3) == 20


def test_after_a_loss_a_frame_waits_from_the_next_pause_on() -> None:
    """What came meanwhile can then be what the lost one is made from."""
    link = Link(depth=0)
    steady(link, 0, 10)
    link.beat()
    steady(link, 11, 20)
    assert link.heard[10:] == [NONE, *range(11, 20)]
    assert link.jitter.wait_ms(3) == 0
    steady(link, 20, 25, quiet=True)
    assert link.heard[20:] == [NONE, 20, 21, 22, 23]
    assert link.jitter.wait_ms(3) == 20


def test_another_stream_begins_without_waiting() -> None:
    link = Link(depth=0)
    steady(link, 0, 10)
    link.beat()
    link.beat(10, 11)
    link.ssrc = 8
    steady(link, 100, 110)
    assert link.heard[-9:] == list(range(101, 110))
    assert link.jitter.wait_ms(3) == 0
