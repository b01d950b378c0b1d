"""Two gateways with one state directory would take each other's calls."""

import os
from pathlib import Path

import pytest

from gateway.claim import claimed
from gateway.errors import ConfigError


def test_a_directory_is_claimed_once_and_again_when_it_is_let_go(tmp_path: Path) -> None:
    with (
        claimed(tmp_path),
        pytest.raises(ConfigError, match=rf"state_dir .*process {os.getpid()}\)"),
        claimed(tmp_path),
    ):
        pass
    with claimed(tmp_path):
        pass


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"state_dir .*No such file"), claimed(tmp_path / "none"):
        pass
