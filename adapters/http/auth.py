"""Answer who is asking: look for a token where clients put one, and trust the first that verifies.

Shape: ``credentials`` takes both places from a request's headers; ``Authenticator.user_id`` tries ``Authorization:
Bearer``, then the cookie ``mint_session``, then the cookie ``access.token`` (contract, "Authentication"). A bad token
never stops a good one behind it. When none verifies it raises ``Unauthorized``: an error and not a value, because a
None that somebody forgets to check is an open door.

The cache: a verified token is remembered under its SHA-256, never itself, so that the next request costs microseconds.
An entry counts only before the token's ``exp`` (within the leeway after it every request verifies again) and only while
the very key that proved it is held: a fetched key set makes every entry verify once more.

Bounds: three tokens per request, TOKEN_LENGTH_MAX each; VERIFIED_MAX entries, the least recently used leaves first.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from hashlib import sha256

from starlette.requests import cookie_parser

from adapters.http.keys import PublishedKeys
from adapters.http.tokens import (
    ALGORITHMS_DEFAULT,
    TokenRefused,
    TokenVerifier,
    VerifiedToken,
)

COOKIE_NAMES = ("mint_session", "access.token")
"""The documented cookie, then v1's. Source: the contract."""

TOKEN_LENGTH_MAX = 8 * 1024
"""Longest token that is looked at, characters. Browsers keep 4 Ki per cookie (RFC 6265, section 6.1); a v1 token with a
whole user document has 0.9 Ki. Twice the former refuses nobody and still bounds what a stranger makes us hash."""

VERIFIED_MAX = 10_000
"""Most verified tokens remembered. An entry takes 0.4 KB, so 4 MB; users beyond that only verify again."""


class Unauthorized(Exception):
    """No token of the request verifies. The text names each source and its failed check, for an operator alone."""


class VerifiedTokens:
    """Remembers verified tokens by their SHA-256, at most ``entries_max``; the least recently used leaves first."""

    def __init__(self, entries_max: int = VERIFIED_MAX) -> None:
        """Start empty."""
        self._entries: OrderedDict[bytes, VerifiedToken] = OrderedDict()
        self._entries_max = entries_max

    def __len__(self) -> int:
        """Count what is remembered."""
        return len(self._entries)

    def recall(self, digest: bytes) -> VerifiedToken | None:
        """Give what is remembered under this digest, and keep it longer for having been used."""
        verified = self._entries.get(digest)
        if verified is not None:
            self._entries.move_to_end(digest)
        return verified

    def remember(self, digest: bytes, verified: VerifiedToken) -> None:
        """Put a verified token in place of what was remembered under this digest."""
        self._entries[digest] = verified
        self._entries.move_to_end(digest)
        if len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)

    def forget(self, digest: bytes) -> None:
        """Drop what is remembered under this digest, if anything is."""
        self._entries.pop(digest, None)


class Authenticator:
    """Tells who is asking. One instance serves all requests."""

    def __init__(
        self,
        keys: PublishedKeys,
        *,
        issuer: str,
        audience: str,
        algorithms: Collection[str] = ALGORITHMS_DEFAULT,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Fix what is accepted; ``TokenVerifier`` says which values raise ValueError. ``now`` gives Unix seconds."""
        self._keys = keys
        self._now = now
        self._verifier = TokenVerifier(keys, issuer=issuer, audience=audience, algorithms=algorithms, now=now)
        self._verified = VerifiedTokens()

    async def user_id(self, authorization: str | None, cookies: Mapping[str, str]) -> str:
        """
        Give the id of the user who is asking, as wallets know it.

        ``authorization`` is the header's value, ``cookies`` are the request's. Raises Unauthorized (answer 401), and
        KeysUnavailable when no key is known to verify with (answer 503).
        """
        refusals = []
        for source, token in _tokens(authorization, cookies):
            try:
                return await self._user_id_of(token)
            except TokenRefused as refused:
                refusals.append(f"{source}: {refused}")
        raise Unauthorized("; ".join(refusals) or "the request carries no token")

    async def _user_id_of(self, token: str) -> str:
        if len(token) > TOKEN_LENGTH_MAX or not token.isascii():
            raise TokenRefused(f"it is not ASCII of at most {TOKEN_LENGTH_MAX} characters")
        digest = sha256(token.encode("ascii")).digest()
        known = self._verified.recall(digest)
        if known is not None and self._now() < known.expires_at and self._keys.held(known.kid) is known.key:
            return known.user_id
        self._verified.forget(digest)
        verified = await self._verifier.verify(token)
        self._verified.remember(digest, verified)
        return verified.user_id


def credentials(headers: Sequence[tuple[bytes, bytes]]) -> tuple[str | None, Mapping[str, str]]:
    """Give the first ``Authorization`` of a request, and all of its cookies."""
    authorization, cookies = None, {}
    for name, value in headers:
        if name == b"cookie":
            cookies.update(cookie_parser(value.decode("latin-1")))
        elif name == b"authorization" and authorization is None:
            authorization = value.decode("latin-1")
    return authorization, cookies


def _tokens(authorization: str | None, cookies: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give each token with the name of its source, in the order in which they count."""
    scheme, _, credentials = (authorization or "").strip().partition(" ")
    if scheme.lower() == "bearer":  # RFC 9110, section 11.1: schemes are case-insensitive
        yield "Bearer", credentials.strip()
    for name in COOKIE_NAMES:
        if name in cookies:
            yield name, cookies[name]
