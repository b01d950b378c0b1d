"""Rows whose agent just goes on speaking, or is silent, are said all at once; whichever way a row
is taken, the same is heard and the same is counted."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.lines import FRAME, PAUSE_DUCK, PAUSE_HOLD, QUEUE, Lines, Writer
from gateway.media.voice import Voice

ROWS = 3
NOISE = np.random.default_rng(1).integers(-32768, 32768, (QUEUE, FRAME)).astype(np.int16)
COLUMNS = ("taken", "skipped", "pauses", "paused_beat")
WHAT = st.sampled_from(
    ["nothing"] * 4 + ["write", "drop", "resume", "onset", "hold", "duck", "may", "may not"]
)


class Thorough(Voice):
    """Every row is looked at as if its volume turned."""

    def next(self, rows, may_speak):  # type: ignore[no-untyped-def]
        return self._turn_or_break(rows, may_speak)


class Side:
    def __init__(self, kind: type[Voice]) -> None:
        self.main = Lines.make(ROWS)
        media, self.agent = (Lines(self.main.fd, ROWS, who) for who in (Writer.MEDIA, Writer.AGENT))
        self.agent["queue"][:] = NOISE
        self.media, self.voice = media, kind(media)
        self.may_speak = np.ones(ROWS, bool)

    def do(self, row: int, what: str) -> None:
        agent = self.agent
        match what:
            case "write":
                agent["written"][row] += 4
            case "drop":
                agent["drop_to"][row] = agent["written"][row]
            case "resume":
                agent["resumed"][row] = agent["pauses"][row]
            case "onset":
                self.voice.pause(np.arange(ROWS), np.arange(ROWS) == row)
            case "hold":
                agent["policy"][row] = PAUSE_HOLD
            case "duck":
                agent["policy"][row] = PAUSE_DUCK
            case "may" | "may not":
                self.may_speak[row] = what == "may"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[WHAT] * ROWS), min_size=5, max_size=25))
def test_it_does_not_matter_which_way_a_voice_is_taken(beats: list[tuple[str, ...]]) -> None:
    quick, thorough = Side(Voice), Side(Thorough)
    for whats in [("write",) * ROWS, *beats]:
        said = []
        for side in (quick, thorough):
            for row, what in enumerate(whats):
                side.do(row, what)
            said.append(side.voice.next(np.arange(ROWS), side.may_speak))
        np.testing.assert_array_equal(*said)
        for name in COLUMNS:
            np.testing.assert_array_equal(quick.media[name], thorough.media[name], name)
    for side in (quick, thorough):
        side.main.close()
