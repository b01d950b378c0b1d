"""The REST API, put together."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import Depends, FastAPI

from gateway.api import (
    absent,
    calls,
    docs,
    errors,
    files,
    health,
    monitor,
    output_runs,
    presigned,
    resources,
    tokens,
)
from gateway.api import trunks as trunk_states
from gateway.api.access import Measured
from gateway.api.analysis import Analyst
from gateway.api.assistants import ASSISTANTS, SQUADS, TOOLS
from gateway.api.briefs import Defaults
from gateway.api.control import Control
from gateway.api.credentials import credentials
from gateway.api.health import Readiness
from gateway.api.keys import Guard
from gateway.api.letters import Letters
from gateway.api.phone_numbers import phone_numbers
from gateway.api.saved_outputs import SCORECARDS, STRUCTURED_OUTPUTS
from gateway.api.settings import AT_ONCE, MOST_WAITING
from gateway.api.turnstile import Turnstile
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
    letters: Letters | None = None,
    control: Control | None = None,
    at_once: int = AT_ONCE,
    most_waiting: int = MOST_WAITING,
    analyst: Analyst | None = None,
) -> FastAPI:
    """``link_url`` begins the links to recordings; empty: they begin as the request did."""
    trunks = trunks or Trunks()
    app = FastAPI(title="Trunkline", version=_version(), docs_url=None, redoc_url=None)
    app.add_middleware(Turnstile, at_once=at_once, most_waiting=most_waiting)
    app.add_middleware(Measured)  # it counts the time in line, too
    errors.install(app)
    docs.install(app)
    known = calls.Calls(store, switchboard, state_dir, defaults or Defaults(), link_url)
    numbers = phone_numbers(trunks)
    # A request is compared with one after the other: what is asked for often comes first.
    guarded = [
        calls.routes(known),
        calls.paged(known),
        output_runs.routes(analyst or Analyst({}), defaults or Defaults()),
        *map(resources.routes, (ASSISTANTS, SQUADS, TOOLS, numbers, credentials(store, trunks))),
        *map(resources.routes, (STRUCTURED_OUTPUTS, SCORECARDS)),
        *map(resources.paged, (ASSISTANTS, SQUADS, TOOLS, numbers)),
        files.routes(files.Files(state_dir, link_url)),
        tokens.tokens(store),
        tokens.orgs(store),
        trunk_states.routes(trunks),
        *([letters.routes()] if letters else []),
        absent.routes(),
    ]
    guard = Guard(key, store)
    for router in guarded:
        app.include_router(router, dependencies=[Depends(guard)])
    app.include_router(health.routes(store, readiness))
    app.include_router(presigned.routes(store, state_dir))
    if control:
        live = monitor.Monitor(store, switchboard, guard, control)
        switchboard.listeners.append(live)
        app.include_router(monitor.routes(live))
    return app


def _version() -> str:
    try:
        return version("trunkline")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"
