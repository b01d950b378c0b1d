"""Documented endpoints that this gateway does not have: told apart from a misspelt path."""

from typing import Any

from fastapi import APIRouter, Request

from gateway.api.errors import ApiError

# The beginning of the path, and what is behind it.
ABSENT = {
    "/analytics": "analytics",
    "/campaign": "campaigns",
    "/chat": "chats",
    "/eval": "evals and simulations",
    "/knowledge-base": "knowledge bases",
    "/provider": "provider resources",
    "/reporting": "insights and boards",
    "/session": "sessions",
    "/traffic-allocations": "traffic allocations",
    "/v2/campaign": "campaigns",
    "/v2/knowledge-base": "knowledge bases",
    "/workflow": "workflows",
}
METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def routes() -> APIRouter:
    """To be included last, so that whoever builds one of these comes before."""
    router = APIRouter(include_in_schema=False)

    def answer(beginning: str, what: str) -> None:
        async def absent(request: Request) -> Any:
            raise ApiError(501, f"There are no {what} on this gateway")

        for path in (beginning, beginning + "/{rest:path}"):
            router.add_api_route(path, absent, methods=METHODS)

    for beginning, what in ABSENT.items():
        answer(beginning, what)
    return router
