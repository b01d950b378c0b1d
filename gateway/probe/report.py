"""What a probe found: for a person, for a program, and for Prometheus."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Check:
    name: str
    ok: bool
    what: str


@dataclass
class Report:
    """``figures`` are in the units that their names end in."""

    target: str
    checks: list[Check] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return bool(self.checks) and all(check.ok for check in self.checks)

    def note(self, name: str, ok: bool, what: str) -> bool:
        self.checks.append(Check(name, ok, what))
        return ok

    def plain(self) -> dict[str, Any]:
        """To be written as JSON."""
        return {"ok": self.ok, **asdict(self)}


def mos(round_trip_ms: float, lost: float) -> float:
    """Mean opinion score of a G.711 call: the E-model of ITU-T G.107 (and annex I of G.113 for
    loss that is concealed) with its defaults, from the delay and the share of packets lost."""
    delay = round_trip_ms / 2
    impairment = 0.024 * delay + 0.11 * max(0.0, delay - 177.3)
    percent = 100 * lost
    loss = 95 * percent / (percent + 25.1)
    r = min(100.0, max(0.0, 93.2 - impairment - loss))
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


METRICS = {
    "setup_ms": ("setup_seconds", 0.001, "From the INVITE to its 200."),
    "first_sound_ms": ("first_sound_seconds", 0.001, "From the answer to the first sound heard."),
    "round_trip_ms": ("round_trip_seconds", 0.001, "How late a sound came back."),
    "lost": ("packets_lost_ratio", 1.0, "Share of the RTP packets to the probe that were lost."),
    "jitter_ms": ("jitter_seconds", 0.001, "Mean jitter of the RTP to the probe (RFC 3550)."),
    "mos": ("mos", 1.0, "Estimated mean opinion score (ITU-T G.107)."),
    "took_s": ("duration_seconds", 1.0, "How long the whole probe took."),
}


def exposition(report: Report, at: float) -> str:
    """The report as node_exporter's textfile collector reads it. ``at`` is Unix time."""
    return "\n".join(_lines(report, at)) + "\n"


def _lines(report: Report, at: float) -> Iterator[str]:
    target = f'target="{_escaped(report.target)}"'
    yield from _family("success", "Whether all checks were passed.")
    yield f"trunkline_probe_success{{{target}}} {int(report.ok)}"
    yield from _family("check_success", "Whether this check was passed.")
    for check in report.checks:
        labels = f'{target},check="{_escaped(check.name)}"'
        yield f"trunkline_probe_check_success{{{labels}}} {int(check.ok)}"
    for figure, value in report.figures.items():
        name, factor, says = METRICS[figure]
        yield from _family(name, says)
        yield f"trunkline_probe_{name}{{{target}}} {value * factor:.6g}"
    yield from _family("timestamp_seconds", "When the probe ended.")
    yield f"trunkline_probe_timestamp_seconds{{{target}}} {at:.3f}"


def _family(name: str, says: str) -> tuple[str, str]:
    return (f"# HELP trunkline_probe_{name} {says}", f"# TYPE trunkline_probe_{name} gauge")


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def write(path: Path, text: str) -> None:
    """Replace the file whole, so that a reader never sees half of it. Raises OSError."""
    made, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(made, "w") as file:
            file.write(text)
        Path(name).chmod(0o644)  # the collector is another user
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
