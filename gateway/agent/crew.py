"""The three vendors of one call: made, opened together, closed together, and a spare voice."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from gateway import reasons
from gateway.agent import ear, mind, voice
from gateway.agent.brief import Choice
from gateway.agent.messages import Start
from gateway.agent.streams import Clock, Spawn, harmless
from gateway.agent.vendors import Vendors, patience_s
from gateway.errors import GatewayError, VendorError
from gateway.speech.contract import Speaking, Thinking

log = logging.getLogger(__name__)


class Unfit(GatewayError):
    """The call cannot be held as its brief wants it; ``reason`` is one of gateway.reasons."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Owner(ear.Owner, mind.Owner, voice.Owner, Protocol):
    """Who is told what the vendors do."""


class Crew:
    """Raises Unfit if the model or the voice cannot be had at all."""

    def __init__(
        self, start: Start, vendors: Vendors, spawn: Spawn, clock: Clock, owner: Owner
    ) -> None:
        self._start = start
        self._vendors = vendors
        self._spawn = spawn
        self._clock = clock
        self._owner = owner
        models = self._models()
        speakers = self._speakers()
        brief = start.brief
        choices = (brief.hearing, *brief.hearing_substitutes)
        candidates = [
            ear.Candidate(
                choice.vendor,
                partial(vendors.hearing, start, choice),
                patience_s(vendors.timeout_s(choice.vendor), len(choices)),
            )
            for choice in choices
        ]
        self.ear = ear.Ear(candidates, spawn, clock, owner)
        self.mind = mind.Mind(models, spawn, clock, owner, brief.hedge_after_s)
        self.voice = voice.Voice(speakers, spawn, clock, owner)
        self._to_close: list[Thinking | Speaking] = [
            *(model.thinking for model in models),
            *(speaker.speaking for speaker in speakers),
        ]
        self._spare_taken = False

    def _models(self) -> list[mind.Model]:
        """The call's model, those that stand in for it, and the small one for the first turns.
        One that cannot be had is left out, as long as there is another."""
        start, brief = self._start, self._start.brief
        small = self._vendors.fast(start) if brief.fast_turns else None
        equals: Sequence[Choice] = (brief.thinking, *brief.substitutes)
        if brief.fastest_first:
            equals = self._vendors.by_speed(equals)
        choices = [(choice, False) for choice in equals]
        models: list[mind.Model] = []
        failure: VendorError | None = None
        for choice, fast in [(small, True), *choices] if small else choices:
            try:
                thinking = self._vendors.thinking(start, choice)
            except VendorError as error:
                failure = failure or error
                log.warning("a model is left out: %s", error)
                continue
            timeout_s = choice.options.get("timeout_s") or self._vendors.timeout_s(choice.vendor)
            name = f"{choice.vendor}/{choice.model}"
            models.append(mind.Model(thinking, name, timeout_s, fast))
        if failure and all(model.fast for model in models):
            raise Unfit(reasons.model_failed(failure.vendor), failure.detail) from failure
        return models

    def _speakers(self) -> list[voice.Speaker]:
        """The call's voice and those that stand in for it; one that cannot be had is left out, as
        long as there is another."""
        brief = self._start.brief
        choices: Sequence[Choice] = (brief.speaking, *brief.speaking_substitutes)
        if brief.fastest_voice_first:
            choices = self._vendors.by_speed(choices, "speaking")
        speakers: list[voice.Speaker] = []
        failure: VendorError | None = None
        for choice in choices:
            try:
                speaking = self._vendors.speaking(self._start, choice)
            except VendorError as error:
                failure = failure or error
                log.warning("a voice is left out: %s", error)
                continue
            timeout_s = choice.options.get("timeout_s") or self._vendors.timeout_s(choice.vendor)
            remembers = self._vendors.remembers(choice)
            speakers.append(voice.Speaker(speaking, timeout_s, remembers))
        if failure and not speakers:
            raise Unfit(reasons.voice_failed(failure.vendor), failure.detail) from failure
        return speakers

    def open(self) -> None:
        """Dial all three at once."""
        self.ear.open(self._clock())
        self.mind.open()
        self.voice.open()

    def vendors(self) -> dict[str, str]:
        """Who does the parts of the call now."""
        return {
            "hearing": self.ear.vendor,
            "thinking": self.mind.thinking.vendor,
            "speaking": self.voice.vendor,
        }

    def spare_voice(self) -> voice.Voice | None:
        """Another voice, once, when the call's own has failed."""
        if self._spare_taken:
            return None
        self._spare_taken = True
        speaking = self._vendors.spare_voice(self._start)
        if speaking is None:
            return None
        self._to_close.append(speaking)
        speaker = voice.Speaker(speaking, self._vendors.timeout_s(speaking.vendor))
        self.voice = voice.Voice([speaker], self._spawn, self._clock, self._owner)
        self.voice.open()
        return self.voice

    async def close(self) -> None:
        """To be called when no task uses them any more; the ear's task has closed its vendor."""
        for vendor in self._to_close:
            await harmless(f"closing {vendor.vendor}", vendor.close())
