"""schemathesis makes requests out of our own OpenAPI document, and none is answered with a 5xx.

``FUZZ=1000 SEED=7 pytest tests/api/test_fuzzed_api.py`` makes so many of each kind, and others for
each seed.
"""

import json
import os
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.core import NotSet

EXAMPLES = int(os.environ.get("FUZZ", "1"))
SEED = int(os.environ.get("SEED", "0"))
NOBODY = "11111111-1111-4111-8111-111111111111"


def cases(operation: Any, mode: GenerationMode) -> list[Any]:
    """The same in every run of one seed."""
    made: list[Any] = []

    @seed(SEED)
    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def collect(case: Any) -> None:
        made.append(case)

    collect()
    return made


def operations(document: dict[str, Any]) -> Iterator[Any]:
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        yield found.ok()


def modes(operation: Any) -> list[GenerationMode]:
    """To think of what fits no object takes long where objects are as large as an assistant: in
    the suite, bodies are wrong elsewhere."""
    small = not operation.body or "FUZZ" in os.environ
    return list(GenerationMode) if small else [GenerationMode.POSITIVE]


async def ask(api: httpx.AsyncClient, case: Any) -> httpx.Response:
    parts: dict[str, Any] = {"params": case.query or None}
    if isinstance(case.body, NotSet):
        pass
    elif case.media_type == "application/json":
        body = case.body  # which may be bytes: no JSON at all
        parts["content"] = body if isinstance(body, bytes) else json.dumps(body, default=repr)
    elif isinstance(case.body, dict):
        parts["files"] = {name: str(part).encode() for name, part in case.body.items()}
    return await api.request(case.method, case.formatted_path, **parts)


async def test_no_request_is_answered_with_a_failure_of_ours(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    asked = 0
    for operation in operations(document):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = [case for mode in modes(operation) for case in cases(operation, mode)]
        for case in found:
            answer = await ask(api, case)
            asked += 1
            assert answer.status_code < 500 or answer.status_code == 501, (
                case.method, case.formatted_path, case.query, case.body, answer.text)  # fmt: skip
    assert asked > 50
