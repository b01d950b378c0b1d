"""How the daemon lives and leaves: draining, leaving at once, what systemd is told, and what a
killed process does to the calls."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers


def children_of(pid: int, module: str) -> list[int]:
    """The processes that ``pid`` runs of this module."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == pid and module.encode() in command:
            found.append(int(entry.name))
    return sorted(found)


def options(address: str) -> bytes:
    """What the gateway answers to OPTIONS, as a load balancer asks it."""
    host, port = address.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pinger:
        pinger.settimeout(30)
        pinger.connect((host, int(port)))
        here = ":".join(map(str, pinger.getsockname()))
        pinger.send(
            f"OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKping\r\n"
            f"From: <sip:balancer@{here}>;tag=1\r\nTo: <sip:{address}>\r\nCall-ID: ping\r\n"
            "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode()
        )
        return pinger.recv(4096)


async def test_term_lets_a_call_finish_and_lets_nobody_in(tmp_path: Path, phone: Softphone) -> None:
    async with Daemon(tmp_path / "gateway") as gateway:
        call = await phone.dial(gateway.uri("demo"))
        await call.confirmed()
        gateway.child.terminate()
        async with asyncio.timeout(40):
            while (await gateway.api.get("/health/ready")).status_code != 503:
                await asyncio.sleep(0.02)
        late = await phone.dial(gateway.uri("demo"))
        assert (await late.disconnected())["status"] == 503
        assert b" 503 Draining" in options(gateway.sip_address), "OPTIONS says what INVITE gets"
        assert not call.over
        heard = await call.until("sound", on=True)
        assert heard
        await call.hang_up()
        await call.disconnected()
        assert await gateway.child.ended(15) == 0
        assert "nothing left open" in gateway.log()


async def test_a_second_term_ends_the_calls_and_leaves(tmp_path: Path, phone: Softphone) -> None:
    async with Daemon(tmp_path / "gateway") as gateway:
        call = await phone.dial(gateway.uri("echo"))
        await call.confirmed()
        gateway.child.terminate()
        async with asyncio.timeout(40):
            while (await gateway.api.get("/health/ready")).status_code != 503:
                await asyncio.sleep(0.02)
        gateway.child.terminate()
        await call.disconnected()
        assert await gateway.child.ended(15) == 0
        assert "nothing left open" in gateway.log()


async def test_systemd_is_told_of_ready_alive_and_stopping(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.setblocking(False)
        loop = asyncio.get_running_loop()

        async def told(what: str) -> None:
            async with asyncio.timeout(90):
                while what not in (await loop.sock_recv(notify, 4096)).decode():
                    pass

        # The watchdog's period is the daemon's own business: any process id is not given.
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        async with Daemon(tmp_path / "gateway", env) as gateway:
            await told("READY=1")
            await told("WATCHDOG=1")
            gateway.child.terminate()
            await told("STOPPING=1")


async def test_a_taken_port_is_named_with_who_has_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        gateway = Daemon(tmp_path / "gateway", {"GATEWAY_SIP__LISTEN": f"udp:127.0.0.1:{port}"})
        await gateway.child.__aenter__()
        assert await gateway.child.ended(90) != 0
        await gateway.child.stop()
        await gateway.api.aclose()
    assert str(port) in gateway.log()
    assert str(os.getpid()) in gateway.log()
    assert "Traceback" not in gateway.log()


@pytest.mark.parametrize("module", ["gateway.media.process", "gateway.agent.process"])
async def test_a_killed_process_ends_no_call(
    gateway: Daemon, phone: Softphone, module: str
) -> None:
    call = await phone.dial(gateway.uri("demo"))
    await call.confirmed()
    await call.until("sound", on=True)
    for pid in children_of(gateway.child.pid, module):
        os.kill(pid, signal.SIGKILL)  # the one at work, and its spare
    await gateway.until_said("Hello, this is Trunkline")
    await call.press("1")  # the time, please
    await gateway.until_said("It is ")
    assert not call.over
    await call.hang_up()
    await call.disconnected()
    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "customer-ended-call"


async def test_a_gateway_whose_agents_all_lag_refuses_calls(
    tmp_path: Path, phone: Softphone
) -> None:
    always = {"GATEWAY_AGENTS__LAG_MS": "0.000001"}
    async with Daemon(tmp_path / "gateway", always) as gateway:

        async def metrics() -> str:
            return (await gateway.api.get("/metrics")).text

        async with asyncio.timeout(40):
            while 'trunkline_agent_lagging{process="0"} 1.0' not in await metrics():
                await asyncio.sleep(0.1)
        call = await phone.dial(gateway.uri("demo"))
        assert (await call.disconnected())["status"] == 503
        assert 'trunkline_calls_refused_total{status="503"} 1.0' in await metrics()
        assert "trunkline_agents_overloaded_total 1.0" in await metrics()
        assert "503 Overloaded" in gateway.log()
