"""TLS for SIP: certificates from files, looked at again when they change.

A renewed certificate is loaded into the same contexts: new connections show it, and those that
are open go on.
"""

import logging
import ssl
from collections.abc import Callable
from pathlib import Path

from gateway.errors import ConfigError
from gateway.sip import metrics
from gateway.sip.certificates import ends, identities, is_of
from gateway.sip.settings import CertificateSettings, TlsSettings
from gateway.sip.stream import Stream

log = logging.getLogger(__name__)


class Tls:
    """Raises ConfigError for files that cannot be used. ``serves``: a certificate is needed."""

    def __init__(self, settings: TlsSettings, *, serves: bool) -> None:
        self._settings = settings
        if serves and not settings.certificate:
            raise ConfigError(
                "sip.listen has tls or wss, which needs [sip.tls] certificate and key"
            )
        if settings.client_certificates != "no" and not settings.ca:
            raise ConfigError("[sip.tls] client_certificates needs ca: who signs those of clients")
        self.server = self._contexts(ssl.PROTOCOL_TLS_SERVER)
        self.client = self._contexts(ssl.PROTOCOL_TLS_CLIENT)
        self._named = {name.lower(): self._named_server(name) for name in settings.names}
        self.server.sni_callback = self._asked_for
        self._seen = self._changed_at()

    def objection(self, stream: Stream) -> str:
        """Why a connection that we opened is not to whom we meant (RFC 5922 section 7); or ""."""
        certificate = stream.facts("peercert")
        if not self._settings.verify or not isinstance(certificate, dict):
            return ""
        name = stream.name or stream.peer[0]
        if is_of(certificate, name, wildcards=self._settings.wildcards):
            return ""
        return f"its certificate is of {', '.join(identities(certificate)) or 'nobody'}, not {name}"

    def renew(self) -> bool:
        """Load the files again if they have changed; whether they had. Files that cannot be used
        are logged, and what was loaded before stays."""
        seen = self._changed_at()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            self._contexts(ssl.PROTOCOL_TLS_SERVER)  # both files may not have been written yet
            named = {name.lower(): self._named_server(name) for name in self._settings.names}
            for context in (self.server, self.client):
                self._load(context)
            self._named = named
        except ConfigError as error:
            log.error("renewed certificates cannot be used, the old ones stay: %s", error)
            return False
        log.info("certificates loaded again")
        return True

    def _asked_for(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """RFC 6066 section 3: a client says by which name it knows us. An unknown name is no
        reason to refuse: the client decides whether the usual certificate will do."""
        if context := self._named.get((name or "").lower()):
            connection.context = context

    def _named_server(self, name: str) -> ssl.SSLContext:
        own, context = self._settings.names[name], self._context(ssl.PROTOCOL_TLS_SERVER)
        _load_chain(context, own, f"[sip.tls.names.{name}]")
        self._load_authorities(context)
        return context

    def _contexts(self, side: int) -> ssl.SSLContext:
        context = self._context(side)
        self._load(context)
        return context

    def _context(self, side: int) -> ssl.SSLContext:
        context = ssl.SSLContext(side)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False  # SIP has rules of its own: ``objection``
        if side == ssl.PROTOCOL_TLS_CLIENT:
            required = self._settings.verify
        else:
            required = self._settings.client_certificates == "required"
            context.options |= ssl.OP_NO_RENEGOTIATION
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_NONE
        if side == ssl.PROTOCOL_TLS_SERVER and self._settings.client_certificates == "optional":
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        settings = self._settings
        if settings.certificate:
            _load_chain(context, settings, "[sip.tls]")
            end = ends(Path(settings.certificate).read_bytes())
            if end is not None:
                metrics.CERTIFICATE_EXPIRY.set(end.timestamp())
        self._load_authorities(context)

    def _load_authorities(self, context: ssl.SSLContext) -> None:
        settings = self._settings
        if settings.ca:
            _attempt(
                lambda: context.load_verify_locations(settings.ca), f"[sip.tls] ca {settings.ca}"
            )
        elif context.verify_mode is not ssl.CERT_NONE:
            context.load_default_certs()

    def _changed_at(self) -> list[tuple[float, int]]:
        found = []
        pairs = [self._settings, *self._settings.names.values()]
        for name in (self._settings.ca, *(file for p in pairs for file in (p.certificate, p.key))):
            try:
                facts = Path(name).stat() if name else None
            except OSError:
                facts = None
            found.append((facts.st_mtime, facts.st_ino) if facts else (0.0, 0))
        return found


def _load_chain(context: ssl.SSLContext, own: CertificateSettings, where: str) -> None:
    what = f"{where} certificate {own.certificate} with key {own.key or own.certificate}"
    _attempt(lambda: context.load_cert_chain(own.certificate, own.key or None), what)


def _attempt(load: Callable[[], None], what: str) -> None:
    """Raises ConfigError instead of what ``ssl`` says of files."""
    try:
        load()
    except FileNotFoundError:
        raise ConfigError(f"{what}: there is no such file") from None
    except PermissionError:
        raise ConfigError(f"{what}: the gateway may not read it") from None
    except ssl.SSLError as error:
        why = "they do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else (
            error.reason or "not PEM"
        )  # fmt: skip
        raise ConfigError(f"{what}: {why.replace('_', ' ').lower()}") from None
    except OSError as error:
        raise ConfigError(f"{what}: {error.strerror or error}") from None
