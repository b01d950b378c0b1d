"""What the gateway refuses, and how it says so; and calls that begin or end in unusual ways."""

import pytest

from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers


async def test_an_unknown_user_is_404(gateway: Daemon, phone: Softphone) -> None:
    call = await phone.dial(gateway.uri("nobody"))
    assert (await call.disconnected())["status"] == 404
    assert "nobody" in gateway.log()


async def test_no_common_codec_is_488(gateway: Daemon, phone: Softphone) -> None:
    await phone.offer_only("GSM/8000")
    call = await phone.dial(gateway.uri("demo"))
    assert (await call.disconnected())["status"] == 488
    await phone.offer_only("PCMA/8000")
    call = await phone.dial(gateway.uri("demo"))
    await call.confirmed()
    assert call.codec == "PCMA"
    await call.hang_up()
    await call.disconnected()
