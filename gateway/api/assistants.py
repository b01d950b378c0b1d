"""``/assistant``: who holds conversations, and how."""

from gateway.api.resources import Resource
from gateway.store import Store


def assistants(store: Store) -> Resource:
    return Resource(
        path="assistant", name="Assistant", shape="CreateAssistantDto", rows=store.assistants
    )
