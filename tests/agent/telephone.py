"""A caller who does what a list says: one line a habit, on a stage with a clock turned by hand.

    say I want to pay (0.8)    speaks these words for so many seconds; the transcriber gives the
                               first half meanwhile and all of it, final, 150 ms after the end
    sound 0.3                  makes a sound without words; the transcriber says so 150 ms later
    noise 2                    the same, and the transcriber says nothing
    wait 1.5                   is silent for so long
    key 5                      presses a key
    keyed 5                    the same, while speaking
    interim hello              the transcriber's words, whenever they come
    final hello                the same, final
    ended hello                the same, final, and it thinks that the turn is over
    talking hello              interim words while the caller goes on speaking (0.3 s)
    advice 0.5                 the owner's server answers what it was asked last

And what is expected then:

    silence 1.0                for so long the agent says nothing
    answer 0.7                 within so many seconds the agent is heard, and not before this line
    talks 0.4                  for so long the agent is heard without a gap
    stops                      the agent is silent at once (within 60 ms)
    resumes 1.2                within so many seconds the agent goes on with what it was saying
    asked what?                what the model was given as the caller's last message
    not-asked                  the model has been asked nothing new since the beginning
    said text                  what the agent's last utterance was, as the caller heard it
    state listening            the machine's state
    ends silence-timed-out     the call ends within a minute, for this reason
"""

import re
from typing import Any

from gateway.agent.messages import Advice, Consult
from gateway.media.lines import BEAT_S
from tests.agent.stage import Stage, say

LATE_S = 0.15  # the transcriber, behind the end of the speech
STORY = "This is a sentence that takes its time. And this is another one, no shorter than that."
_TIMED = re.compile(r"(?P<text>.*?)(?: \((?P<seconds>[\d.]+)\))?$")


class Telephone(Stage):
    """``asks`` is what the agent says first; ``speaking``: it is in the middle of ``STORY``."""

    def __init__(self, asks: str = "", speaking: bool = False, **brief: Any) -> None:
        super().__init__(**{"greeting": asks, "acknowledgements": ACKS, **brief})
        self._speaking = speaking
        self._words: list[tuple[float, str, bool]] = []  # when due, text, final
        self._before = 0  # times that the model had been asked

    async def begins(self) -> None:
        await self.until("listening")
        if self._speaking:
            self.clay.replies = [say(STORY)]
            await self.turn("Tell me.")
            await self.until("speaking")
            await self.seconds(1.0)
        self._before = len(self.clay.asked)
        self.clay.replies = [say("All right."), say("Very well."), say("Fine."), say("Good.")]

    async def beat(self, count: int = 1, speech: bool = False) -> int:
        said = 0
        for _ in range(count):
            said += await super().beat(1, speech)
            for due in [w for w in self._words if w[0] <= self.now + 1e-6]:
                self._words.remove(due)
                await self.says(due[1], due[2])
        return said

    async def does(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        await getattr(self, "do_" + verb.replace("-", "_"))(rest)

    # the caller

    async def do_say(self, rest: str) -> None:
        timed = _TIMED.match(rest)
        assert timed
        text, seconds = timed["text"], float(timed["seconds"] or 0.06 * len(timed["text"]))
        words = text.split()
        half = " ".join(words[: len(words) // 2])
        if half:
            self._words.append((self.now + seconds / 2, half, False))
        self._words.append((self.now + seconds + LATE_S, text, True))
        await self.seconds(seconds, speech=True)

    async def do_sound(self, rest: str) -> None:
        await self.seconds(float(rest), speech=True)
        self._words.append((self.now + LATE_S, "", True))

    async def do_noise(self, rest: str) -> None:
        await self.seconds(float(rest), speech=True)

    async def do_wait(self, rest: str) -> None:
        await self.seconds(float(rest))

    async def do_key(self, rest: str) -> None:
        self.media.press(rest)
        await self.beat(3)

    async def do_keyed(self, rest: str) -> None:
        self.media.press(rest)
        await self.beat(3, speech=True)

    async def do_interim(self, rest: str) -> None:
        await self.says(rest, final=False)

    async def do_final(self, rest: str) -> None:
        await self.says(rest)

    async def do_ended(self, rest: str) -> None:
        await self.says(rest, ended=True)

    async def do_talking(self, rest: str) -> None:
        await self.seconds(0.3, speech=True)
        await self.says(rest, final=False)

    async def do_advice(self, rest: str) -> None:
        question = self.of(Consult)[-1].question
        self.agent.receive(Advice(call="c1", question=question, wait_s=float(rest)))
        await self.settle()

    # the agent

    async def do_silence(self, rest: str) -> None:
        assert await self.seconds(float(rest)) == 0, f"the agent speaks ({self.state})"

    async def do_answer(self, rest: str) -> None:
        for _ in range(round(float(rest) / BEAT_S)):
            if await self.beat():
                return
        raise AssertionError(f"the agent is silent ({self.state})")

    do_resumes = do_answer

    async def do_talks(self, rest: str) -> None:
        beats = round(float(rest) / BEAT_S)
        assert await self.beat(beats) == beats, f"the agent is silent ({self.state})"

    async def do_stops(self, _: str) -> None:
        await self.beat(3, speech=True)
        assert await self.beat(1, speech=True) == 0, f"the agent goes on ({self.state})"

    async def do_asked(self, rest: str) -> None:
        assert len(self.clay.asked) > self._before, f"the model was not asked ({self.state})"
        users = [m.content for m in self.clay.asked[-1] if m.role == "user"]
        assert users[-1] == rest

    async def do_not_asked(self, _: str) -> None:
        assert len(self.clay.asked) == self._before, f"asked {self.clay.asked[-1][-1].content}"

    async def do_said(self, rest: str) -> None:
        for _ in range(3000):
            if self.state == "listening":
                break
            await self.beat()
        assert self.transcript("assistant")[-1] == rest

    async def do_state(self, rest: str) -> None:
        assert self.state == rest

    async def do_ends(self, rest: str) -> None:
        await self.until("ended")
        assert self.hang_ups == [rest]


ACKS = ("uh-huh", "okay", "i see", "yeah", "right", "mm-hmm")
