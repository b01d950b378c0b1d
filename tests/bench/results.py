"""How a bench tells its figures: a table for who watches, a line of JSON for who compares."""

import json
import math
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = Path(os.environ.get("TRUNKLINE_BENCH_RESULTS", ROOT / "state" / "bench.jsonl"))


@dataclass(frozen=True)
class Figure:
    """The goal: what the value may be at ``most``, or has to be at ``least``; None for a figure
    without one."""

    name: str
    value: float
    unit: str = "ms"
    most: float | None = None
    least: float | None = None

    @property
    def verdict(self) -> str:
        if self.most is None and self.least is None:
            return ""
        high = self.most is not None and not self.value <= self.most
        low = self.least is not None and not self.value >= self.least
        return "MISSED" if high or low else "ok"

    @property
    def goal(self) -> str:
        if self.least is not None:
            return f"goal {self.least:g}+"
        return "" if self.most is None else f"goal {self.most:g}"


def publish(bench: str, figures: list[Figure]) -> None:
    """Print the figures against their goals and append them to ``FILE``."""
    print(f"\n{bench}")
    for figure in figures:
        value = f"{figure.value:.6g}" if math.isfinite(figure.value) else str(figure.value)
        line = (
            f"  {figure.name:<54} {value:>10} {figure.unit:<9} {figure.goal:<10} {figure.verdict}"
        )
        print(line.rstrip())
    FILE.parent.mkdir(parents=True, exist_ok=True)
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "bench": bench,
        "figures": [asdict(figure) for figure in figures],
    }
    with FILE.open("a") as file:
        file.write(json.dumps(line) + "\n")


def as_program(measure: Callable[[Path], None]) -> None:
    """``python -m tests.bench.bench_x``: measure once; ``--keep FOLDER`` keeps logs and reports."""
    if sys.argv[1:2] == ["--keep"]:
        folder = Path(sys.argv[2])
        folder.mkdir(parents=True, exist_ok=True)
        measure(folder)
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        measure(Path(made))
