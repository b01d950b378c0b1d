"""How benches make figures of what they measured."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.bench import bench_survival, bench_turn, daemon, results
from tests.bench.plan import PACKET, Outcome, Played, Report
from tests.bench.results import Figure


def values(figures: list[Figure]) -> dict[str, float]:
    return {figure.name: figure.value for figure in figures}


def report(sound_at: list[float], call: Outcome, end: float = 10.0) -> Report:
    """One call with a packet every 20 ms, loud at these seconds and 0.5 s from there."""
    packets = np.zeros(int(end * 50), PACKET)
    beats = np.arange(len(packets))
    packets["at"], packets["sequence"] = 1000 + beats * 0.02, beats
    packets["timestamp"] = beats * 160
    for at in sound_at:
        packets["peak"][(packets["at"] > 999.999 + at) & (packets["at"] < 1000.5 + at)] = 5000
    return Report([call], packets, 0.0, {})


def test_a_turn_s_own_share_is_what_neither_the_operator_set_nor_a_vendor_took() -> None:
    call = Outcome("id", played=[Played(0, 1002.0, 1003.0)])
    segments = [("end_of_speech_wait", 400.0), ("model_first_token", 200.0), ("wire", 30.0)]
    turn = {
        "totalMs": 630.0,
        "ownMs": 30.0,
        "segments": [{"name": name, "ms": ms} for name, ms in segments],
    }
    shown = {"id": {"artifact": {"trunkline": {"turns": [turn]}}}}
    made = values(bench_turn.figures(report([3.7], call), shown, 1))
    assert made["turns measured"] == 1
    assert made["turn on the wire, p95"] == pytest.approx(700, abs=0.1)
    assert made["own share on the wire, p95"] == pytest.approx(100, abs=0.1)
    assert made["own share as the gateway tells it, p95"] == 30.0
    assert made["segment wire (ours), p50"] == 30.0


def test_turns_that_cannot_be_paired_are_counted_not_measured() -> None:
    made = values(bench_turn.figures(report([], Outcome("id")), {}, 1))
    assert made["calls whose turns could not be paired"] == 1
    assert made["turns measured"] == 0


def test_survival_sees_the_gap_the_sentence_and_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_survival, "CALLS", 1)
    call = Outcome("id", ended_by="phone", bye_status=200)
    whole = report([4.5], call)
    whole.packets = np.delete(whole.packets, range(200, 220))
    made = values(bench_survival.after_media(whole, 1004.0))
    assert made["longest time without a packet, worst call"] == pytest.approx(420, abs=0.1)
    assert made["calls in which the sentence did not go on"] == 0
    assert made["calls whose RTP stream began anew"] == 0
    assert made["calls that did not live until the caller's BYE"] == 0
    whole.calls[0].ended_by = "gateway"
    assert values(bench_survival.after_media(whole, 1004.0))[
        "calls that did not live until the caller's BYE"
    ]


def test_a_figure_misses_its_goal_also_when_it_is_no_number() -> None:
    assert Figure("x", 5.0, most=5).verdict == "ok"
    assert Figure("x", 5.1, most=5).verdict == "MISSED"
    assert Figure("x", float("nan"), most=5).verdict == "MISSED"
    assert Figure("x", 5.1).verdict == ""


def test_figures_are_printed_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "FILE", tmp_path / "state" / "bench.jsonl")
    results.publish("a bench", [Figure("time", 7.5, most=5)])
    results.publish("a bench", [Figure("time", 2.5, most=5)])
    assert "MISSED" in capsys.readouterr().out
    kept = [json.loads(line) for line in results.FILE.read_text().splitlines()]
    assert [line["figures"][0]["value"] for line in kept] == [7.5, 2.5]


def test_a_process_is_seen_as_the_kernel_sees_it() -> None:
    seen = daemon.look_at(os.getpid(), os.getpid())
    assert seen.role == "main"
    assert seen.threads >= 1
    assert seen.descriptors >= 3
    assert seen.own_kib > 1000
    assert seen.shared_kib >= 0
