"""The probe's softphone as a peer to test with: on loopback, its RTP where nobody else's is."""

from pathlib import Path

from gateway.probe import softphone
from gateway.probe.softphone import PhoneCall
from tests.peers.child import free_ports

__all__ = ["PhoneCall", "Softphone"]


class Softphone(softphone.Softphone):
    """``async with Softphone(tmp_path) as phone: call = await phone.dial("sip:...")``."""

    def __init__(self, folder: Path, transport: str = "udp") -> None:
        super().__init__(folder, transport, address="127.0.0.1", rtp_port=free_ports(16))
