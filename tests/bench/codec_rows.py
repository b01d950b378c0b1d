"""What each codec costs: microseconds of a core for a row in a beat, without sockets.

    PYTHONPATH=.:codecs python -m tests.bench.codec_rows --rows 100

``whole`` is a beat of rows that hear and speak without a pause, VAD included; of 20 ms, 200 µs are
one per cent of a core. A call between two codecs is two rows.
"""

import argparse
import time

import numpy as np

from gateway.media.addresses import pack
from gateway.media.beat import Beat, Received, Tuning
from gateway.media.inward import Inward
from gateway.media.line import Line
from gateway.media.lines import FRAME, QUEUE, Lines, Writer
from gateway.media.outward import Outward
from gateway.media.process import keep_memory
from gateway.rtp import packet
from gateway_codecs import CODECS, G722, OPUS, PCMU, Codec, Law, available, g722, l16, opus
from gateway_codecs.resample import Downsampler
from tests.bench.voices import voice

BEATS, SETTLED = 500, 420  # by then libopus has followed what it is given
OWN = np.array([0])


class Owner:
    def __init__(self, lines: Lines) -> None:
        self.lines = lines


def payloads(codec: Codec) -> list[bytes]:
    """Ten seconds of voice."""
    down, adaptive = Downsampler(1), g722.Encoder(1)
    encoder = opus.Encoder(opus.Wishes(fec=True)) if codec.rate and not codec.width else None
    out = []
    for frame in voice(BEATS * FRAME, 16_000).reshape(-1, FRAME):
        sound = down.run(OWN, frame[None])[0] if codec.rate == 8000 else frame
        if isinstance(codec, Law):
            out.append(codec.encode(sound).tobytes())
        elif codec is G722:
            out.append(adaptive.run(OWN, sound[None])[0].tobytes())
        else:
            out.append(encoder.run(sound) if encoder else l16.encode(sound))
    return out


def measure(codec: Codec, rows: int, wide: bool) -> dict[str, float]:
    """µs per row and beat: of the whole, of decoding, of encoding. ``wide``: what is said has
    something above 4 kHz."""
    main = Lines.make(rows)
    media, agent = (Lines(main.fd, rows, who) for who in (Writer.MEDIA, Writer.AGENT))
    sound = voice(QUEUE * FRAME, 16_000)
    if wide:
        sound += np.random.default_rng(1).normal(0, 100, len(sound)).astype(np.int16)
    rise = np.linspace(0, 1, FRAME)  # the queue goes round: a click would be wide
    sound[:FRAME] = sound[:FRAME] * rise
    sound[-FRAME:] = sound[-FRAME:] * rise[::-1]
    agent["queue"][:] = sound.reshape(QUEUE, FRAME)
    agent["written"][:] = 1 << 40
    for row in range(rows):
        main.clear(row)
        Line(Owner(main), row, 20_000, "0.0.0.0").agree(  # type: ignore[arg-type]
            host="192.0.2.1", port=4000, codec=CODECS.index(codec), payload_out=codec.payload,
            payload_in=codec.payload, digits_out=101, digits_in=101, speaks=True, hears=True,
            opus=opus.Wishes(fec=True),
        )  # fmt: skip
    beat = Beat(media, Tuning())
    for row in beat.changed():
        beat.settle(row)
    spent = {"whole": 0.0, "decode": 0.0, "encode": 0.0}

    def timed(part: str, run):  # type: ignore[no-untyped-def]
        def wrapper(*args):  # type: ignore[no-untyped-def]
            began = time.thread_time()
            result = run(*args)
            spent[part] += time.thread_time() - began
            return result

        return wrapper

    inward: Inward = beat._inward
    outward: Outward = beat._outward
    inward.run = timed("decode", inward.run)  # type: ignore[method-assign]
    outward.run = timed("encode", outward.run)  # type: ignore[method-assign]
    run = timed("whole", beat.run)
    source = ("192.0.2.1", 4000)
    for n, octets in enumerate(payloads(codec)):
        if n == SETTLED:
            spent.update(dict.fromkeys(spent, 0.0))
        data = np.zeros((rows, 1500), np.uint8)
        packet.write(
            data,
            payload=np.full(rows, codec.payload),
            marker=np.zeros(rows, bool),
            sequence=np.full(rows, n, np.uint16),
            timestamp=np.full(rows, n * codec.clock // 50, np.uint32),
            ssrc=np.arange(rows, dtype=np.uint32),
        )
        data[:, 12 : 12 + len(octets)] = np.frombuffer(octets, np.uint8)
        lengths = np.full(rows, 12 + len(octets))
        run([Received(np.arange(rows), data, lengths, np.tile(pack(source), (rows, 1)))], 0.02 * n)
    main.close()
    return {part: 1e6 * seconds / ((BEATS - SETTLED) * rows) for part, seconds in spent.items()}


def main() -> None:
    keep_memory()
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100)
    rows = parser.parse_args().rows
    print(f"{rows} rows, µs per row and beat (200 µs: 1 % of a core)")
    for codec in available():
        cost = measure(codec, rows, wide=True)
        print(
            f"  {codec.name + '/' + str(codec.rate):12} "
            + "  ".join(f"{part} {spent:6.1f}" for part, spent in cost.items())
        )
    whole = {codec: measure(codec, rows, wide=False)["whole"] for codec in (PCMU, OPUS)}
    both = sum(whole.values())
    print(
        f"  a call between Opus and PCMU: {whole[OPUS]:.0f} + {whole[PCMU]:.0f} µs, "
        f"{both / 200:.2f} % of a core"
    )


if __name__ == "__main__":
    main()
