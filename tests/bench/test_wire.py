"""What the benches calculate from packets, on packets that were made up."""

import numpy as np
import pytest

from tests.bench import wire
from tests.bench.plan import PACKET, Outcome, Played, Report


def stream(count: int, first: int = 65_530, at: float = 1000.0) -> wire.Packets:
    """Perfect packets whose sequence and timestamps wrap."""
    packets = np.zeros(count, PACKET)
    beats = np.arange(count)
    packets["at"] = at + beats * 0.02
    packets["sequence"] = (first + beats) & 0xFFFF
    packets["timestamp"] = (2**32 - 480 + beats * 160) & 0xFFFFFFFF
    packets["ssrc"] = 7
    return packets


def test_errors_are_measured_from_the_call_s_own_grid() -> None:
    packets = stream(100)
    packets["at"][50] += 0.007
    errors = wire.grid_errors_s(packets)
    assert errors[50] == pytest.approx(0.007, abs=1e-6)
    assert np.abs(np.delete(errors, 50)).max() < 1e-6


def test_a_lost_packet_does_not_move_the_grid() -> None:
    packets = np.delete(stream(100), [3, 4])
    assert np.abs(wire.grid_errors_s(packets)).max() < 1e-6
    assert wire.lost(packets) == 2
    assert wire.lost(packets[::-1]) == 2


def test_a_stream_that_begins_anew_is_another_one() -> None:
    packets = stream(100)
    assert wire.one_stream(packets)
    assert wire.one_stream(np.delete(packets, range(20, 60)))
    packets["ssrc"][60:] = 8
    assert not wire.one_stream(packets)
    packets = stream(100)
    packets["sequence"][60:] += 20_000
    assert not wire.one_stream(packets)
    packets = stream(100)
    packets["timestamp"][60:] -= 16_000
    assert not wire.one_stream(packets)


def test_the_longest_gap_is_looked_for_where_it_began() -> None:
    packets = np.delete(stream(200), range(50, 75))
    assert wire.longest_gap_s(packets, 1000.5, 1002.0) == pytest.approx(0.52)
    assert wire.longest_gap_s(packets, 1000.0, 1000.9) == pytest.approx(0.02)
    assert wire.longest_gap_s(packets, 1003.9, 1005.0) == float("inf")


def spoken(*spans: tuple[float, float]) -> wire.Packets:
    packets = stream(500)
    for begin, end in spans:
        inside = (packets["at"] >= 1000 + begin - 1e-6) & (packets["at"] <= 1000 + end + 1e-6)
        packets["peak"][inside] = 9000
    return packets


def played(*spans: tuple[float, float]) -> Outcome:
    return Outcome("id", played=[Played(0, 1000 + begin, 1000 + end) for begin, end in spans])


def test_an_answer_is_timed_from_the_last_packet_of_speech() -> None:
    packets = spoken((0, 1), (3, 4), (6, 7))
    call = played((2.0, 2.5), (5.0, 5.5), (8.0, 8.5))
    found = wire.answers(call, packets, 4)
    assert [answer.response_s for answer in found] == pytest.approx([0.5, 0.5])
    assert found[0].call == 4


def test_an_answer_that_began_before_the_question_ended_is_none() -> None:
    assert wire.answers(played((2.0, 2.5)), spoken((1.8, 3.0)), 0) == []


def test_a_barge_in_lasts_from_the_first_packet_of_speech_to_the_agent_s_last() -> None:
    packets = spoken((0, 1.0), (1.2, 2.1), (3.0, 4.0), (5.0, 9.9))
    call = played((2.0, 2.6), (4.5, 4.8), (6.0, 6.5))
    stopped, deaf = wire.barge_ins_s(call, packets)
    assert stopped == pytest.approx([0.1])
    assert deaf == 1


def test_packets_are_given_back_to_their_calls() -> None:
    packets = np.concatenate([stream(3), stream(2)])
    packets["call"] = [2, 0, 2, 0, 2]
    report = Report([Outcome("a"), Outcome("b"), Outcome("c")], packets, 0.0, {})
    assert [len(found) for found in wire.each_call(report)] == [2, 0, 3]
    assert len(wire.of_call(report, 2)) == 3


def test_percentiles_of_nothing_are_no_numbers() -> None:
    assert np.isnan(wire.percentiles([], 50, 99)).all()
    assert wire.percentiles([1.0, 2.0, 3.0], 50) == [2.0]
