"""Who has answered? The detector on every opening, with and without a transcript: the confusion
matrices of ``docs/voicemail.md``, the time until the verdict, and where the beep was found.

    python -m tests.bench.bench_voicemail [first | spare | held-out] [--write]

The detector was made with the first set and the spare one; the held-out one only measures it.
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.bench import greetings, held_out
from tests.bench.openings import Clip, listened, openings

DOC = Path(__file__).parents[2] / "docs/voicemail.md"
BEGIN, END = "<!-- the bench writes the {} set -->", "<!-- to here -->"
SETS: dict[str, Callable[[], list[Callable[[], Clip]]]] = {
    "first": openings,
    "spare": lambda: held_out.clips(greetings.SPARE, 200_000),
    "held-out": lambda: held_out.clips(greetings.HELD_OUT, 100_000),
}
VERDICTS = ("human", "machine", "fax", "silent", "unsure")


def report(which: str, wrong: bool) -> str:
    clips = [make() for make in SETS[which]()]
    parts = [f"{len(clips)} openings, {sum(len(c.sound) for c in clips) / 16000 / 60:.0f} minutes."]
    for transcript in (True, False):
        parts.append(_matrix(clips, transcript, wrong))
    return "\n\n".join(parts)


def _matrix(clips: list[Clip], transcript: bool, wrong: bool) -> str:
    counts: Counter[tuple[str, str]] = Counter()
    times: dict[str, list[float]] = {}
    accused, beeps, found, frames = 0, [], 0, 0
    began = time.perf_counter()
    for clip in clips:
        opening, given = listened(clip, transcript)
        frames += len(clip.sound) // 320
        who = opening.verdict.who
        counts[clip.kind, who] += 1
        counts["right", ""] += who == clip.truth
        accused += clip.truth == "human" and "machine" in given
        if wrong and who != clip.truth:
            print(clip.kind, opening.verdict, clip.words[-1:], file=sys.stderr)
        if who == clip.truth:
            times.setdefault(who, []).append(opening.verdict.at_s)
        if clip.beep_s:
            beeps.append(clip)
            found += opening.beep_at is not None and abs(opening.beep_at - clip.beep_s) < 0.1
    spent_us = (time.perf_counter() - began) / frames * 1e6
    kinds = list(dict.fromkeys((clip.kind, clip.truth) for clip in clips))
    rows = [
        f"| {kind} | {truth} | " + " | ".join(str(counts[kind, v] or "") for v in VERDICTS) + " |"
        for kind, truth in kinds
    ]
    humans = sum(clip.truth == "human" for clip in clips)
    when = "; ".join(
        f"{who} {np.percentile(t, 10):.1f} / {np.median(t):.1f} / {np.percentile(t, 90):.1f} s"
        for who, t in sorted(times.items())
    )
    right = 100 * counts["right", ""] / len(clips)
    return "\n".join([
        f"#### {'With a transcript' if transcript else 'By the sound alone'}",
        "",
        "| opening | truth | " + " | ".join(VERDICTS) + " |",
        "|---" * (len(VERDICTS) + 2) + "|",
        *rows,
        "",
        f"Right: {right:.1f} %. Of {humans} people, {accused} were at any time called "
        f"machines. Beeps found within 0.1 s: {found} of {len(beeps)}. "
        f"Time of the verdict after the answer (p10 / median / p90): {when}. "
        f"Cost: {spent_us:.0f} µs a frame, the voice detector included.",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", nargs="?", default="first", choices=SETS)
    parser.add_argument("--write", action="store_true", help="into docs/voicemail.md")
    parser.add_argument("--wrong", action="store_true", help="show each that was")
    given = parser.parse_args()
    text = report(given.set, given.wrong)
    if given.write:
        begin = re.escape(BEGIN.format(given.set))
        pattern = re.compile(f"(?<={begin}\n).*?(?=\n{re.escape(END)})", re.S)
        kept = re.sub(r" Cost: .*? included\.", "", text)  # a busy machine's is no figure
        DOC.write_text(pattern.sub(lambda _: kept, DOC.read_text()))
    print(text)


if __name__ == "__main__":
    main()
