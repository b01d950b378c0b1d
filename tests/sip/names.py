"""A DNS in memory."""

from gateway.sip.resolution import Question, Records, Resolution
from gateway.sip.resolver import LookupFailed
from gateway.sip.routing import Hop


class Zone:
    """``asked`` is every question, in order; ``ttl_s`` goes with every answer."""

    def __init__(self, records: dict[str, Records] | None = None, ttl_s: float = 60.0) -> None:
        self.records = {
            Question(*key.split(" ", 1)): value  # type: ignore[arg-type]
            for key, value in (records or {}).items()
        }
        self.ttl_s = ttl_s
        self.asked: list[Question] = []
        self.down = False

    async def __call__(self, question: Question) -> tuple[Records, float]:
        self.asked.append(question)
        if self.down:
            raise LookupFailed("the server is away")
        return self.records.get(question, ()), self.ttl_s

    def resolve(self, resolution: Resolution) -> list[Hop]:
        while resolution.questions:
            for question in list(resolution.questions):
                self.asked.append(question)
                resolution.answer(question, self.records.get(question, ()))
        return resolution.targets
