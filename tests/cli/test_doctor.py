"""``trunkline doctor``: each check against a machine that has the trouble, and one that has not."""

import resource
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from gateway.cli import app, doctor
from gateway.cli.checks import Finding, machine, network, software
from gateway.config import Settings
from gateway.media import uring
from gateway.speech.settings import VendorSettings
from gateway_codecs import opus


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path)


HOLD = """
import socket, sys
held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
held.bind(("127.0.0.1", 0))
print(held.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_a_taken_port_names_who_has_it(settings: Settings) -> None:
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        port = int(other.stdout.readline())
        settings.sip.listen = [f"udp:127.0.0.1:{port}"]
        found = network.listening(settings)[0]
        other.communicate()
    assert found.level == "fail"
    assert f"udp 127.0.0.1:{port} is taken by " in found.what
    assert f"(process {other.pid})" in found.what
    assert "[sip] listen" in found.remedy
    assert network.listening(settings)[0].level == "ok"


def test_a_port_of_a_running_gateway_is_no_trouble(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "holder", lambda *_: "trunkline (process 7)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        settings.sip.listen = [f"udp:127.0.0.1:{held.getsockname()[1]}"]
        assert network.listening(settings)[0].level == "ok"


def test_an_address_of_another_machine_is_said(settings: Settings) -> None:
    settings.api.listen = "198.51.100.1:8080"
    found = network.listening(settings)[-1]
    assert (found.level, "no such address" in found.what) == ("fail", True)


def test_sound_ports_must_suffice_and_be_kept_free(settings: Settings, tmp_path: Path) -> None:
    ephemeral = tmp_path / "range"
    ephemeral.write_text("32768\t60999\n")
    assert network.sound_ports(settings, ephemeral).level == "ok"
    settings.rtp.ports = "20000-20010"
    assert "for 512 lines" in network.sound_ports(settings, ephemeral).what
    settings.rtp.ports = "32000-40000"
    found = network.sound_ports(settings, ephemeral)
    assert (found.level, "32768-60999" in found.what) == ("warn", True)


@pytest.mark.parametrize(
    ("local", "told", "level", "about"),
    [
        ("", "", "warn", "no route"),
        ("192.168.1.2", "", "warn", "[sip] public_address"),
        ("93.184.216.34", "", "ok", "a public address"),
        ("192.168.1.2", "93.184.216.34", "ok", "the NAT between"),
        ("93.184.216.34", "93.184.216.34", "ok", "this machine's own"),
        ("192.168.1.2", "no such name", "fail", "does not resolve"),
    ],
)
def test_nat_is_seen_and_its_remedy_named(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    local: str,
    told: str,
    level: str,
    about: str,
) -> None:
    monkeypatch.setattr(network, "local_address", lambda: local)
    settings.sip.public_address = told
    found = network.addresses(settings)
    assert found.level == level
    assert about in found.what + found.remedy


def test_memory_is_reckoned_with_lines_and_processes(settings: Settings, tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:   4194304 kB\n")
    assert machine.memory(settings, meminfo).level == "ok"
    meminfo.write_text("MemAvailable:   200000 kB\n")
    assert machine.memory(settings, meminfo).level == "fail"


@pytest.mark.parametrize(("free_gb", "level"), [(100, "ok"), (2, "warn"), (0.1, "fail")])
def test_disk(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, free_gb: float, level: str
) -> None:
    usage = SimpleNamespace(free=int(free_gb * machine.GB))
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage)
    assert machine.disk(settings).level == level


def test_a_state_directory_that_is_not_there_yet_is_judged_by_its_parent(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.state_dir = settings.state_dir / "not" / "yet"
    assert machine.disk(settings).level != "fail"
    monkeypatch.setattr(machine.os, "access", lambda *_: False)
    assert "may not be written" in machine.disk(settings).what


@pytest.mark.parametrize(("soft", "level"), [(1024, "warn"), (65536, "ok"), (-1, "ok")])
def test_open_files(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, soft: int, level: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert machine.open_files(settings).level == level


def test_real_time_priority_that_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(machine.os, "sched_setscheduler", refuse)
    assert machine.realtime(settings).level == "warn"
    settings.media.realtime = False
    assert machine.realtime(settings).level == "ok"


def test_small_udp_buffers(settings: Settings, tmp_path: Path) -> None:
    for name in ("rmem_max", "wmem_max"):
        (tmp_path / name).write_text("212992\n")
    assert machine.udp_buffers(settings, tmp_path).level == "ok"
    (tmp_path / "rmem_max").write_text("65536\n")
    found = machine.udp_buffers(settings, tmp_path)
    assert found.remedy == "sysctl -w net.core.rmem_max=212992"


def test_a_missing_library_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert software.libraries(settings).level == "ok"
    monkeypatch.setattr(software, "LIBRARIES", ("numpy", "no_such_library"))
    found = software.libraries(settings)
    assert (found.level, "no_such_library" in found.what) == ("fail", True)


def test_without_libopus_a_warning_says_what_that_means(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opus, "_library", None)
    found = software.codecs(settings)
    assert (found.level, found.remedy) == ("warn", "apt-get install libopus0")
    assert "PCMU, PCMA, G722" in found.what


def vendor(settings: Settings, answer: int | Exception) -> Finding:
    settings.vendors["openai"] = VendorSettings(
        base_url="http://127.0.0.1:1/v1/", api_key=SecretStr("sk-1")
    )

    def reply(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://127.0.0.1:1/v1/models"
        assert request.headers["Authorization"] == "Bearer sk-1"
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    return next(iter(software.vendors(settings, httpx.MockTransport(reply))))


def test_a_vendor_is_reached_with_its_key(settings: Settings) -> None:
    assert vendor(settings, 200).level == "ok"
    assert "refuses the key" in vendor(settings, 401).what
    assert vendor(settings, 503).level == "warn"
    assert "does not answer" in vendor(settings, httpx.ConnectError("nobody")).what


def test_a_vendor_without_a_key_is_no_trouble(settings: Settings) -> None:
    assert [found.level for found in software.vendors(settings)] == ["ok", "ok"]


@pytest.mark.parametrize(("level", "status"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_only_a_failure_fails(monkeypatch: pytest.MonkeyPatch, level: Any, status: int) -> None:
    found = Finding(level, "thing", "is [so]", "do this")
    monkeypatch.setattr(doctor, "findings", lambda _: iter([found]))
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == status
    assert result.output == f"{level:<4} thing          is [so] -> do this\n"


def test_a_wrong_configuration_is_said_first(tmp_path: Path) -> None:
    wrong = tmp_path / "gateway.toml"
    wrong.write_text("[sip]\nnothing = 1\n")
    result = CliRunner().invoke(app, ["doctor", "--config", str(wrong)])
    assert result.exit_code == 1
    assert "[sip] nothing" in result.output


def test_packets_in_batches_or_one_by_one(settings: Settings, monkeypatch) -> None:
    loop = settings.model_copy(update={"media": settings.media.model_copy(update={"io": "loop"})})
    assert machine.packets(loop).level == "ok"

    def forbidden(number: int, *arguments: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(uring, "_call", forbidden)
    found = machine.packets(settings)
    assert found.level == "warn"
    assert "not permitted" in found.what
