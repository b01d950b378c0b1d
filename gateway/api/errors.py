"""Errors as the API shows them: ``{"message", "error", "statusCode"}``."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway.api.unusable import Unusable
from gateway.calls.ports import CallRefused, OutOfOrder
from gateway.errors import NoRoom
from gateway.store import StoreError

log = logging.getLogger(__name__)


class ApiError(Exception):
    """An answer other than success. ``message`` is a sentence, or one for each wrong field."""

    def __init__(self, status: int, message: str | list[str]) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def text(self) -> str:
        """All of it in one line."""
        return self.message if isinstance(self.message, str) else "; ".join(self.message)


class BadRequest(ApiError):
    def __init__(self, message: str | list[str]) -> None:
        super().__init__(400, message)


class NotFound(ApiError):
    def __init__(self, message: str) -> None:
        super().__init__(404, message)


def body(status: int, message: str | list[str]) -> dict[str, Any]:
    return {"message": message, "error": HTTPStatus(status).phrase, "statusCode": status}


def response(
    status: int, message: str | list[str], headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(body(status, message), status, headers)


def install(app: FastAPI) -> None:
    """Have every failure answered in the documented shape."""

    @app.exception_handler(ApiError)
    async def _api_error(_: Request, error: ApiError) -> JSONResponse:
        return response(error.status, error.message)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        message = error.detail
        if error.status_code == 404:
            message = f"Cannot {request.method} {request.url.path}"
        return response(error.status_code, message, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def _validation(_: Request, error: RequestValidationError) -> JSONResponse:
        return response(400, [f"{e['loc'][-1]}: {e['msg']}" for e in error.errors()])

    @app.exception_handler(StoreError)
    async def _store(_: Request, error: StoreError) -> JSONResponse:
        log.error("the store failed: %s", error)
        return response(503, f"The store failed: {error}", {"Retry-After": "5"})

    @app.exception_handler(Unusable)
    async def _unusable(_: Request, error: Unusable) -> JSONResponse:
        return response(400, str(error))

    @app.exception_handler(CallRefused)
    async def _refused(_: Request, error: CallRefused) -> JSONResponse:
        return response(400, f"The call cannot be placed: {error}")

    @app.exception_handler(OutOfOrder)
    async def _out_of_order(_: Request, error: OutOfOrder) -> JSONResponse:
        message = f"The call cannot be placed now: {error}"
        return response(503, message, {"Retry-After": "5"})

    @app.exception_handler(NoRoom)
    async def _no_room(_: Request, error: NoRoom) -> JSONResponse:
        message = f"Every line is taken; try again later. {error}".strip()
        return response(503, message, {"Retry-After": "5"})

    @app.exception_handler(OSError)
    async def _machine(_: Request, error: OSError) -> JSONResponse:
        """A full disk, one that is read-only, too few descriptors."""
        log.error("the machine failed", exc_info=error)
        why = f"The gateway's machine failed: {error.strerror or error}"
        return response(503, why, {"Retry-After": "5"})

    @app.exception_handler(Exception)
    async def _unexpected(_: Request, error: Exception) -> JSONResponse:
        return response(500, "Internal server error")
