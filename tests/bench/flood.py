"""Junk for a SIP port: what the internet sends, as fast as it is told to.

``python -m tests.bench.flood PORT RATE SECONDS``: how many packets it sent comes back in JSON.
They come from sixteen addresses of this machine that nobody knows.
"""

import json
import random
import socket
import sys
import time

SENDERS = [f"127.66.6.{number}" for number in range(1, 17)]
BURST_S = 0.002


def junk(host: str, rng: random.Random) -> list[bytes]:
    """A hundred packets, of which none is good for anything."""

    def request(method: str, extra: str = "", agent: str = "friendly-scanner") -> bytes:
        token = f"{rng.getrandbits(64):x}"
        return (
            f"{method} sip:{rng.randrange(10_000)}@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{token};rport\r\n"
            f"From: <sip:100@{host}>;tag={token}\r\nTo: <sip:100@127.0.0.1>\r\n"
            f"Call-ID: {token}\r\nCSeq: 1 {method}\r\nContact: <sip:100@{host}>\r\n"
            f"Max-Forwards: 70\r\nUser-Agent: {agent}\r\n{extra}Content-Length: 0\r\n\r\n"
        ).encode()

    kinds = [
        lambda: rng.randbytes(rng.randrange(1, 1400)),
        lambda: request("REGISTER"),
        lambda: request("INVITE", agent="Z"),
        lambda: request("OPTIONS", agent="Z"),
        lambda: request("INVITE", agent="Z")[: rng.randrange(20, 300)],
        lambda: request("INVITE", "X: " + "a" * 1000 + "\r\n", agent="Z"),
        lambda: request("BYE", agent="Z"),
        lambda: b"\r\n\r\n",
        lambda: b"SIP/2.0 200 OK" + request("INVITE", agent="Z").partition(b"SIP/2.0")[2],
        lambda: bytes([0x80, 0]) + rng.randbytes(170),  # RTP that lost its way
    ]
    return [kind() for kind in kinds for _ in range(10)]


def flood(port: int, rate: float, seconds: float) -> int:
    rng = random.Random(4711)
    senders = []
    for host in SENDERS:
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.bind((host, 0))
        sender.connect(("127.0.0.1", port))
        packets = junk(host, rng)
        rng.shuffle(packets)
        senders.append((sender, packets))
    sent, began = 0, time.perf_counter()
    while (since := time.perf_counter() - began) < seconds:
        while sent < since * rate:
            sender, packets = senders[sent % len(senders)]
            sender.send(packets[sent // len(senders) % len(packets)])
            sent += 1
        time.sleep(BURST_S)
    return sent


if __name__ == "__main__":
    print("began", flush=True)
    print(json.dumps(flood(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))))
