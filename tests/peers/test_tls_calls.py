"""baresip calls the agent by TLS, and knows whom it speaks to."""

from pathlib import Path

import numpy as np
import pytest
import trustme

from tests.peers import sound
from tests.peers.baresip import Baresip
from tests.peers.child import free_port
from tests.peers.daemon import Daemon

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("encryption", ["", "srtp-mand"], ids=["clear sound", "SRTP"])
async def test_baresip_calls_by_tls(tmp_path: Path, encryption: str) -> None:
    authority = trustme.CA()
    ca, own, port = tmp_path / "ca.pem", tmp_path / "own.pem", free_port()
    authority.cert_pem.write_to_path(ca)
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(own)
    env = {
        "GATEWAY_SIP__LISTEN": f"udp:127.0.0.1:{free_port()},tls:127.0.0.1:{port}",
        "GATEWAY_SIP__TLS__CERTIFICATE": str(own),
    }
    silence = np.zeros(15 * sound.RATE, np.int16)  # a tone would interrupt the greeting
    async with (
        Daemon(tmp_path / "gateway", env) as gateway,
        Baresip(tmp_path, says=silence, encryption=encryption, cafile=ca) as peer,
    ):
        await peer.dial(f"sip:demo@127.0.0.1:{port};transport=tls")
        await peer.until("CALL_ESTABLISHED")
        await peer.hears(6.0)
        await peer.hang_up()
        await peer.until("CALL_CLOSED")
        assert sound.loud_s(peer.heard()) > 0.5
        await gateway.ended_calls(1)
        assert ("srtp=A" in gateway.log()) == bool(encryption)
