"""An agent process that samples where its CPU time goes: ``-m tests.bench.sampled_agent FD``.

Every so many milliseconds of CPU time the stack is looked at, and counted by the innermost frames'
functions. At the end the counts are written as JSON to the file named in ``SAMPLES``.
"""

import json
import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

from gateway.agent import process

EVERY_S, DEPTH = 0.001, 60
stacks: Counter[tuple[str, ...]] = Counter()


def sample(_: int, frame: FrameType | None) -> None:
    stack = []
    while frame and len(stack) < DEPTH:
        stack.append(f"{frame.f_globals.get('__name__')}:{frame.f_code.co_qualname}")
        frame = frame.f_back
    stacks[tuple(stack)] += 1


def main() -> None:
    signal.signal(signal.SIGPROF, sample)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.setitimer(signal.ITIMER_PROF, 0.5, EVERY_S)
    try:
        process.main()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        counts = [{"stack": stack, "count": count} for stack, count in stacks.most_common()]
        Path(os.environ["SAMPLES"]).write_text(json.dumps(counts))


if __name__ == "__main__":
    main()
