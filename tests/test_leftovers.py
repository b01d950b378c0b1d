"""What is left open at exit is found, also while threads come and go."""

from pathlib import Path

import pytest

from gateway import leftovers


def test_a_thread_that_ends_while_it_is_looked_at_hides_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for thread, processes in {"1": "11 12", "2": None, "3": "13"}.items():
        (tmp_path / thread).mkdir()
        if processes is not None:
            (tmp_path / thread / "children").write_text(processes)
    monkeypatch.setattr(leftovers, "TASKS", tmp_path)
    assert sorted(leftovers.children()) == [11, 12, 13]
