"""``/health`` and ``/metrics``: for systemd, load balancers and Prometheus. No key is needed."""

from collections.abc import Mapping
from typing import Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.metrics import REGISTRY
from gateway.store import Store, StoreError


class Readiness(Protocol):
    """Says of each part of the daemon whether it can take a call now."""

    def __call__(self) -> Mapping[str, str]:
        """Part to state; every state but ``ok`` means that no call can be taken."""


def routes(store: Store, readiness: Readiness) -> APIRouter:
    router = APIRouter(tags=["Health"])

    @router.get("/health/live", summary="is the process alive")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/health/ready", summary="can it take a call")
    async def ready() -> JSONResponse:
        """503 while starting, while draining, and while a part does not work."""
        parts = dict(readiness())
        try:
            await store.check()
            parts["store"] = "ok"
        except (StoreError, TimeoutError) as error:
            parts["store"] = str(error) or "does not answer"
        well = all(state == "ok" for state in parts.values())
        answer = {"status": "ok" if well else "unavailable", "parts": parts}
        return JSONResponse(answer, 200 if well else 503)

    @router.get("/metrics", summary="for Prometheus")
    async def metrics() -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    return router
