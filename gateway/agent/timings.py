"""Where a turn's milliseconds went.

The segments run from the caller's last frame of speech to the agent's first frame on the wire,
each beginning where the one before it ended, so they sum to the total by construction. The
gateway's own share is what neither the operator set nor a vendor took.
"""

# In the order of a plain turn. A turn with a tool has ``tool`` and a second
# ``model_first_token``.
SET = frozenset({"end_of_speech_wait", "keypad_wait", "start_wait"})
VENDORS = frozenset(
    {"transcriber", "model_first_token", "first_sentence", "voice_first_audio", "tool"}
)
# Whose the vendors' segments are, as the parts of a call.
PARTS = {
    "transcriber": "hearing",
    "model_first_token": "thinking",
    "first_sentence": "thinking",
    "voice_first_audio": "speaking",
}
CALLERS = frozenset({"caller_hesitated"})  # the caller made a sound that held the answer back
OWN = frozenset({"endpointing", "queue", "wire"})


class Timings:
    """One turn. ``began`` is when the caller's last frame of speech had been heard."""

    def __init__(self, began: float) -> None:
        self.began = began
        self._at = began
        self._segments: list[tuple[str, float]] = []
        self._marked: set[str] = set()

    def mark(self, name: str, at: float) -> None:
        """The segment ``name`` ended at ``at``; only its first end counts, until a tool has had
        its turn. One that took no time is left out; a time before the last mark counts as none,
        because the two were waited for together."""
        if name == "tool":
            self._marked.clear()
        elif name in self._marked:
            return
        self._marked.add(name)
        if at > self._at:
            self._segments.append((name, at - self._at))
            self._at = at

    @property
    def total_ms(self) -> float:
        return (self._at - self.began) * 1000

    @property
    def segments(self) -> tuple[tuple[str, float], ...]:
        """Names and milliseconds, in order."""
        return tuple((name, seconds * 1000) for name, seconds in self._segments)

    @property
    def own_ms(self) -> float:
        return sum(seconds for name, seconds in self._segments if name in OWN) * 1000
