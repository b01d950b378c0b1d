"""The jitter buffer behind networks as bad as they come."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtp.listening import PHASE_S, Listened, Peer, listen
from tests.rtp.network import Network

NETWORKS = {
    "clean": Network(),
    "loss": Network(loss=0.05),
    "bursts": Network(loss=0.3, burst=4),
    "jitter of 80 ms": Network(jitter_s=0.08),
    "jitter of 200 ms": Network(jitter_s=0.2),
    "overtaken by two": Network(overtaken=0.05, held_s=0.06),
    "overtaken by six": Network(overtaken=0.05, held_s=0.12),
    "everything": Network(0.05, 2, 0.08, overtaken=0.02, held_s=0.1, twice=0.05),
}
DRIFTS = (300.0, -300.0)


@pytest.fixture(scope="module")
def listened() -> tuple[list[Peer], Listened]:
    peers = [
        Peer(network, seed=seed, dtx=dtx, ppm=DRIFTS[seed % 2])
        for seed, network in enumerate(NETWORKS.values())
        for dtx in (False, True)
    ]
    return peers, listen(peers, 40.0)


def test_nothing_is_heard_twice_or_out_of_order(listened: tuple[list[Peer], Listened]) -> None:
    peers, came = listened
    for row in range(len(peers)):
        assert (np.diff(came.played(row)) > 0).all(), peers[row]


def test_nearly_all_that_came_is_heard(listened: tuple[list[Peer], Listened]) -> None:
    peers, came = listened
    for row, peer in enumerate(peers):
        sent = 2000 if not peer.dtx else 1600
        arrived = sent - int(came.jitter.lost(np.array([row]))[0])
        assert len(came.played(row)) >= 0.975 * arrived, peer


def test_no_packet_waits_longer_than_its_network_makes_it(
    listened: tuple[list[Peer], Listened],
) -> None:
    peers, came = listened
    for row, peer in enumerate(peers):
        typical = np.nanmedian(came.wait_s[:, row])
        network = peer.network
        worst = network.jitter_s + network.held_s * (network.overtaken > 0)
        assert typical <= PHASE_S + 0.06 + worst, peer


@dataclass(frozen=True)
class Spike(Network):
    """Everything is held up for 180 ms, from the fifth to the sixth second."""

    def _queue(self, sent_at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        wait = np.where((sent_at >= 5) & (sent_at < 6), 0.18, 0.0)
        return np.maximum.accumulate(sent_at + wait) - sent_at


@pytest.mark.parametrize("dtx", [False, True])
def test_delay_settles_back_after_a_spike(dtx: bool) -> None:
    came = listen([Peer(Spike(), dtx=dtx)], 45.0)
    wait_s = came.wait_s[:, 0]
    assert np.nanmax(wait_s[250:400]) > 0.15
    assert np.nanmax(wait_s[-250:]) <= PHASE_S + 0.041


@settings(max_examples=15, deadline=None)
@given(
    st.builds(
        Network,
        loss=st.floats(0, 0.3),
        burst=st.floats(1, 5),
        jitter_s=st.floats(0, 0.2),
        overtaken=st.floats(0, 0.2),
        held_s=st.floats(0.01, 0.15),
        twice=st.floats(0, 0.1),
    ),
    st.integers(0, 1000),
    st.booleans(),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1),
)
def test_any_network_is_heard_in_order_and_in_time(
    network: Network, seed: int, dtx: bool, first: int, ticks: int
) -> None:
    came = listen([Peer(network, seed, dtx=dtx, first=first, ticks=ticks)], 8.0)
    assert (np.diff(came.played(0)) > 0).all()
    assert np.nanmax(came.wait_s, initial=0.0) <= PHASE_S + 0.45


def test_a_network_does_the_same_for_the_same_seed_and_as_it_says() -> None:
    network, sent_at = Network(0.1, 3, 0.05, overtaken=0.1, twice=0.1), np.arange(20_000) * 0.02
    came = network.carry(sent_at, 7)
    assert came == network.carry(sent_at, 7)
    assert came != network.carry(sent_at, 8)
    missing = np.ones(len(sent_at), bool)
    missing[[n for _, n in came]] = False
    assert missing.mean() == pytest.approx(0.1, abs=0.02)
    bursts = np.flatnonzero(np.diff(missing.astype(int), prepend=0) == 1)
    assert missing.sum() / len(bursts) == pytest.approx(3, abs=0.3)
