"""A probe's report: its verdict, its Prometheus text, its file."""

import stat
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.probe.report import METRICS, Report, exposition, mos, write


def report() -> Report:
    made = Report('sip:"odd\\user"@host')
    made.note("answer", True, "200")
    made.note("sound", False, "nothing came back")
    made.figures = {"setup_ms": 12.5, "lost": 0.25, "took_s": 4.0}
    return made


def test_no_check_is_no_success() -> None:
    assert not Report("sip:a@b").ok
    assert not report().ok


def test_prometheus_reads_what_was_meant() -> None:
    families = text_string_to_metric_families(exposition(report(), 1_700_000_000.25))
    samples = {
        (sample.name.removeprefix("trunkline_probe_"), sample.labels.get("check")): sample
        for family in families
        for sample in family.samples
    }
    assert {s.labels["target"] for s in samples.values()} == {'sip:"odd\\user"@host'}
    assert {key: sample.value for key, sample in samples.items()} == {
        ("success", None): 0,
        ("check_success", "answer"): 1,
        ("check_success", "sound"): 0,
        ("setup_seconds", None): 0.0125,
        ("packets_lost_ratio", None): 0.25,
        ("duration_seconds", None): 4,
        ("timestamp_seconds", None): 1_700_000_000.25,
    }


def test_every_figure_has_one_name_in_seconds_or_ratios() -> None:
    names = [name for name, _, _ in METRICS.values()]
    assert len(set(names)) == len(names)
    assert not any(name.endswith("_ms") for name in names)


@pytest.mark.parametrize(
    ("round_trip_ms", "lost", "score"),
    [(0, 0, 4.41), (100, 0, 4.38), (300, 0, 4.32), (600, 0, 3.71), (100, 0.05, 3.88), (0, 1, 1.18)],
)
def test_the_e_model(round_trip_ms: float, lost: float, score: float) -> None:
    # R by hand: 93.2 - 0.024 d - 0.11 max(0, d - 177.3) - 95 Ppl / (Ppl + 25.1), d one way.
    assert mos(round_trip_ms, lost) == pytest.approx(score, abs=0.03)


def test_the_file_is_replaced_whole_and_others_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "probe.prom"
    file.write_text("old\n")
    write(file, "new\n")
    assert file.read_text() == "new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "in it").touch()
    with pytest.raises(OSError, match="folder"):
        write(tmp_path / "folder", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
