"""What a bridged pair of lines costs: microseconds of a core for both rows in a beat, no sockets.

    PYTHONPATH=.:codecs python -m tests.bench.bridged_rows --pairs 50

Both peers speak without a pause; 200 µs are one per cent of a core. Nobody listens to the first
pair, so its packets go through; a tap follows the others.
"""

import argparse
import time

import numpy as np

from gateway.media.addresses import pack
from gateway.media.beat import Beat, Received, Tuning
from gateway.media.line import Line
from gateway.media.lines import Lines, Writer
from gateway.media.sounds import Sounds
from gateway.rtp import packet
from gateway_codecs import CODECS, OPUS, PCMU, Codec, available
from tests.bench.codec_rows import BEATS, payloads

SOURCE = ("192.0.2.1", 4000)


class Owner:
    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.sounds = Sounds(lines)


def batches(codec: Codec, rows: np.ndarray) -> list[Received]:
    """What the peers of these rows send, beat by beat."""
    found = []
    for n, octets in enumerate(payloads(codec)):
        data = np.zeros((len(rows), 1500), np.uint8)
        packet.write(
            data,
            payload=np.full(len(rows), codec.payload),
            marker=np.zeros(len(rows), bool),
            sequence=np.full(len(rows), n, np.uint16),
            timestamp=np.full(len(rows), n * codec.clock // 50, np.uint32),
            ssrc=rows.astype(np.uint32),
        )
        data[:, 12 : 12 + len(octets)] = np.frombuffer(octets, np.uint8)
        found.append(Received(rows, data, np.full(len(rows), 12 + len(octets)),
                              np.tile(pack(SOURCE), (len(rows), 1))))  # fmt: skip
    return found


def measure(codecs: tuple[Codec, Codec], pairs: int, *, bridged: bool, followed: bool) -> float:
    """µs for a pair and beat."""
    main = Lines.make(2 * pairs)
    media, owner = Lines(main.fd, 2 * pairs, Writer.MEDIA), Owner(main)
    lines = []
    for row in range(2 * pairs):
        main.clear(row)
        line = Line(owner, row, 20_000, "0.0.0.0")  # type: ignore[arg-type]
        codec = codecs[row % 2]
        line.agree(
            host=SOURCE[0], port=SOURCE[1], codec=CODECS.index(codec), payload_out=codec.payload,
            payload_in=codec.payload, digits_out=101, digits_in=101, speaks=True, hears=True,
        )  # fmt: skip
        line.give_agent(None)
        line.followers(int(followed))
        lines.append(line)
    for one, other in zip(lines[::2], lines[1::2], strict=True) if bridged else ():
        one.bridge(other)
    beat = Beat(media, Tuning())
    for row in beat.changed():
        beat.settle(row)
    streams = [batches(codec, np.arange(side, 2 * pairs, 2)) for side, codec in enumerate(codecs)]
    began = time.thread_time()
    for n in range(BEATS):
        beat.run([stream[n] for stream in streams], 0.02 * n)
    spent = time.thread_time() - began
    main.close()
    return 1e6 * spent / (BEATS * pairs)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=50)
    pairs = parser.parse_args().pairs
    print(f"{pairs} pairs, µs a pair and beat (200 µs: 1 % of a core)")
    rows: list[tuple[str, tuple[Codec, Codec], bool, bool]] = [
        ("PCMU, PCMU, not bridged", (PCMU, PCMU), False, False),
        ("PCMU, PCMU, passed through", (PCMU, PCMU), True, False),
        ("PCMU, PCMU, decoded", (PCMU, PCMU), True, True),
    ]
    if OPUS in available():
        rows += [
            ("Opus, PCMU, not bridged", (OPUS, PCMU), False, False),
            ("Opus, PCMU, transcoded", (OPUS, PCMU), True, True),
            ("Opus, Opus, passed through", (OPUS, OPUS), True, False),
            ("Opus, Opus, decoded", (OPUS, OPUS), True, True),
        ]
    for name, codecs, bridged, followed in rows:
        cost = min(measure(codecs, pairs, bridged=bridged, followed=followed) for _ in range(3))
        print(f"  {name:28} {cost:6.1f}")


if __name__ == "__main__":
    main()
