"""Every path of the contract, and what it reads.

=========================================  =====================================  ==============
``GET /api/v1/wallet/user``                the balance of the user who is asking  token
``GET /api/v1/wallet/user/transactions``   a statement, page by page              token
``GET /api/v1/wallet/health``              for the gateway                        open, no limit
``GET /health``                            the process is alive                   open, no limit
``GET /health/ready``                      what we depend on is there             open, no limit
``GET /metrics``                           Prometheus                             open, no limit
``GET /openapi.json``, ``GET /api-docs``   the documentation                      open
=========================================  =====================================  ==============

HEAD works where GET does. No route catches an error: see ``errors.py``.
"""

from __future__ import annotations

from http import HTTPStatus

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.http.auth import Authenticator, credentials
from adapters.http.conditional import conditional_response, entity_tag
from adapters.http.endpoint import Endpoint
from adapters.http.errors import WalletNotFound
from adapters.http.parameters import statement_parameters
from adapters.http.paths import (
    HEALTH_PATH,
    METRICS_PATH,
    READINESS_PATH,
    STATEMENT_PATH,
    WALLET_HEALTH_PATH,
    WALLET_PATH,
)
from adapters.http.readiness import Readiness
from adapters.http.representations import wallet_json
from adapters.http.statement_pages import StatementPages
from wallet_core.fields import iso_milliseconds
from wallet_core.money import Currency
from wallet_core.ports import Clock, Reader, StatementQuery
from wallet_core.queries import balance

JSON = "application/json"

OF_ONE_USER = ((b"cache-control", b"private, no-cache"), (b"vary", b"Authorization, Cookie"))
"""A browser may keep such an answer and must ask about it each time. Nobody else may keep it."""

OF_THIS_MOMENT = {"cache-control": "no-store"}
"""Nobody may keep such an answer."""


class WalletRoutes:
    """What users read about their own wallet. There is no way to name another user's."""

    def __init__(self, reader: Reader, authenticator: Authenticator, currency: Currency) -> None:
        """Take the read side, who tells who is asking, and the currency of all amounts."""
        self._reader = reader
        self._authenticator = authenticator
        self._currency = currency
        self._pages = StatementPages(reader, currency)

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(WALLET_PATH, Endpoint(self.wallet), methods=["GET"]),
            Route(STATEMENT_PATH, Endpoint(self.transactions), methods=["GET"]),
        ]

    async def wallet(self, request: Request) -> Response:
        """
        Read your wallet.

        The balance of the user who is asking. Nobody can read another user's.

        Send the `ETag` of an earlier answer as `If-None-Match`: you get 304 while nothing has changed.
        """
        wallet = await balance(self._reader, await self._user_id(request))
        if wallet is None:
            raise WalletNotFound
        body = wallet_json(wallet, self._currency)
        return conditional_response(request, body, entity_tag(body), media_type=JSON, headers=OF_ONE_USER)

    async def transactions(self, request: Request) -> Response:
        """
        Read your statement, page by page.

        One row for each change of the balance, newest first. Give `nextCursor` as `cursor` to go on: no row is
        repeated or left out, however much money moves meanwhile.

        An unknown, repeated or empty parameter is refused.
        """
        user_id = await self._user_id(request)
        parameters = statement_parameters(request.scope["query_string"])
        query = StatementQuery(
            user_id=user_id,
            limit=parameters.limit,
            before_sequence=parameters.cursor,
            kind=parameters.kind,
            recorded_from=parameters.recorded_from,
            recorded_until=parameters.recorded_until,
        )
        page = await self._pages.page(query)
        if page is None:
            raise WalletNotFound
        return conditional_response(request, page.body, page.tag, media_type=JSON, headers=OF_ONE_USER)

    async def _user_id(self, request: Request) -> str:
        return await self._authenticator.user_id(*credentials(request.scope["headers"]))


class ServiceRoutes:
    """What gateways, orchestrators and Prometheus ask."""

    def __init__(self, readiness: Readiness, registry: CollectorRegistry, clock: Clock) -> None:
        """Take what tells whether we are ready, the metrics, and the time."""
        self._readiness = readiness
        self._registry = registry
        self._clock = clock

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(WALLET_HEALTH_PATH, Endpoint(self.wallet_health), methods=["GET"]),
            Route(HEALTH_PATH, Endpoint(self.health), methods=["GET"]),
            Route(READINESS_PATH, Endpoint(self.ready), methods=["GET"]),
            Route(METRICS_PATH, Endpoint(self.metrics), methods=["GET"]),
        ]

    async def wallet_health(self, _request: Request) -> Response:
        """Tell the gateway that the service answers."""
        timestamp = iso_milliseconds(self._clock.now())
        return _now({"status": "healthy", "service": "wallet-service", "timestamp": timestamp})

    async def health(self, _request: Request) -> Response:
        """Tell that the process is alive, whatever else is away."""
        return _now({"status": "ok", "service": "wallet"})

    async def ready(self, _request: Request) -> Response:
        """
        Tell whether requests and events can be handled now.

        503 while a component is away; the body tells which, and why.
        """
        reasons = await self._readiness.reasons()
        components = {
            name: {"status": "up"} if reason is None else {"status": "down", "reason": reason}
            for name, reason in reasons.items()
        }
        if any(reason is not None for reason in reasons.values()):
            return _now({"status": "unavailable", "components": components}, HTTPStatus.SERVICE_UNAVAILABLE)
        return _now({"status": "ready", "components": components})

    async def metrics(self, request: Request) -> Response:
        """Give all metrics to Prometheus, in the text form that it asks for."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers=OF_THIS_MOMENT, media_type=content_type)


def _now(content: dict[str, object], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(content), status_code=status, headers=OF_THIS_MOMENT, media_type=JSON)
