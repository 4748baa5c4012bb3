"""The HTTP application over the adapters in memory, as one client sees it: real tokens, real keys, real books.

``HttpService`` holds the client and the scenario that moves money behind its back. ``http_service`` builds one; what it
is not told is as in a deployment that sets nothing, but for the rate limit, which is out of the way.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from adapters.http.application import http_application
from adapters.http.auth import Authenticator
from adapters.http.client_address import ClientAddresses, Network
from adapters.http.cross_origin import CrossOriginRules
from adapters.http.development_key import DevelopmentKey
from adapters.http.edge import Edge
from adapters.http.errors import ErrorStyle
from adapters.http.keys import PublishedKeys
from adapters.http.metrics import HttpMetrics
from adapters.http.observation import Observation
from adapters.http.rate_limit import ClientLimit, RateLimit
from adapters.http.readiness import ReadinessCheck
from tests.scenario import USD, Scenario
from wallet_core.errors import StoreUnavailable
from wallet_core.ledger import Entry
from wallet_core.money import Currency
from wallet_core.policy import Policy
from wallet_core.ports import Reader, StatementQuery
from wallet_core.wallet import Wallet

ISSUER = "auth-service"
AUDIENCE = "wallet-service"

WALLET = "/api/v1/wallet/user"
STATEMENT = "/api/v1/wallet/user/transactions"

PEER = "203.0.113.7"
"""Where requests come from unless told otherwise: an address for documentation (RFC 5737), and so no proxy of ours."""

PRIVATE_RANGES = tuple(map(ip_network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))

MANY = RateLimit(requests_max=1_000_000, window_ms=900_000)


async def is_up() -> str | None:
    """Be a component that is there."""
    return None


class AwayReader:
    """A read side whose database is away, in its own words."""

    def __init__(self, outage: type[StoreUnavailable] = StoreUnavailable) -> None:
        """Take the error to raise."""
        self._outage = outage

    async def wallet_of(self, user_id: str) -> Wallet | None:
        """Find nobody to ask."""
        raise self._outage(f"no server to ask about {user_id}")

    async def entries(self, wallet: Wallet, query: StatementQuery) -> Sequence[Entry]:
        """Find nobody to ask."""
        raise self._outage(f"no server to ask about {wallet.id}, {query}")


class BrokenReader:
    """A read side with a defect."""

    async def wallet_of(self, user_id: str) -> Wallet | None:
        """Fail in a way that nobody has foreseen."""
        raise RuntimeError(f"detail about {user_id}")

    async def entries(self, wallet: Wallet, query: StatementQuery) -> Sequence[Entry]:
        """Fail in a way that nobody has foreseen."""
        raise RuntimeError(f"detail about {wallet.id}, {query}")


@dataclass
class HttpService:
    """The service under test and one client of it."""

    scenario: Scenario
    client: TestClient
    key: DevelopmentKey

    def token(self, user_id: str) -> str:
        """Sign a documented token as the auth service does."""
        return self.key.token(user_id, ISSUER, AUDIENCE)

    def get(self, path: str, user_id: str | None = None, **headers: str) -> httpx2.Response:
        """Ask, as this user if there is one. An underscore in a header's name stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if user_id is not None:
            named["authorization"] = f"Bearer {self.token(user_id)}"
        return self.client.get(path, headers=named)

    def metric(self, name: str, **labels: str) -> float:
        """Read one sample of ``/metrics``; 0 when there is none."""
        wanted = "{" + ",".join(f'{label}="{value}"' for label, value in labels.items()) + "}" if labels else ""
        lines = self.client.get("/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name}{wanted} ")), 0.0)


@contextmanager
def http_service(  # noqa: PLR0913 - by name, and each has a default
    *,
    reader: Reader | None = None,
    jwks: bytes | None = None,
    readiness_checks: Mapping[str, ReadinessCheck] | None = None,
    currency: Currency = USD,
    error_style: ErrorStyle = "documented",
    cors_origins: Sequence[str] = ("*",),
    rate_limit: RateLimit = MANY,
    trusted_proxies: Sequence[Network] = PRIVATE_RANGES,
    peer: str = PEER,
) -> Iterator[HttpService]:
    """Run the application on empty books. ``jwks`` is what the auth service publishes; nothing at all when empty."""
    scenario = Scenario(Policy(currency))
    key = _key()
    with TemporaryDirectory() as folder:
        key_set = Path(folder) / "jwks.json"
        key_set.write_bytes(json.dumps(key.jwks()).encode() if jwks is None else jwks)
        application = http_application(
            reader=reader or scenario.store,
            authenticator=Authenticator(PublishedKeys(key_set.as_uri()), issuer=ISSUER, audience=AUDIENCE),
            readiness_checks=readiness_checks or {"mongodb": is_up, "rabbitmq": is_up},
            currency=currency,
            clock=scenario.clock,
            registry=CollectorRegistry(),
            error_style=error_style,
            cors_origins=cors_origins,
            rate_limit=rate_limit,
            trusted_proxies=trusted_proxies,
        )
        with TestClient(application, client=(peer, 50_000)) as client:
            yield HttpService(scenario, client, key)


def edge_around(
    app: ASGIApp,
    *,
    rate_limit: RateLimit = MANY,
    now: Callable[[], float] = time.monotonic,
    registry: CollectorRegistry | None = None,
) -> Edge:
    """Put what every request goes through around an application that is not ours."""
    return Edge(
        app,
        observation=Observation(HttpMetrics(registry or CollectorRegistry()), routes=[]),
        client_limit=ClientLimit(rate_limit, ClientAddresses(()), now=now),
        cross_origin=CrossOriginRules(origins=(), request_headers=(), response_headers=()),
        error_style="documented",
    )


@cache
def _key() -> DevelopmentKey:
    """Make one key for all tests: it takes a tenth of a second."""
    with TemporaryDirectory() as folder:
        return DevelopmentKey.load_or_create(Path(folder) / "key.pem")
