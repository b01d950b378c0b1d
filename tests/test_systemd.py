"""sd_notify, read from the other end of its socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import systemd


@pytest.fixture(params=["path", "abstract"])
def manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    abstract = request.param == "abstract"
    name = f"trunkline-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.setblocking(False)
        listener.bind(f"\0{name}" if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if abstract else name)
        yield listener


def test_ready_carries_the_status_line(manager: socket.socket) -> None:
    systemd.ready("sip:demo@192.0.2.1")
    assert manager.recv(1000) == b"READY=1\nSTATUS=sip:demo@192.0.2.1"


def test_each_word_is_the_one_systemd_knows(manager: socket.socket) -> None:
    systemd.stopping()
    systemd.alive()
    systemd.status("3 calls")
    assert [manager.recv(100) for _ in range(3)] == [
        b"STOPPING=1",
        b"WATCHDOG=1",
        b"STATUS=3 calls",
    ]


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd.ready()


def test_a_manager_that_is_gone_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    systemd.alive()


def test_the_watchdog_is_fed_twice_as_often_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert systemd.watchdog_s() == 15
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert systemd.watchdog_s() is None
    monkeypatch.delenv("WATCHDOG_USEC")
    assert systemd.watchdog_s() is None
