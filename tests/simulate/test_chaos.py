"""Vendors are killed, stalled and restored at random: the bench, in small."""

from tests.bench.bench_chaos import chaos


async def test_no_call_is_lost_that_had_a_substitute_and_none_is_stuck() -> None:
    result = await chaos(12, 50.0, 2)
    assert result.outages > 4
    assert result.answers > 15
    assert not result.lost
    assert not result.stuck
    assert not result.unnamed
