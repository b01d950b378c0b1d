"""``/file``: what assistants may look things up in. The bytes lie below ``<state_dir>/files``."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from gateway.api.callers import holdings_of
from gateway.api.errors import ApiError, BadRequest, NotFound
from gateway.api.requests import check_id, checked, listing, query_parameters, read_json
from gateway.api.resources import Body, Resource, body_of
from gateway.api.shapes import reference
from gateway.store import Stored

LARGEST = 100 * 1024 * 1024  # bytes
CHUNK = 1024 * 1024
PURPOSES = ("assistant", "composer-attachment", "knowledge-base-v2")
FILTERS = {"purpose": "purpose"}
UPLOAD = {
    "requestBody": {
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"enum": list(PURPOSES)},
                        "metadata": {"type": "string"},
                    },
                    "required": ["file"],
                }
            }
        }
    }
}


@dataclass(frozen=True)
class Files:
    state_dir: Path
    link_url: str = ""

    def path(self, stored: Stored) -> Path:
        """Where the bytes of a file lie; ids are made here, so they name no other place."""
        return self.place(stored.id)

    def place(self, file_id: str) -> Path:
        return self.state_dir / "files" / file_id

    def show(self, stored: Stored, request: Request) -> Body:
        link = self.link_url or str(request.base_url).rstrip("/")
        links = {"key": stored.id, "path": f"files/{stored.id}"}
        return FILES.show(stored) | links | {"url": f"{link}/file/{stored.id}/content"}

    async def take(self, request: Request) -> Body:
        """Keep an upload. Raises BadRequest; ApiError 413."""
        try:
            form = await MultiPartParser(request.headers, _bounded(request), max_files=1).parse()
        except (MultiPartException, KeyError) as error:
            why = getattr(error, "message", "the body must be multipart/form-data")
            raise BadRequest([f"file: {why}"]) from None
        try:
            return self.show(await self._keep(request, form), request)
        finally:
            await form.close()

    async def _keep(self, request: Request, form: FormData) -> Stored:
        upload = form.get("file")
        if not isinstance(upload, UploadFile):
            raise BadRequest(["file should not be empty: send it as multipart/form-data"])
        body = _described(upload, form.get("purpose"), form.get("metadata"))
        file_id = str(uuid4())
        path = self.state_dir / "files" / file_id
        try:
            await to_thread.run_sync(_write, path, upload)
            return await holdings_of(request).files.create(body, file_id)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


FILES = Resource(
    path="file", name="File", shape="UpdateFileDto", rows=lambda holdings: holdings.files
)


def routes(files: Files) -> APIRouter:
    router = APIRouter(prefix="/file", tags=["File"])

    async def find(request: Request, file_id: str) -> Stored:
        stored = await holdings_of(request).files.get(check_id(file_id))
        if stored is None:
            raise FILES.missing(file_id)
        return stored

    @router.post("", status_code=201, openapi_extra=UPLOAD, summary="upload")
    async def create(request: Request) -> Any:
        return await files.take(request)

    @router.post(
        "/upload", status_code=201, openapi_extra=UPLOAD, summary="upload, as older clients do"
    )
    async def create_as_before(request: Request) -> Any:
        return await files.take(request)

    @router.get("", openapi_extra={"parameters": query_parameters(tuple(FILTERS))}, summary="list")
    async def list_(request: Request) -> Any:
        bounds, limit, equal = listing(request.query_params, FILTERS)
        found = await holdings_of(request).files.list(bounds, limit, **equal)
        return [files.show(stored, request) for stored in found]

    @router.get("/{file_id}", summary="read")
    async def read(file_id: str, request: Request) -> Any:
        return files.show(await find(request, file_id), request)

    @router.get("/{file_id}/content", summary="download")
    async def content(file_id: str, request: Request) -> Response:
        stored = await find(request, file_id)
        path = files.path(stored)
        if not path.is_file():
            raise NotFound(f"The content of file {stored.id} has been deleted")
        return FileResponse(
            path, media_type="application/octet-stream", filename=stored.body["originalName"]
        )

    @router.patch("/{file_id}", openapi_extra=body_of("UpdateFileDto"), summary="rename")
    async def update(file_id: str, request: Request) -> Any:
        patch = checked(reference("UpdateFileDto"), await read_json(request))
        stored = await find(request, file_id)
        changed = await holdings_of(request).files.update(stored.id, lambda body: body | patch)
        if changed is None:
            raise FILES.missing(file_id)
        return files.show(changed, request)

    @router.delete("/{file_id}", summary="delete")
    async def delete(file_id: str, request: Request) -> Any:
        stored = await holdings_of(request).files.delete(check_id(file_id))
        if stored is None:
            raise FILES.missing(file_id)
        files.path(stored).unlink(missing_ok=True)
        return files.show(stored, request)

    return router


def _described(upload: UploadFile, purpose: Any, metadata: Any) -> Body:
    """The documented File, of what came with an upload. Raises BadRequest."""
    body: Body = {
        "object": "file",
        "status": "done",
        "name": (upload.filename or "file")[:40],
        "originalName": upload.filename or "file",
        "bytes": upload.size or 0,
        "mimetype": upload.content_type or "application/octet-stream",
    }
    if purpose is not None:
        if purpose not in PURPOSES:
            raise BadRequest(
                [f"purpose must be one of the following values: {', '.join(PURPOSES)}"]
            )
        body["purpose"] = purpose
    if metadata is not None:
        try:
            body["metadata"] = json.loads(metadata)
        except (TypeError, ValueError, RecursionError):
            raise BadRequest(["metadata must be a JSON object"]) from None
        if not isinstance(body["metadata"], dict):
            raise BadRequest(["metadata must be a JSON object"])
    return body


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST:
            raise ApiError(413, f"The file is larger than {LARGEST} bytes")
        yield chunk


def _write(path: Path, upload: UploadFile) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("xb") as file:
        path.chmod(0o600)
        while chunk := upload.file.read(CHUNK):
            file.write(chunk)
