"""The REST API, put together."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import Depends, FastAPI

from gateway.api import calls, docs, errors, health, resources
from gateway.api import trunks as trunk_states
from gateway.api.access import Measured
from gateway.api.assistants import assistants
from gateway.api.briefs import Defaults
from gateway.api.credentials import credentials
from gateway.api.health import Readiness
from gateway.api.keys import Guard
from gateway.api.phone_numbers import phone_numbers
from gateway.calls.ports import Switchboard
from gateway.store import Store
from gateway.trunks.book import Trunks


def create_app(
    store: Store,
    switchboard: Switchboard,
    *,
    key: str,
    state_dir: Path,
    readiness: Readiness,
    defaults: Defaults | None = None,
    link_url: str = "",
    trunks: Trunks | None = None,
) -> FastAPI:
    """``link_url`` begins the links to recordings; empty: they begin as the request did."""
    trunks = trunks or Trunks()
    app = FastAPI(title="Trunkline", version=_version(), docs_url=None, redoc_url=None)
    app.add_middleware(Measured)
    errors.install(app)
    docs.install(app)
    app.include_router(health.routes(store, readiness))
    guarded = [Depends(Guard(key))]
    for resource in (
        assistants(store),
        phone_numbers(store, trunks),
        credentials(store, trunks),
    ):
        app.include_router(resources.routes(resource), dependencies=guarded)
    app.include_router(trunk_states.routes(trunks), dependencies=guarded)
    known = calls.Calls(store, switchboard, state_dir, defaults or Defaults(), link_url)
    app.include_router(calls.routes(known), dependencies=guarded)
    return app


def _version() -> str:
    try:
        return version("trunkline")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"
