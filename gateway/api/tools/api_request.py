"""The ``apiRequest`` tool: one HTTP request that its owner has written down.

The body's schema is what the model is to fill in; a property of it that has a ``value`` is the
owner's, and the model does not see it. URL, headers and values are Liquid templates over the call's
variables and the model's arguments. What the model wrote cannot leave its place in the URL: it is
quoted there. A GET has no body, so arguments that the URL does not name become its query.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx

from gateway.api.targets import backoff
from gateway.api.tools.encryption import encrypted, value_at
from gateway.api.tools.errand import Json, ToolFailed, added, text_of
from gateway.api.wire import FAILURES, Request, Wire
from gateway.calls.errand import Errand
from gateway.calls.ports import ToolReply

_FIXED = ("value", "const")
_ESCAPED = re.compile(r"\|\s*(url_encode|cgi_escape|escape_uri)")


def described(tool: Json) -> Json:
    """What the model is told about it."""
    body = tool.get("body") or {}
    open_ = {n: p for n, p in (body.get("properties") or {}).items() if not _is_fixed(p)}
    headers = _header_schemas(tool)
    open_ |= {n: p for n, p in headers.items() if isinstance(p, dict) and not _is_fixed(p)}
    required = [n for n in body.get("required") or () if n in open_]
    parameters = {"type": "object", "properties": open_} | (
        {"required": required} if required else {}
    )
    said = tool.get("description") or f"{tool['method']} {tool['url'].partition('?')[0]}"
    return {"description": said, "parameters": parameters}


@dataclass(frozen=True)
class ApiRequests:
    wire: Wire
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def __call__(self, errand: Errand) -> ToolReply:
        """Raises ToolFailed and wire.FAILURES."""
        paths, name = errand.written.get("encryptedPaths") or (), errand.written.get("credentialId")
        key = await self.wire.credential(name or "", errand.org_id) if paths else None
        request = written(errand, key)
        plan = backoff(errand.written.get("backoffPlan"), none=0)
        tried = 0
        while True:
            tried += 1
            status, answer, failure = await self._once(request, errand.tool.timeout_s)
            if (status is not None and status < 400) or not plan.again(tried, status):
                break
            await self.sleep(plan.wait_s(tried))
        if failure is not None:
            raise failure
        text = answer.decode(errors="replace")
        if status is None or not 200 <= status < 300:
            return ToolReply(False, f"HTTP status {status}: {text}".removesuffix(": "))
        return ToolReply(True, text or "Done: the answer has no body.")

    async def _once(
        self, request: Request, limit_s: float
    ) -> tuple[int | None, bytes, Exception | None]:
        try:
            status, answer = await self.wire.ask(request, limit_s)
        except TimeoutError:
            raise  # the limit is for all attempts together
        except FAILURES as error:
            return None, b"", error
        return status, answer, None


def written(errand: Errand, key: Json | None = None) -> Request:
    """The request that a call of the tool means; ``key`` is a credential to encrypt by. Raises
    ToolFailed."""
    tool = errand.written
    paths = tool.get("encryptedPaths") or ()
    # First what the model wrote, which templates may put anywhere; then what the owner adds.
    errand = replace(errand, arguments=encrypted(errand.arguments, paths, key))
    fields = _fields(errand)
    plain = [path for path in paths if value_at(fields, path) != value_at(errand.arguments, path)]
    fields = encrypted(fields, plain, key)
    headers = {name: _header(errand, name, value) for name, value in _header_schemas(tool).items()}
    headers = {name: value for name, value in headers.items() if value}
    method = tool["method"]
    url = _url(errand, fields if method == "GET" else {})
    content = b""
    if method != "GET" and (fields or tool.get("body")):
        content = json.dumps(fields, ensure_ascii=False, default=str).encode()
        headers = {"Content-Type": "application/json", **headers}
    if any("\n" in value or "\r" in value for value in headers.values()):
        raise ToolFailed("a header's value has a line break in it")
    return Request(method, url, headers, content, tool.get("credentialId") or "", errand.org_id)


def _fields(errand: Errand) -> Json:
    """The body: what the model filled in, what the owner fixed, and the static parameters."""
    schema = errand.written.get("body") or {}
    headers = _header_schemas(errand.written)
    given = {n: v for n, v in errand.arguments.items() if n not in headers}
    return given | _fixed(errand, schema.get("properties") or {}) | added(errand)


def _fixed(errand: Errand, properties: Json) -> Json:
    found: Json = {}
    for name, schema in properties.items():
        if not isinstance(schema, dict):
            continue
        if _is_fixed(schema):
            value = next(schema[key] for key in _FIXED if schema.get(key) is not None)
            found[name] = _typed(errand.filled(value), schema.get("type"))
    return found


def _typed(value: Any, kind: str | None) -> Any:
    """A template gives a text; its property may be something else."""
    if not isinstance(value, str) or kind in (None, "string"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _url(errand: Errand, query: Json) -> str:
    template = errand.written["url"]
    plain = {
        name: value if _ESCAPED.search(template) else quote(text_of(value), safe="")
        for name, value in errand.arguments.items()
    }
    filled = errand.fill(template, plain).strip()
    try:
        url = httpx.URL(filled)
        if url.scheme not in ("http", "https") or not url.host:
            raise ToolFailed(f"its URL is not one of http or https: {filled[:200]}")
    except httpx.InvalidURL as error:
        raise ToolFailed(f"its URL is not valid: {error}") from None
    unnamed = {n: text_of(v) for n, v in query.items() if not re.search(rf"\b{n}\b", template)}
    return str(url.copy_merge_params(unnamed) if unnamed else url)


def _header_schemas(tool: Json) -> Json:
    """By name: a schema, or a text where they are written as a map."""
    headers = tool.get("headers") or {}
    properties = headers.get("properties")
    return (
        properties
        if isinstance(properties, dict)
        else {n: v for n, v in headers.items() if n != "type" or v != "object"}
    )


def _header(errand: Errand, name: str, value: Any) -> str:
    if not isinstance(value, dict):
        return errand.fill(str(value))
    if _is_fixed(value):
        return errand.fill(str(next(value[key] for key in _FIXED if value.get(key) is not None)))
    return text_of(errand.arguments.get(name, value.get("default", "")))


def _is_fixed(schema: Any) -> bool:
    return isinstance(schema, dict) and any(schema.get(key) is not None for key in _FIXED)
