"""Peers send anything and main changes everything: the beat goes on, and a witness hears all."""

import pytest

from tests.media.unruly import Unruly


@pytest.mark.parametrize("seed", range(4))
def test_whatever_peers_send_and_main_changes_the_beat_goes_on(seed: int) -> None:
    Unruly(seed).run(150)
