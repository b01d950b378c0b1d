"""``/assistant``, ``/squad`` and ``/tool``: what calls are held with. Their shapes say it all."""

from operator import attrgetter

from gateway.api.resources import Resource

ASSISTANTS = Resource(
    path="assistant", name="Assistant", shape="CreateAssistantDto", rows=attrgetter("assistants")
)
SQUADS = Resource(path="squad", name="Squad", shape="CreateSquadDto", rows=attrgetter("squads"))
TOOLS = Resource(path="tool", name="Tool", shape="Tool", rows=attrgetter("tools"))
