"""Servers of somebody's own are shown who asks: by the credential that a custom voice or a custom
transcriber names, and by the token of a custom model's authentication plan.
"""

import logging
from typing import Any

from gateway.agent.brief import Brief, Choice, VendorKey
from gateway.api.authentication import NotAuthenticated
from gateway.api.wire import Wire

log = logging.getLogger(__name__)

_PLACES = (("hearing", "hearing_substitutes"), ("speaking", "speaking_substitutes"))


class Introductions:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def made(self, brief: Brief, org_id: str) -> Brief:
        """The brief with what this organisation's servers are to be shown. A credential that cannot
        be had leaves the server to refuse, and to be blamed by name."""
        update: dict[str, Any] = {}
        for one, several in _PLACES:
            choices = [getattr(brief, one), *getattr(brief, several)]
            if any("credential_id" in choice.options for choice in choices):
                first, *others = [await self._shown(choice, org_id) for choice in choices]
                update |= {one: first, several: tuple(others)}
        if planned := {name: key for name, key in brief.keys.items() if key.plan}:
            update["keys"] = brief.keys | {
                name: await self._opened(key, org_id) for name, key in planned.items()
            }
        return brief.model_copy(update=update) if update else brief

    async def _shown(self, choice: Choice, org_id: str) -> Choice:
        options = dict(choice.options)
        if not (id_ := options.pop("credential_id", "")):
            return choice
        try:
            if choice.vendor == "custom-voice" and (plan := await self._wire.signing(id_, org_id)):
                options["signing"] = plan  # each request by itself
            else:
                headers = await self._wire.credentials(id_, str(options.get("url") or ""), org_id)
                options["headers"] = dict(options.get("headers") or {}) | headers
        except NotAuthenticated as error:
            log.warning("%s is asked without its credential: %s", choice.vendor, error)
        return choice.model_copy(update={"options": options})

    async def _opened(self, key: VendorKey, org_id: str) -> VendorKey:
        try:
            token, until = await self._wire.key(key.plan, org_id)
        except NotAuthenticated as error:
            log.warning("a vendor is asked without its token: %s", error)
            return key
        return key.model_copy(update={"api_key": token, "until": until}) if token else key
