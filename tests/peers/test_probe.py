"""The probe against the gateway itself, and against targets with one thing wrong."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from gateway.probe.report import Report
from gateway.probe.visit import Expect, Visit, probe
from tests.peers.child import free_port
from tests.peers.daemon import Daemon
from tests.peers.sipp import Sipp
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers


def failed(report: Report) -> list[str]:
    return [check.name for check in report.checks if not check.ok]


def said(report: Report, name: str) -> str:
    return next(check.what for check in report.checks if check.name == name)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_echo_of_a_gateway_that_is_well(gateway: Daemon, transport: str) -> None:
    report = await probe(Visit(gateway.uri("echo"), Expect.ECHO, transport=transport))
    assert report.ok, report
    assert [check.name for check in report.checks] == ["answer", "sound", "network", "key",
                                                       "hang-up"]  # fmt: skip
    assert 0 < report.figures["setup_ms"] < 5000
    assert 20 <= report.figures["round_trip_ms"] < 500
    assert report.figures["lost"] < 0.05
    assert report.figures["mos"] > 4
    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "customer-ended-call"


async def test_the_demo_speaks_and_answers_a_key(gateway: Daemon) -> None:
    report = await probe(Visit(gateway.uri("demo"), Expect.MENU))
    assert report.ok, report
    assert 0 < report.figures["first_sound_ms"] < 3000
    assert "answered after" in said(report, "key")
    await gateway.ended_calls(1)


async def test_a_dead_port() -> None:
    target = f"sip:echo@127.0.0.1:{free_port()}"
    report = await probe(Visit(target, Expect.ECHO, within_s=1.0))
    assert failed(report) == ["answer"]
    assert said(report, "answer") == "none within 1 s"
    report = await probe(Visit(target, Expect.ECHO, transport="tcp", within_s=5.0))
    assert failed(report) == ["answer"]


async def test_a_busy_target(tmp_path: Path) -> None:
    async with Softphone(tmp_path) as busy:
        probing = asyncio.create_task(probe(Visit(busy.uri, Expect.SPEECH)))
        await (await busy.incoming()).hang_up(486)
        report = await probing
    assert failed(report) == ["answer"]
    assert said(report, "answer").startswith("486 ")


@pytest.mark.parametrize("expect", [Expect.ECHO, Expect.SPEECH])
async def test_one_way_sound(tmp_path: Path, expect: Expect) -> None:
    async with Sipp(tmp_path, "uas") as mute:
        report = await probe(Visit(mute.uri, expect, within_s=2.0))
    # SIPp's own scenario offers no telephone events either.
    assert failed(report) == ["sound", "network", "key"]
    assert "(no RTP at all)" in said(report, "sound")


async def test_a_target_that_speaks_where_an_echo_was_expected(tmp_path: Path) -> None:
    async with Sipp(tmp_path, "uas_sound") as speaker:
        report = await probe(Visit(speaker.uri, Expect.ECHO))
        assert said(report, "sound").startswith("sound, but not our own came back")
        report = await probe(Visit(speaker.uri, Expect.SPEECH))
        assert "sound" not in failed(report)


async def test_a_target_that_hangs_up_by_itself(tmp_path: Path) -> None:
    async with Softphone(tmp_path) as short:
        probing = asyncio.create_task(probe(Visit(short.uri, Expect.ECHO)))
        call = await short.incoming()
        await call.answer()
        await call.confirmed()
        await call.hang_up()
        report = await probing
    assert "hang-up" in failed(report)
    assert "ended the call itself" in said(report, "hang-up")


async def test_a_target_that_does_not_answer_the_bye(tmp_path: Path) -> None:
    """A BYE is over with its answer, not with its sending."""
    async with Softphone(tmp_path) as dying:
        probing = asyncio.create_task(probe(Visit(dying.uri, Expect.SPEECH, within_s=2.0)))
        call = await dying.incoming()
        await call.answer()
        await call.confirmed()
        os.kill(dying.child.pid, signal.SIGSTOP)
        report = await probing
        os.kill(dying.child.pid, signal.SIGCONT)
    assert said(report, "hang-up") == "BYE not acknowledged within 5 s"
