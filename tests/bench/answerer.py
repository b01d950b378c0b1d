"""The gateway's SIP endpoint alone, in a process of its own: it answers whoever calls.

``python -m tests.bench.answerer``: says its port, and then, for each line on standard input, in
one line of JSON what it holds. It ends with its input.
"""

import asyncio
import gc
import json
import re
import sys
import time
from pathlib import Path

import uvloop

from gateway.sdp import Local, make_offer
from gateway.sip.defence import Defence
from gateway.sip.defence_settings import DefenceSettings
from gateway.sip.endpoint import Endpoint
from gateway.sip.session import Session
from gateway.sip.settings import SipSettings

SDP = bytes(make_offer(Local("127.0.0.1", 40_000)))


def answer(session: Session) -> None:
    session.ring()
    session.answer(SDP)


def own_kib() -> int:
    """Memory of this process alone."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return int(re.search(r"Pss_Anon:\s*(\d+)", rollup)[1])  # type: ignore[index]


async def main() -> None:
    settings = SipSettings(listen=["udp:127.0.0.1:0"])
    endpoint = Endpoint(settings, answer, Defence(DefenceSettings()))
    await endpoint.start()
    gc.freeze()  # as the daemon does when it is ready
    gc.set_threshold(20_000, 20, 50)
    print(endpoint.ports[0].port, flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    while await orders.readline():
        held = {
            "cpu_s": time.process_time(),
            "own_kib": own_kib(),
            "dialogs": endpoint.live,
            "transactions": endpoint.open_transactions,
        }
        print(json.dumps(held), flush=True)
    await endpoint.close()


if __name__ == "__main__":
    uvloop.run(main())
