"""A call through the kernel's own bad network: phone and gateway in network namespaces, with
`tc netem` on the cable between them. It needs root and iproute2, and says so where they are not to
be had; of a kernel without sch_netem too, and then the phone itself loses and delays its packets.

    python -m tests.bench.bench_netem [what netem is to do, such as: loss 5% delay 40ms 20ms]
"""

import ctypes
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import soxr

from gateway_codecs import g711
from tests.bench.bench_networks import FRAME, RATE, Way, aligned, heard_by_agent, perform
from tests.bench.daemon import Daemon
from tests.bench.lone_phone import LonePhone
from tests.bench.recording import recording
from tests.bench.results import Figure, publish
from tests.rtp.network import Network

NETEM = "loss 5% 25% delay 40ms 20ms distribution normal duplicate 1%"
INSTEAD = Network(0.05, 1.3, 0.06, twice=0.01)
HERE, THERE = "trunkline-gateway", "trunkline-phone"
GATEWAY, PHONE = "10.253.77.1", "10.253.77.2"
_NEWNET = 0x40000000  # setns(2)


class NotHere(Exception):
    """This machine does not let us; ``str()`` says what."""


@contextmanager
def cable(netem: str) -> Iterator[bool]:
    """Two namespaces and a cable; whether it is bad, in both directions."""
    try:
        for name in (HERE, THERE):
            _run(f"ip netns add {name}")
            _run(f"ip -n {name} link set lo up")
        _run(f"ip link add tl0 netns {HERE} type veth peer name tl1 netns {THERE}")
        for name, device, address in ((HERE, "tl0", GATEWAY), (THERE, "tl1", PHONE)):
            _run(f"ip -n {name} address add {address}/24 dev {device}")
            _run(f"ip -n {name} link set {device} up")
        yield _spoilt(netem)
    finally:
        for name in (HERE, THERE):
            with suppress(NotHere):
                _run(f"ip netns delete {name}")


def _spoilt(netem: str) -> bool:
    try:
        for name, device in ((HERE, "tl0"), (THERE, "tl1")):
            _run(f"tc -n {name} qdisc add dev {device} root netem {netem}")
    except NotHere as error:
        print(f"without netem: {error}")
        return False
    return True


def _run(command: str) -> None:
    try:
        done = subprocess.run(command.split(), capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NotHere(f"{error.filename} is not installed") from None
    if done.returncode:
        raise NotHere(f"{command}: {done.stderr.strip()}")


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """What is opened and started here belongs to this namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open() as before, Path(f"/run/netns/{namespace}").open() as its:
        if libc.setns(its.fileno(), _NEWNET):
            raise NotHere(f"setns: error {ctypes.get_errno()}")
        try:
            yield
        finally:
            libc.setns(before.fileno(), _NEWNET)


def measure(folder: Path, netem: str) -> None:
    said = soxr.resample(recording(), 16_000, RATE)
    frames = g711.encode_mulaw(said).reshape(-1, FRAME)
    with cable(netem) as bad, inside(HERE):
        daemon = Daemon(folder, {"GATEWAY_SIP__LISTEN": f"udp:{GATEWAY}:5060"})
        with daemon:
            with inside(THERE):
                phone = LonePhone((GATEWAY, 5060), "demo", PHONE)
            phone.dial()
            network = Network() if bad else INSTEAD
            perform([phone], [Way(network, 0)], frames)
            phone.hang_up()
            (heard,) = heard_by_agent(daemon, [phone])
            (call,) = daemon.calls({phone.call_id}).values()
    figures = [Figure("frames said", len(frames), "")]
    figures += [Figure("frames heard, with pauses", len(heard) / FRAME, "")]
    with suppress(ImportError):
        from pesq import pesq

        score = pesq(RATE, said, aligned(said, np.asarray(heard)), "nb")
        figures.append(Figure("PESQ", float(score), "MOS-LQO"))
    how = f"netem {netem}" if bad else str(INSTEAD)
    publish(f"between namespaces, {how}: {call['endedReason']}", figures)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="netem-") as made:
        try:
            measure(Path(made), " ".join(sys.argv[1:]) or NETEM)
        except NotHere as error:
            print(f"skipped: {error}")
