"""Channels, calls a second, calls a minute and minutes a day, with a clock turned by hand."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.bucket import Bucket
from gateway.trunks.limits import Channels, Minutes
from gateway.trunks.settings import OutboundSettings
from gateway.trunks.toll import Toll


@given(st.lists(st.floats(0, 0.3), max_size=200))
def test_a_bucket_never_gives_more_than_its_burst_and_its_rate(gaps: list[float]) -> None:
    bucket, now, taken = Bucket(10.0, 5.0), 100.0, 0
    for gap in gaps:
        now += gap
        taken += bucket.take(now)
    assert taken <= 5 + 10 * (now - 100.0) + 1e-6


def test_channels_are_counted_and_given_back() -> None:
    channels = Channels(2, 0)
    assert channels.take(0) == channels.take(0) == ""
    assert "2 channels" in channels.take(0)
    channels.give_back()
    assert channels.take(0) == ""


def test_calls_per_second() -> None:
    channels = Channels(0, 2)
    assert [bool(channels.take(t)) for t in (0, 0, 0, 0.5, 0.6)] == [
        False, False, True, False, True,
    ]  # fmt: skip
    assert channels.used == 3


def test_a_new_limit_keeps_the_count_of_calls_that_are_up() -> None:
    channels = Channels(0, 0)
    channels.take(0)
    channels.limit(1, 0)
    assert "1 channels" in channels.take(0)


def test_minutes_count_running_calls_and_forget_after_a_day() -> None:
    minutes = Minutes()
    minutes.begin("a", 0)
    assert minutes.spoken(600) == 10
    minutes.end("a", 1200)
    minutes.end("a", 9999)  # a second end is none
    assert minutes.spoken(1200) == 20
    assert minutes.spoken(80_000) == 20
    assert minutes.spoken(100_000) == 0


def test_toll_says_which_key_forbids() -> None:
    toll = Toll(OutboundSettings(numbers=["+49*"], domains=["*.example"], calls_per_minute=2,
                                 minutes_per_day=1))  # fmt: skip
    assert toll.number("+4930") == ""
    assert "[outbound] numbers" in toll.number("+1900")
    assert toll.domain("a.example") == ""
    assert "[outbound] domains" in toll.domain("203.0.113.1")
    assert toll.another_call(0) == toll.another_call(0) == ""
    assert "calls_per_minute" in toll.another_call(0)
    assert toll.another_call(31) == ""
    toll.minutes.begin("a", 31)
    assert "minutes_per_day" in toll.another_call(120)


def test_by_default_no_number_may_be_called() -> None:
    assert Toll(OutboundSettings()).number("+4930")
