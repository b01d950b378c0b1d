"""No sound, and sound one way: found in time, told once, and with the right thing to check."""

import re
from dataclasses import replace

import pytest

from gateway.calls.diagnosis import BACK, MUTED, NO_AUDIO, ONE_WAY, STOPPED, Diagnosis, Finding
from gateway.media.line import Symptoms

SILENT = Symptoms(
    hears=True, speaks=True, received=0, received_at=0.0, sent=0, foreign=0, garbage=0, forged=0,
    muted=False, rtcp_received=0, reports=0, far_highest=0,
    local_port=20_000, peer="192.168.1.5:4000",
)  # fmt: skip


class Call:
    """A diagnosed call whose clock is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.diagnosis = Diagnosis(self.now)
        self.seen = SILENT

    def go_on(self, seconds: int, **changes: object) -> list[Finding]:
        found = []
        for _ in range(seconds):
            self.now += 1
            self.seen = replace(self.seen, sent=self.seen.sent + 50, **changes)
            found += self.diagnosis.look(self.seen, self.now)
        return found

    def talk(self, seconds: int = 1) -> list[Finding]:
        """The peer is heard."""
        found = []
        for _ in range(seconds):
            self.now += 1
            self.seen = replace(self.seen, received=self.seen.received + 50, received_at=self.now,
                                sent=self.seen.sent + 50)  # fmt: skip
            found += self.diagnosis.look(self.seen, self.now)
        return found


@pytest.mark.parametrize(
    ("facts", "advice"),
    [
        ({}, r"UDP port 20000.*firewall.*public_address.*192\.168\.1\.5:4000, is private"),
        ({"peer": "198.51.100.9:4000"}, r"firewall"),
        ({"garbage": 200}, "payload type"),
        ({"foreign": 200}, "elsewhere than the peer"),
        ({"forged": 200, "garbage": 1}, "SRTP key"),
    ],
)
def test_nothing_at_all_is_told_once_with_its_likely_cause(facts: dict, advice: str) -> None:
    call = Call()
    assert call.go_on(4, **facts) == []
    (finding,) = call.go_on(30)
    assert finding.what == NO_AUDIO
    assert re.search(advice, finding.advice)
    (back,) = call.talk(10)
    assert back.what == BACK


def test_a_call_with_sound_is_left_alone() -> None:
    assert Call().talk(600) == []


def test_a_held_peer_is_not_missed() -> None:
    call = Call()
    call.talk(5)
    assert call.go_on(60, hears=False) == []
    assert call.go_on(9, hears=True) == []
    assert [f.what for f in call.go_on(3)] == [STOPPED]


def test_short_silence_is_allowed_and_long_silence_is_told() -> None:
    call = Call()
    call.talk(5)
    assert call.go_on(10) == []
    assert [f.what for f in call.go_on(30)] == [STOPPED]
    assert [f.what for f in call.talk(5)] == [BACK]


def test_a_peer_whose_reports_do_not_move_is_deaf() -> None:
    call = Call()
    found = []
    for n in range(30):
        call.seen = replace(call.seen, rtcp_received=1 + n // 5, reports=1 + n // 5, far_highest=77)
        found += call.talk()
    assert [f.what for f in found] == [ONE_WAY]
    assert "public_address" in found[0].advice
    call.seen = replace(call.seen, reports=9, far_highest=4000)
    assert [f.what for f in call.talk(5)] == [BACK]


def test_a_peer_that_reports_nothing_of_us_is_deaf() -> None:
    call = Call()
    call.seen = replace(call.seen, rtcp_received=1)
    assert [f.what for f in call.talk(30)] == [ONE_WAY]


def test_a_peer_without_rtcp_may_hear_us_or_not() -> None:
    assert Call().talk(60) == []


def test_a_line_that_was_muted_is_told() -> None:
    call = Call()
    call.talk(5)
    assert [f.what for f in call.go_on(20, muted=True)] == [MUTED]
    assert [f.what for f in call.go_on(1, muted=False)] == [BACK]


def test_reports_that_move_are_good_news() -> None:
    call = Call()
    for n in range(120):
        call.seen = replace(call.seen, rtcp_received=n // 6, reports=n // 6, far_highest=n * 50)
        assert call.talk() == []
