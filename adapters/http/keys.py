"""Hold the public keys that tokens are verified with: fetched from the JWKS endpoint, cached, fetched again.

::

    find(kid) ── held ────> the key; when the set is older than KEY_SET_AGE_MAX_S, a fetch begins that nobody waits for
              └─ unknown ─> one fetch, shared by all who ask, at most one per REFETCH_INTERVAL_S; then the key or None

Shape: a fetched set replaces the old one whole, so a key that has left the endpoint is refused from then on. While the
endpoint is away, or answers what is not a key set, the old set stays and a warning is logged. A well-formed set is the
truth, even one without a usable key: then nobody can be verified, and that is ``KeysUnavailable``.

Bounds: one fetch at a time and one per interval, successful or not; ``key_set`` bounds its time and size. A key that
has left is accepted until the next fetch: KEY_SET_AGE_MAX_S under traffic; after a longer silence, for the requests
that arrive until the fetch they set off has ended.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping

import structlog
from structlog.typing import FilteringBoundLogger

from adapters.http.key_set import KeySetUnreadable, PublicKey, key_set_source, parse_key_set

REFETCH_INTERVAL_S = 10.0
"""Least time between the starts of two fetches, seconds. A stranger who invents a ``kid`` per request costs the auth
service no more than that. Source: the requirements of this service."""

KEY_SET_AGE_MAX_S = 600.0
"""Age from which a set is fetched again at use, seconds. It bounds how long a withdrawn key still works. Source: the
default of ``cacheMaxAge`` in ``jose``, the library with which Node services read a JWKS."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class KeysUnavailable(Exception):
    """No usable public key is held and none could be fetched: nobody can be verified, and no client is to blame."""

    def __init__(self) -> None:
        """Say what to look at; there is nothing else to tell."""
        super().__init__("no public key to verify tokens with; check JWKS_ENDPOINT and that the auth service answers")


class PublishedKeys:
    """The keys of one JWKS endpoint. One instance serves all requests of one event loop."""

    def __init__(self, endpoint: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """
        Take the address of the key set; nothing is fetched yet.

        ``endpoint`` is an ``http``, ``https`` or (for development) ``file`` URL; any other raises ValueError.
        ``monotonic`` gives seconds that never go back.
        """
        self._source = key_set_source(endpoint)
        self._monotonic = monotonic
        self._keys: Mapping[str, PublicKey] = {}
        self._attempted_at = -math.inf
        self._fetched_at = -math.inf
        self._fetch: asyncio.Task[None] | None = None

    def held(self, kid: str) -> PublicKey | None:
        """Give the key that is held under this id, at once; begin a fetch behind the answer when the set is old."""
        key = self._keys.get(kid)
        if key is not None and self._monotonic() - self._fetched_at >= KEY_SET_AGE_MAX_S:
            self._begin_fetch()
        return key

    async def find(self, kid: str) -> PublicKey | None:
        """
        Give the key with this id, fetching the set again when it is unknown; None when the endpoint has none.

        Raises KeysUnavailable when no key at all is held, even after that.
        """
        key = self.held(kid)
        if key is not None:
            return key
        fetch = self._begin_fetch()
        if fetch is not None:
            # Shielded: the fetch belongs to all who wait for it, and one client that hangs up must not end it.
            await asyncio.shield(fetch)
        if not self._keys:
            raise KeysUnavailable
        return self._keys.get(kid)

    async def aclose(self) -> None:
        """End a running fetch and close the connection. Needed once, at shutdown, on the loop that used the keys."""
        if self._fetch is not None and not self._fetch.done():
            self._fetch.cancel()
            await asyncio.wait({self._fetch})
        await self._source.aclose()

    def _begin_fetch(self) -> asyncio.Task[None] | None:
        """Give the running fetch, or a new one; None when the last one began less than REFETCH_INTERVAL_S ago."""
        if self._fetch is not None and not self._fetch.done():
            return self._fetch
        now = self._monotonic()
        if now - self._attempted_at < REFETCH_INTERVAL_S:
            return None
        self._attempted_at = now
        self._fetch = asyncio.create_task(self._replace_keys(), name="jwks-fetch")
        return self._fetch

    async def _replace_keys(self) -> None:
        """Fetch the set and put it in place of the old one, which stays when there is nothing readable."""
        try:
            keys, ignored = parse_key_set(await self._source.read())
        except KeySetUnreadable as error:
            _log.warning("jwks_unreadable", reason=str(error), kids_kept=sorted(self._keys))
            return
        self._keys = keys
        self._fetched_at = self._monotonic()
        report = _log.info if keys else _log.warning
        report("jwks_fetched", kids=sorted(keys), ignored=ignored)
