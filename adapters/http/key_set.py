"""Read a JWK set: get the document from an HTTP endpoint or a file, and take the keys in it that are for us.

Shape: ``key_set_source(endpoint)`` gives a source, ``source.read()`` the document, ``parse_key_set(document)`` its keys
by their id. What is wrong with a whole document is ``KeySetUnreadable``; what is wrong with one entry costs only that.

Bounds: FETCH_TIMEOUT_S and KEY_SET_BYTES_MAX.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import warnings
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx2
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

FETCH_TIMEOUT_S = 5.0
"""Longest fetch as a whole, seconds. Only unknown keys wait for it. Source: the default of ``timeoutDuration`` in
``jose``, the library with which Node services read a JWKS."""

KEY_SET_BYTES_MAX = 64 * 1024
"""Largest key set that is read, bytes. An entry has 0.4 KiB, or 4 KiB with a certificate chain: room for sixteen."""

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""What only a private or a symmetric key has. Source: RFC 7518, sections 6.2.2, 6.3.2 and 6.4."""

_CURVES = frozenset({"P-256", "P-384", "P-521"})
"""The curves of ES256, ES384 and ES512. Source: RFC 7518, section 6.2.1.1."""

_ENDPOINT_RULE = "the JWKS endpoint must be an http://, https:// or file:/// URL"

PublicKey = RSAKey | ECKey
"""A key that can verify and not sign."""


class KeySetUnreadable(Exception):
    """A fetch gave no key set. The text says why in words of our own: never an address, which may hold a password."""


class KeySetSource(Protocol):
    """Where a key set comes from."""

    async def read(self) -> bytes:
        """Give the document. Raises KeySetUnreadable."""

    async def aclose(self) -> None:
        """Let go of what is held open."""


class _HttpSource:
    """A key set behind HTTP."""

    def __init__(self, url: httpx2.URL) -> None:
        # The client logs the address of each request: a password in it travels as a header instead.
        self._url = url.copy_with(userinfo=b"")
        self._auth = (url.username, url.password) if url.userinfo else None
        self._client: httpx2.AsyncClient | None = None

    async def read(self) -> bytes:
        try:
            # The client's own timeout is per read; a server that drips bytes would stretch it without end.
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                if self._client is None:
                    self._client = await asyncio.to_thread(self._new_client)
                return await self._document(self._client)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise KeySetUnreadable(f"the endpoint cannot be reached: {type(error).__name__}") from error

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _new_client(self) -> httpx2.AsyncClient:
        """Make the client at the first fetch, in a thread: its code and the system's certificates load for 0.1 s."""
        return httpx2.AsyncClient(
            auth=self._auth,
            verify=ssl.create_default_context(),
            timeout=httpx2.Timeout(FETCH_TIMEOUT_S),
            follow_redirects=False,  # keys come from the address in the settings, not from where it points today
            trust_env=False,  # nor through a proxy that the environment happens to name
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=0),
            headers={"accept": "application/jwk-set+json, application/json", "accept-encoding": "identity"},
        )

    async def _document(self, client: httpx2.AsyncClient) -> bytes:
        async with client.stream("GET", self._url) as response:
            if response.status_code != httpx2.codes.OK:
                raise KeySetUnreadable(f"the endpoint answered {response.status_code}")
            document = bytearray()
            async for chunk in response.aiter_raw():
                document += chunk
                if len(document) > KEY_SET_BYTES_MAX:
                    raise KeySetUnreadable(f"the answer is larger than {KEY_SET_BYTES_MAX} bytes")
            return bytes(document)


class _FileSource:
    """A key set in a file, for development."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> bytes:
        try:
            return await asyncio.to_thread(self._read)
        except OSError as error:
            raise KeySetUnreadable(f"the file cannot be read: {type(error).__name__}") from error

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            document = file.read(KEY_SET_BYTES_MAX + 1)
        if len(document) > KEY_SET_BYTES_MAX:
            raise KeySetUnreadable(f"the file is larger than {KEY_SET_BYTES_MAX} bytes")
        return document

    async def aclose(self) -> None:
        """Nothing is held open between two reads."""


def key_set_source(endpoint: str) -> KeySetSource:
    """Choose by the scheme. Raises ValueError, without quoting the address: it may hold a password."""
    try:
        url, parts = httpx2.URL(endpoint), urlsplit(endpoint)
        has_host = bool(parts.hostname) and parts.port != 0  # a port that is none raises ValueError
    except (httpx2.InvalidURL, ValueError):
        raise ValueError(_ENDPOINT_RULE) from None
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return _FileSource(Path(url2pathname(parts.path)))
    if parts.scheme in {"http", "https"} and has_host:
        return _HttpSource(url)
    raise ValueError(_ENDPOINT_RULE)


def parse_key_set(document: bytes) -> tuple[dict[str, PublicKey], list[str]]:
    """
    Give the usable keys of a JWK set by their id, and for every other entry why it is ignored.

    One bad entry never costs the others (RFC 7517, section 5). Raises KeySetUnreadable when it is no JWK set at all.
    """
    try:
        parsed: object = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise KeySetUnreadable("the answer is not JSON") from error
    entries: object = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(entries, list):
        raise KeySetUnreadable('the answer has no list "keys"')
    keys: dict[str, PublicKey] = {}
    ignored: list[str] = []
    for position, entry in enumerate(entries):
        try:
            kid, key = _key_of(entry)
            keys.setdefault(kid, key)  # of two with one kid the first counts
        except _EntryIgnored as error:
            ignored.append(f"entry {position}: {error}")
    return keys, ignored


class _EntryIgnored(Exception):
    """An entry of the set is not a key for us; the text says why and quotes nothing of it."""


def _key_of(entry: object) -> tuple[str, PublicKey]:
    """Give the id and the key of one entry. Raises _EntryIgnored."""
    if not isinstance(entry, dict):
        raise _EntryIgnored("it is not an object")
    kid: object = entry.get("kid")
    if not isinstance(kid, str) or not kid:
        raise _EntryIgnored("it has no kid")
    if not _PRIVATE_MEMBERS.isdisjoint(entry):
        raise _EntryIgnored("it is a private or symmetric key; whoever published it must replace it")
    operations: object = entry.get("key_ops", ["verify"])
    if entry.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise _EntryIgnored("it is not for signatures")
    return kid, _imported(entry)


def _imported(entry: dict[str, object]) -> PublicKey:
    """Import a key from the few members that make it; the others (certificates, extensions) are never looked at."""
    algorithm = entry.get("alg")
    members: dict[str, str | list[str]] = {"alg": algorithm} if isinstance(algorithm, str) else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)  # the library only warns of RSA below 2048 bits
            match entry:
                case {"kty": "RSA", "n": str() as n, "e": str() as e}:
                    return RSAKey.import_key({"kty": "RSA", "n": n, "e": e, **members})
                case {"kty": "EC", "crv": str() as crv, "x": str() as x, "y": str() as y} if crv in _CURVES:
                    return ECKey.import_key({"kty": "EC", "crv": crv, "x": x, "y": y, **members})
    except (JoseError, SecurityWarning, ValueError) as error:
        raise _EntryIgnored("its numbers are not a sound key") from error
    raise _EntryIgnored("it is not a complete RSA or EC key")
