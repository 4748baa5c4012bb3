"""A JWKS endpoint on loopback, keys and tokens for it, and a service that authenticates by it.

The endpoint is a real HTTP server that counts its requests. Both clocks of the service (Unix time for claims, monotonic
time for keys) are set by the test, so no test waits for time to pass.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from adapters.http.auth import Authenticator, Unauthorized
from adapters.http.keys import PublishedKeys
from adapters.http.tokens import ALGORITHMS_DEFAULT

NOW = 1_800_000_000
ISSUER = "auth-service"
AUDIENCE = "wallet-service"
ALICE = "507f1f77bcf86cd799439011"
BOB = "507f1f77bcf86cd799439012"
WAIT_S_MAX = 5.0
"""Bound of every wait for a condition: a thousand times what loopback needs."""


def rsa_key(kid: str) -> RSAKey:
    """Make a key pair as the auth service has one."""
    return RSAKey.generate_key(2048, parameters={"kid": kid, "use": "sig", "alg": "RS256"})


KEY = rsa_key("first")
NEXT_KEY = rsa_key("second")
STRANGER_KEY = rsa_key("first")
"""A key of somebody else that claims the kid of ours."""


def published(*keys: RSAKey | ECKey) -> bytes:
    """Give the JWK set of these keys as an endpoint answers it."""
    return json.dumps(KeySet(list(keys)).as_dict(private=False)).encode()


def claims(**changes: object) -> dict[str, object]:
    """Give good documented claims, with changes; a claim changed to ``...`` is left out."""
    good: dict[str, object] = {"iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 3600, "sub": ALICE}
    return {name: value for name, value in (good | changes).items() if value is not ...}


def signed(payload: Mapping[str, object], key: RSAKey | ECKey = KEY, algorithm: str = "RS256") -> str:
    """Sign claims as the auth service does."""
    header = {"alg": algorithm, "kid": key.kid}
    return jwt.encode(header, dict(payload), key, algorithms=[algorithm])


@dataclass
class Clock:
    """Seconds that move when a test says so."""

    now: float

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


class JwksEndpoint:
    """
    A JWKS endpoint on loopback that counts its requests.

    It holds answers back while ``answering`` is not set, and sends them byte by byte when ``byte_interval_s`` is.
    """

    def __init__(self, document: bytes) -> None:
        """Take a free port and the first answer."""
        self.document = document
        self.status = 200
        self.request_count = 0
        self.authorizations: list[str | None] = []
        self.byte_interval_s = 0.0
        self.stopping = threading.Event()
        self.answering = threading.Event()
        self.answering.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """Give the value of JWKS_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}/.well-known/jwks.json"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Answer whoever still waits, and stop."""
        self.stopping.set()
        self.answering.set()
        self._server.shutdown()
        self._thread.join(WAIT_S_MAX)
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer with what the endpoint publishes now."""
                endpoint.request_count += 1
                endpoint.authorizations.append(self.headers["authorization"])
                endpoint.answering.wait(WAIT_S_MAX)
                self.send_response(endpoint.status)
                self.send_header("location", endpoint.url)
                with suppress(ConnectionError):  # who has waited long enough hangs up
                    self.end_headers()
                    for byte in endpoint.document if endpoint.byte_interval_s else b"":
                        self.wfile.write(bytes([byte]))
                        if endpoint.stopping.wait(endpoint.byte_interval_s):
                            return
                    self.wfile.write(endpoint.document)

            def log_message(self, *_: object) -> None:
                """Keep the test output quiet."""

        return Handler


@dataclass
class Service:
    """The authenticator under test, with the endpoint and the clocks that it depends on."""

    endpoint: JwksEndpoint
    unix: Clock
    monotonic: Clock
    keys: PublishedKeys
    authenticator: Authenticator

    async def bearer(self, token: str) -> str:
        """Ask who the bearer of this token is."""
        return await self.authenticator.user_id(f"Bearer {token}", {})

    async def refusal(self, token: str) -> str:
        """Tell why a token is refused. A token that is accepted fails the test."""
        with pytest.raises(Unauthorized) as refused:
            await self.bearer(token)
        return str(refused.value)


@asynccontextmanager
async def service_on(
    endpoint: JwksEndpoint, algorithms: Collection[str] = ALGORITHMS_DEFAULT
) -> AsyncIterator[Service]:
    """Run an authenticator on this endpoint, and close its keys in the end."""
    unix, monotonic = Clock(NOW), Clock(0.0)
    keys = PublishedKeys(endpoint.url, monotonic=monotonic)
    authenticator = Authenticator(keys, issuer=ISSUER, audience=AUDIENCE, algorithms=algorithms, now=unix)
    try:
        yield Service(endpoint, unix, monotonic, keys, authenticator)
    finally:
        await keys.aclose()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition. Raises TimeoutError after WAIT_S_MAX."""
    async with asyncio.timeout(WAIT_S_MAX):
        while not condition():  # noqa: ASYNC110 (what changes is in another thread or behind a public method)
            await asyncio.sleep(0.005)
