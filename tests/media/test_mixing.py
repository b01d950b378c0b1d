"""Who hears whom: bridges, three at once, whispers, mutes; added up without clicks."""

import numpy as np
import pytest

from gateway.media.beat import Beat, Tuning
from gateway.media.lines import FRAME, NO_AGENT, PAUSE_HOLD, SOURCES
from gateway_codecs import CODECS, available

PCMU, PCMA = 0, 1
LEVEL = 8000


def tone(hz: float, beats: int, rate: int = 8000, level: float = LEVEL) -> np.ndarray:
    t = np.arange(beats * rate // 50) / rate
    return np.rint(level * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def level(sound: np.ndarray, hz: float) -> float:
    t = np.arange(len(sound)) / 16_000
    return float(2 * abs(np.mean(sound * np.exp(-2j * np.pi * hz * t))))


class Talk:
    """Several peers speak at once, each its own pitch; ``levels`` tells who hears which."""

    def __init__(self, stage, rows: int = 3) -> None:
        self.stage = stage
        self.lines = [stage.open(row) for row in range(rows)]
        self.peers = {row: 400.0 + 200 * row for row in range(rows)}
        self.agents = {row: 500.0 + 200 * row for row in range(rows)}
        self.beats = 0

    def run(self, beats: int, agents: bool = True) -> None:
        frames = {row: tone(hz, self.beats + beats).reshape(-1, 160)[self.beats :]
                  for row, hz in self.peers.items()}  # fmt: skip
        voices = {row: tone(hz, self.beats + beats, 16_000).reshape(-1, FRAME)[self.beats :]
                  for row, hz in self.agents.items()}  # fmt: skip
        for n in range(beats):
            for row in self.agents if agents else ():
                self.stage.say(row, voices[row][n])
            self.stage.run(*(self.stage.rtp(row, CODECS[PCMU].encode(frames[row][n]).tobytes())
                             for row in self.peers))  # fmt: skip
        self.beats += beats

    def heard_by(self, row: int) -> str:
        """Peers by their number, agents by a letter: who was said to this row, at full level."""
        said = self.stage.ring("said", row, 5).astype(float)
        heard = [str(n) for n, hz in self.peers.items() if level(said, hz) > 0.9 * LEVEL]
        heard += ["abcdef"[n] for n, hz in self.agents.items() if level(said, hz) > 0.9 * LEVEL]
        return "".join(heard)


@pytest.fixture
def talk(stage) -> Talk:
    talk = Talk(stage)
    talk.run(5)
    return talk


def test_at_first_each_hears_its_own_agent(talk) -> None:
    assert [talk.heard_by(row) for row in range(3)] == ["a", "b", "c"]
    assert not talk.stage.main["mixes"].any()


def test_two_that_are_bridged_hear_one_another_and_then_no_more(talk) -> None:
    a, b, _ = talk.lines
    a.bridge(b)
    talk.run(8, agents=False)
    assert [talk.heard_by(row) for row in range(3)] == ["1", "0", ""]
    a.unbridge(b)
    talk.run(8)
    assert [talk.heard_by(row) for row in range(3)] == ["a", "b", "c"]
    assert not talk.stage.main["mixes"].any()


def test_three_peers_and_an_agent_all_hear_one_another(talk) -> None:
    a, b, c = talk.lines
    for one, other in ((a, b), (b, c), (c, a)):
        one.bridge(other)
    for line in (b, c):
        line.agent_to()
    a.agent_to(a, b, c)
    talk.run(8)
    assert [talk.heard_by(row) for row in range(3)] == ["12a", "02a", "01a"]


def test_a_whisper_is_heard_by_one_side_only(talk) -> None:
    a, b, _ = talk.lines
    a.bridge(b)
    b.agent_to()
    a.agent_to(b)
    talk.run(8)
    assert [talk.heard_by(row) for row in range(2)] == ["1", "0a"]
    a.agent_to(a)
    talk.run(8)
    assert [talk.heard_by(row) for row in range(2)] == ["1a", "0"]


def test_an_agent_that_is_lent_speaks_on_though_its_own_peer_holds_us(talk) -> None:
    a, b, _ = talk.lines
    b.agent_to()
    a.agent_to(b)
    talk.stage.open(0, speaks=False)
    talk.run(8)
    assert talk.heard_by(1) == "a"


def test_a_peer_that_is_muted_is_heard_by_nobody(talk) -> None:
    a, b, _ = talk.lines
    a.bridge(b)
    a.mute_peer(True)
    talk.run(8)
    assert talk.heard_by(1) == "b"
    assert not talk.stage.ring("heard", 0, 5).any()
    a.mute_peer(False)
    talk.run(8)
    assert talk.heard_by(1) == "0b"
    assert talk.stage.ring("heard", 0, 5).any()


def test_an_agent_that_is_muted_is_not_heard_and_its_queue_goes_on(talk) -> None:
    a, *_ = talk.lines
    a.mute_agent(True)
    talk.run(8)
    assert talk.heard_by(0) == ""
    assert talk.stage.main["taken"][0] == talk.stage.main["written"][0]


def test_a_gain_makes_somebody_softer(talk) -> None:
    a, b, _ = talk.lines
    a.hear(b, gain_db=-6.0206)
    talk.run(8)
    assert level(talk.stage.ring("said", 0, 5), talk.peers[1]) == pytest.approx(LEVEL / 2, rel=0.05)
    a.hear(b)  # again, at another gain, is no second voice
    talk.run(8)
    assert level(talk.stage.ring("said", 0, 5), talk.peers[1]) == pytest.approx(LEVEL, rel=0.05)


def test_too_loud_together_is_clipped_and_never_wraps(stage) -> None:
    lines = [stage.open(row) for row in range(3)]
    lines[0].hear(lines[1])
    lines[0].hear(lines[2])
    body = CODECS[PCMU].encode(np.full(160, 30_000, np.int16)).tobytes()
    for _ in range(10):
        stage.say(0, np.full(FRAME, 30_000, np.int16))
        stage.run(stage.rtp(1, body), stage.rtp(2, body))
    assert (stage.ring("said", 0, 3) == 32_767).all()


def test_whoever_comes_or_goes_does_not_click(talk) -> None:
    a, b, _ = talk.lines
    talk.run(3, agents=False)
    a.bridge(b)
    talk.run(5, agents=False)
    a.unbridge(b)
    talk.run(5, agents=False)
    said = talk.stage.ring("said", 0, 13).astype(int)
    assert np.abs(said).max() > 0.9 * LEVEL
    steepest = LEVEL * 2 * np.pi * talk.peers[1] / 16_000
    assert np.abs(np.diff(said)).max() < 1.3 * steepest
    assert not said[-FRAME:].any()


def test_there_is_room_for_so_many_others(new_stage) -> None:
    stage = new_stage(SOURCES + 2)
    lines = [stage.open(row) for row in range(SOURCES + 2)]
    for other in lines[1 : SOURCES + 1]:
        lines[0].hear(other)
    with pytest.raises(ValueError, match="hears 6 others already"):
        lines[0].hear(lines[-1])
    lines[0].unhear(lines[1])
    lines[0].hear(lines[-1])
    stage.close()


def test_who_is_given_back_is_heard_no_more_nor_the_next_on_its_row(talk) -> None:
    a, b, _ = talk.lines
    a.bridge(b)
    b.agent_to(a, b)
    a.agent_hears(b)
    b.part()
    talk.run(8)
    assert talk.heard_by(0) == "a"
    assert not talk.stage.main["agent_hears"].any()


def test_a_row_that_is_not_live_is_silence(talk) -> None:
    a, b, _ = talk.lines
    a.bridge(b)
    talk.run(5)
    talk.stage.main["live"][1] = 0
    talk.stage.main["settings"][1] += 1
    talk.stage.settle()
    del talk.peers[1], talk.agents[1]
    talk.run(6)
    assert talk.heard_by(0) == "a"


def test_another_process_goes_on_mixing(talk) -> None:
    a, b, _ = talk.lines
    a.bridge(b)
    talk.run(5, agents=False)
    talk.stage.another_process()
    talk.run(8, agents=False)
    assert [talk.heard_by(row) for row in range(2)] == ["1", "0"]


def test_rows_of_two_processes_hear_one_another(talk, new_stage) -> None:
    """Each has its own beat over its own rows; whoever is first, nothing is missing or twice."""
    stage = talk.stage
    a, b, _ = talk.lines
    here, there = stage.beat, Beat(stage.media, Tuning())
    here.let_go(1)
    there.settle(1)
    here.rows, there.rows = np.array([0]), np.array([1])
    a.bridge(b)
    ramp = tone(600, 40).reshape(-1, 160)
    for n in range(40):
        packet = stage.datagrams(stage.rtp(1, CODECS[PCMU].encode(ramp[n]).tobytes()))
        order = [(here, []), (there, [packet])]
        stage.now += 0.02
        for beat, received in order if n % 3 else reversed(order):
            beat.run(received, stage.now)
    said = stage.ring("said", 0, 20).astype(int)
    assert level(said, 600) == pytest.approx(LEVEL, rel=0.05)
    assert np.abs(np.diff(said)).max() < 1.3 * LEVEL * 2 * np.pi * 600 / 16_000


@pytest.mark.parametrize("ptime", [10, 20, 30, 60])
@pytest.mark.parametrize("codec", [codec.name for codec in available()])
def test_any_codec_and_packet_length_is_heard_by_any_other(stage, codec: str, ptime: int) -> None:
    names = [its.name for its in CODECS]
    index = names.index(codec)
    a = stage.open(0)
    b = stage.open(1, codec=index, payload_in=96, payload_out=96, ptime_ms=ptime)
    a.bridge(b)
    stage.hear(0, tone(500, 30))
    stage.open(2, codec=index, payload_in=96, payload_out=96)
    sent = [packet for packet in stage.sent if packet.row == 1]
    assert level(stage.ring("said", 1, 10), 500) == pytest.approx(LEVEL, rel=0.05)
    for packet in sent:  # what went to b in its codec is played to a third
        stage.run(stage.rtp(2, packet.payload, kind=96, timestamp=packet.timestamp))
        for _ in range(ptime // 20 - 1):
            stage.run()
    heard = np.abs(stage.main["heard"][2].astype(int)).max()
    assert heard > 0.7 * LEVEL


def test_an_agent_is_interrupted_by_whomever_it_hears(talk, vowel) -> None:
    a, b, _ = talk.lines
    a.agent_hears(b)
    stage = talk.stage
    stage.agent["policy"][0] = PAUSE_HOLD
    stage.say(0, tone(500, 50, 16_000))
    stage.hear(1, vowel(1.0, 8000))
    assert stage.main["pauses"][0] == 1
    a.agent_hears()
    assert stage.main["mixes"][0] == 0


def test_a_row_without_an_agent_hears_the_other(talk) -> None:
    a, b, _ = talk.lines
    a.give_agent(None)
    assert talk.stage.main["agent"][0] == NO_AGENT
    a.bridge(b)
    talk.run(8, agents=False)
    assert talk.heard_by(0) == "1"
