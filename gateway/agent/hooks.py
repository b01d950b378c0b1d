"""What the owner wants done when something happens in a call: its hooks, counted and timed.

Nothing is done here: what is due waits in a queue until the conversation has room for it.
"""

import random
from collections import deque
from collections.abc import Iterator, Sequence

from gateway.agent.plans import Hook, HookAction
from gateway.agent.turn_table import State

# Where a line may be said at once (behind what is being said), and all else be done.
_FREE_TO_SAY = frozenset({State.LISTENING, State.THINKING, State.SPEAKING})
_FREE = frozenset({State.LISTENING})


class Hooks:
    """``fired`` counts how often each hook has; it belongs to who keeps it for another process.
    ``choose`` picks one of several texts."""

    def __init__(self, hooks: Sequence[Hook], fired: list[int], choose: random.Random) -> None:
        self._hooks = hooks
        self._fired = fired
        self._fired += [0] * (len(hooks) - len(fired))
        self._choose = choose
        self._due: deque[HookAction] = deque()
        self._rest: float | None = None  # the rest of which silence hooks were last seen
        self._done: set[int] = set()  # that have fired in it, or for the model's silence

    def beat(
        self, started_at: float, resting_since: float | None, asked_at: float | None, now: float
    ) -> None:
        """Let time pass. Since when nobody speaks, and since when the model does not answer;
        None: that is not so."""
        since = resting_since if resting_since is not None else asked_at
        if since != self._rest:
            self._rest = since
            self._done.clear()
        for index, hook in enumerate(self._hooks):
            began, most = {
                "silence": (resting_since, hook.most),
                "slow": (asked_at, None),
                "elapsed": (started_at, 1),
            }.get(hook.on, (None, None))
            if began is None or index in self._done or now < began + hook.after_s:
                continue
            if most is None or self._fired[index] < most:
                self._done.add(index)
                self._fire(index)

    def fire(self, what: str) -> None:
        """It has happened."""
        for index, hook in enumerate(self._hooks):
            if hook.on == what:
                self._fire(index)

    def caller_spoke(self, confidence: float) -> None:
        """The caller's turn is over; how sure the transcriber was of it."""
        for index, hook in enumerate(self._hooks):
            if hook.on == "silence" and hook.forgetful:
                self._fired[index] = 0
            least, most = hook.confidence
            if hook.on == "unsure" and least <= confidence <= most:
                self._fire(index)

    def next(self, state: State) -> HookAction | None:
        """The next thing to be done, if ``state`` has room for it."""
        if self._due and state in (_FREE_TO_SAY if self._due[0].do == "say" else _FREE):
            return self._due.popleft()
        return None

    def before_answer(self) -> Iterator[str]:
        """Lines that waited while it was the caller's turn: they open the agent's."""
        while self._due and self._due[0].do == "say":
            yield self._due.popleft().texts[0]

    def _fire(self, index: int) -> None:
        count = self._fired[index]
        self._fired[index] += 1
        for action in self._hooks[index].do:
            if action.do == "say" and action.texts:
                texts = action.texts
                text = texts[count % len(texts)] if action.in_order else self._choose.choice(texts)
                action = action.model_copy(update={"texts": (text,)})
            self._due.append(action)
