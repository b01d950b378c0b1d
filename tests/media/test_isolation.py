"""One row whose state makes the beat fail ends nobody else's sound."""

import numpy as np
import pytest

from gateway.media.isolation import CHANCES, Careful


@pytest.fixture
def careful(stage) -> Careful:
    for row in range(6):
        stage.open(row)
        stage.main["agent"][row] = 0
    return Careful(stage.beat, stage.media)


def poison(stage, monkeypatch, *guilty: int) -> None:
    """Listening to these rows raises, wherever they stand in a batch."""
    ears = stage.beat._ears
    listen = ears.listen

    def broken(rows, *frames):
        if np.isin(rows, guilty).any():
            raise IndexError("a slip")
        return listen(rows, *frames)

    monkeypatch.setattr(ears, "listen", broken)


def beat(stage, careful: Careful) -> set[int]:
    """One beat in which every peer speaks; the rows that were sent something."""
    came = stage.datagrams(*(stage.rtp(row, b"\x10" * 160) for row in range(6)))
    stage.now += 0.02
    return {row for out in careful.run([came], stage.now) for row in out.rows}


@pytest.mark.parametrize("guilty", [(0,), (3,), (5,), (1, 4)])
def test_the_others_go_on_in_the_same_beat(stage, careful, monkeypatch, guilty) -> None:
    beat(stage, careful)
    poison(stage, monkeypatch, *guilty)
    assert beat(stage, careful) == set(range(6)) - set(guilty)
    assert {fault.row for fault in careful.faults} == set(guilty)
    assert "a slip" in careful.faults[0].why
    others = [row for row in range(6) if row not in guilty]
    assert (stage.main["beat"][others] == 2).all()


def test_a_row_that_recovers_is_not_muted(stage, careful, monkeypatch) -> None:
    with monkeypatch.context() as broken:
        poison(stage, broken, 2)
        beat(stage, careful)
    assert beat(stage, careful) == set(range(6))
    assert careful.faults == []
    assert stage.main["faults"][2] == 1
    assert not stage.main["muted"].any()


def test_a_row_that_fails_again_and_again_is_muted_until_a_re_invite(
    stage, careful, monkeypatch
) -> None:
    with monkeypatch.context() as broken:
        poison(stage, broken, 2)
        for _ in range(CHANCES + 3):
            assert beat(stage, careful) == {0, 1, 3, 4, 5}
    assert stage.main["faults"][2] == CHANCES
    assert stage.main["muted"][2] == 1
    assert stage.beat.changed() == []
    assert beat(stage, careful) == {0, 1, 3, 4, 5}
    stage.open(2)
    assert stage.main["muted"][2] == 0
    assert beat(stage, careful) == set(range(6))


def test_a_muted_row_is_muted_for_the_next_process_too_and_can_be_given_back(
    stage, careful, monkeypatch
) -> None:
    with monkeypatch.context() as broken:
        poison(stage, broken, 2)
        for _ in range(CHANCES):
            beat(stage, careful)
    stage.another_process()
    assert 2 not in stage.beat.rows
    stage.main["live"][2] = 0
    stage.main["settings"][2] += 1
    stage.settle()
    assert stage.main["applied"][2] == stage.main["settings"][2]
