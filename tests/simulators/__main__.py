"""``python -m tests.simulators --openai 9001 --deepgram 9002``: the simulators as a program."""

import argparse
import asyncio
import contextlib
import signal
import ssl

import uvloop

from tests.simulators.deepgram_wire import DeepgramSimulator
from tests.simulators.openai_wire import OpenAISimulator, Rule
from tests.simulators.voice_wire import VoiceSimulator
from tests.simulators.wire import Trouble


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__)
    parser.add_argument("--openai", type=int, metavar="PORT")
    parser.add_argument("--deepgram", type=int, metavar="PORT")
    parser.add_argument("--voice", nargs=2, metavar=("VENDOR", "PORT"), help="11labs, cartesia, …")
    for name, what in {
        "first-token": "until a reply's first token",
        "token": "between tokens",
        "first-audio": "until a sentence's first sound",
        "final": "from end of speech to the words",
    }.items():
        parser.add_argument(f"--{name}-ms", type=float, default=0.0, help=what)
    parser.add_argument("--words", nargs="*", default=["hello there"], help="of each utterance")
    parser.add_argument("--reply", nargs=2, action="append", metavar=("REGEXP", "TEXT"), default=[])
    parser.add_argument(
        "--trouble",
        choices=["refuse", "cut", "half", "stall", "nonsense", "end"],
        help="what goes wrong with every request",
    )
    parser.add_argument("--certificate", metavar="FILE", help="PEM, with its key: speak TLS")
    parser.add_argument("--status", type=int, default=500, help="of --trouble refuse")
    parser.add_argument("--after", type=int, default=0, help="pieces that pass before the trouble")
    return parser.parse_args()


async def run(asked: argparse.Namespace) -> None:
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    trouble = Trouble(asked.trouble, asked.after, asked.status) if asked.trouble else None
    tls = None
    if asked.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(asked.certificate)
    async with contextlib.AsyncExitStack() as stack:
        if asked.openai is not None:
            rules = [Rule(*pair) for pair in asked.reply] + [Rule("", "You said: {heard}")]
            simulator = OpenAISimulator(
                port=asked.openai,
                trouble=trouble,
                tls=tls,
                rules=rules,
                first_token_s=asked.first_token_ms / 1000,
                token_s=asked.token_ms / 1000,
                first_audio_s=asked.first_audio_ms / 1000,
            )
            await stack.enter_async_context(simulator)
            print(f"openai {simulator.base_url}", flush=True)
        if asked.deepgram is not None:
            listener = DeepgramSimulator(
                port=asked.deepgram,
                trouble=trouble,
                tls=tls,
                words=asked.words,
                final_s=asked.final_ms / 1000,
                first_audio_s=asked.first_audio_ms / 1000,
            )
            await stack.enter_async_context(listener)
            print(f"deepgram {listener.base_url}", flush=True)
        if asked.voice:
            vendor, port = asked.voice
            voice = VoiceSimulator(
                port=int(port),
                trouble=trouble,
                tls=tls,
                vendor=vendor,
                first_audio_s=asked.first_audio_ms / 1000,
            )
            await stack.enter_async_context(voice)
            print(f"{vendor} {voice.base_url}", flush=True)
        await over.wait()


if __name__ == "__main__":
    uvloop.run(run(options()))
