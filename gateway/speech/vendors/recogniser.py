"""The embedded recogniser: ``python -m gateway.speech.vendors.recogniser`` behind a pipe.

pocketsphinx holds the interpreter lock for as long as it decodes (about 10 ms per second of
speech), which would stop every call of the agent; so it is a process of its own. Requests and
answers are one JSON object behind a four-byte big-endian length; the sound of a request follows
its JSON. One decoder serves all calls in turn: nothing goes from one utterance to another.
"""

import json
import math
import os
import signal
import sys
from collections import OrderedDict
from typing import Any, BinaryIO

from pocketsphinx import Decoder  # type: ignore[import-untyped]

from gateway.speech.grammar import Graph, graph

GRAMMARS = 64  # remembered; a dialogue has as many as states
FRAME_BYTES = 320  # of 10 ms at 16 kHz
SCALE = 1024  # acoustic scores come shifted right by 10 bits


class Recogniser:
    """One decoder, and the grammars it was given lately."""

    def __init__(self) -> None:
        # cmn batch: an utterance is normalised by itself, not by another caller's. bestpath
        # searches the word lattice again and often ends in the middle of a phrase.
        self._decoder = Decoder(lm=None, cmn="batch", bestpath=False, loglevel="FATAL")
        self._graphs: OrderedDict[str, Graph] = OrderedDict()

    def recognise(self, phrases: list[str], pcm: bytes) -> tuple[str, float]:
        """The phrase that was said and how sure that is, 0 to 1; nothing: ``("", 0)``."""
        name = json.dumps(phrases)
        allowed = self._use(name, phrases)
        if not allowed.arcs or len(pcm) < FRAME_BYTES:
            return "", 0.0
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        if found is None or not allowed.whole(found.hypstr):
            return "", 0.0
        return found.hypstr, confidence(list(self._decoder.seg()))

    def _use(self, name: str, phrases: list[str]) -> Graph:
        if name in self._graphs:
            self._graphs.move_to_end(name)
        else:
            if len(self._graphs) >= GRAMMARS:
                oldest, _ = self._graphs.popitem(last=False)
                self._decoder.remove_search(oldest)
            made = graph(phrases, lambda word: self._decoder.lookup_word(word) is not None)
            if made.arcs:
                self._decoder.add_fsg(name, self._decoder.create_fsg(name, 0, 1, list(made.arcs)))
            self._graphs[name] = made
        if self._graphs[name].arcs:
            self._decoder.activate_search(name)
        return self._graphs[name]


def confidence(segments: list[Any]) -> float:
    """How well a result explains the sound, 0 to 1.

    A segment's score is its likelihood against the best that the model has for each frame, so
    its logarithm is a cost. Speech that the grammar does not know is laid into the silence
    beside the words, which then costs much; and a wrong word costs more per frame than a right
    one. The numbers were fitted on telephone speech made with eSpeak NG, and moved so that one
    half is a fair limit: asking again too often is worse there than a slip now and then.
    """
    silence = worst = 0.0
    for segment in segments:
        cost = -math.log(max(segment.ascore, sys.float_info.min)) * SCALE
        if segment.word.startswith(("<", "[", "(")):
            silence += cost
        else:
            worst = max(worst, cost / (segment.end_frame - segment.start_frame + 1))
    return 1 / (1 + math.exp(0.0228 * silence + 0.396 * worst - 5.1))


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    recogniser = Recogniser()
    while len(header := requests.read(4)) == 4:
        request = json.loads(requests.read(int.from_bytes(header, "big")))
        pcm = requests.read(request["bytes"])
        text, sure = recogniser.recognise(request["phrases"], pcm)
        body = json.dumps({"text": text, "confidence": sure}).encode()
        answers.write(len(body).to_bytes(4, "big") + body)
        answers.flush()


def main() -> None:
    # It ends with its pipe. A signal to the whole group is not meant for it: while the gateway
    # drains, calls still have to be heard.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the library prints must not land among the answers
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
