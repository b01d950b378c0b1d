"""The table that all processes share: one writer a column, nothing left for the next caller."""

import numpy as np
import pytest

from gateway.media.lines import COLUMNS, GLOBALS, NO_PAYLOAD, NO_PAYLOADS, Lines, Writer, size_of


@pytest.fixture
def lines():
    lines = Lines.make(3)
    yield lines
    lines.close()


@pytest.mark.parametrize("me", [*Writer, None])
def test_each_process_writes_only_its_own_columns(lines, me) -> None:
    mine = Lines(lines.fd, 3, me)
    for name, column in {**COLUMNS, **GLOBALS}.items():
        if column.writer is me:
            mine[name][0] = 1
        else:
            with pytest.raises(ValueError, match="read-only"):
                mine[name][0] = 1


def test_columns_do_not_overlap(lines) -> None:
    media = Lines(lines.fd, 3, Writer.MEDIA)
    for n, name in enumerate(c for c in COLUMNS if COLUMNS[c].writer is Writer.MEDIA):
        media[name][:] = n % 250
    for n, name in enumerate(c for c in COLUMNS if COLUMNS[c].writer is Writer.MEDIA):
        assert (lines[name] == n % 250).all(), name
    assert not any(lines[name].any() for name in COLUMNS if COLUMNS[name].writer is Writer.AGENT)


def test_clear_forgets_everything_about_one_row_only(lines) -> None:
    media = Lines(lines.fd, 3, Writer.MEDIA)
    media["heard"][:] = 9
    lines["port"][:] = 9
    lines.clear(1)
    for name in COLUMNS:
        wanted = NO_PAYLOAD if name in NO_PAYLOADS else 0
        assert (lines[name][1] == wanted).all(), name
    assert (lines["heard"][[0, 2]] == 9).all()
    assert lines["port"].tolist() == [9, 0, 9]


def test_only_main_may_clear_and_only_a_free_row_may_be_seeded(lines) -> None:
    with pytest.raises(PermissionError):
        Lines(lines.fd, 3, Writer.AGENT).clear(0)
    lines.seed(0, 7, 8)
    assert (lines["sequence"][0], lines["timestamp"][0]) == (7, 8)
    lines["live"][0] = 1
    with pytest.raises(PermissionError):
        lines.seed(0, 1, 1)


def test_memory_is_what_was_promised() -> None:
    assert size_of(512) < 512 * 300_000
    assert np.dtype(COLUMNS["beat"].dtype).itemsize == 8
