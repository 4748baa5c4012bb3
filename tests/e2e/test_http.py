"""HTTP as users, the gateway and Prometheus see it: the real server, real tokens, keys from a real endpoint."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest

from adapters.http.development_key import DevelopmentKey
from tests.e2e.deployment import AUDIENCE, ISSUER, KEY_FILE, STATEMENT, WALLET, Deployment, Site, deployed, new_id
from tests.integration.jwks_endpoint import JwksEndpoint
from tests.scenario import failed, topup, transfer

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNAUTHORIZED = {"error": "Unauthorized"}

NAMES_OF_THE_DASHBOARDS = (
    r'http_requests_total\{method="GET",route="/api/v1/wallet/user",status_code="200"\} [1-9]',
    r'http_request_duration_seconds_bucket\{le="[0-9.+Inf]+",method="GET",route="/api/v1/wallet/user",status_code="200"\}',
    r"(?m)^active_connections ",
    r'db_query_duration_seconds_bucket\{collection="wallets",le="[0-9.+Inf]+",operation="find"\}',
)
"""What the system's dashboards query (contract)."""

NAMES_OF_OURS = (
    r'wallet_events_total\{outcome="applied",subject="transaction.completed"\} [1-9]',
    r"wallet_batch_size_bucket",
    r"wallet_retries_total",
    r"wallet_conflicts_total",
    r"wallet_dead_letters_total",
    r"wallet_outbox_lag_seconds",
)
"""What an operator of ours looks at (issue: events by outcome, batch sizes, retries, conflicts, dead letters, lag)."""


@pytest.fixture(scope="module")
async def wallet(module_site: Site) -> AsyncIterator[Deployment]:
    """Run a service whose keys come from an HTTP endpoint, as the auth service's do."""
    key = DevelopmentKey.load_or_create(module_site.folder / KEY_FILE)
    with JwksEndpoint(json.dumps(key.jwks()).encode()) as endpoint:
        async with deployed(module_site, {"JWKS_ENDPOINT": endpoint.url}) as deployment:
            yield deployment


@pytest.fixture
async def alice(wallet: Deployment) -> str:
    """Give a user with 150.00."""
    user_id = new_id()
    await wallet.open(user_id)
    await wallet.send(topup(new_id(), user_id, 150))
    await wallet.wait_balance(user_id, "150.00")
    return user_id


async def test_the_wallet_is_as_the_contract_writes_it(wallet: Deployment, alice: str) -> None:
    """Id, owner, a balance with both decimals, and instants in UTC with milliseconds; an ETag saves the second read."""
    response = await wallet.get(WALLET, alice)
    unchanged = await wallet.get(WALLET, alice, **{"if-none-match": response.headers["etag"]})

    body = response.json()
    assert 200 == response.status_code
    assert {"id", "userId", "balance", "createdAt", "updatedAt", "currency", "version"} == body.keys()
    assert (alice, "USD", 1) == (body["userId"], body["currency"], body["version"])
    assert '"balance":150.00,' in response.text
    assert INSTANT.fullmatch(body["createdAt"])
    assert INSTANT.fullmatch(body["updatedAt"])
    assert (304, b"") == (unchanged.status_code, unchanged.content)


@pytest.mark.parametrize("name", ["authorization", "mint_session", "access.token"])
@pytest.mark.parametrize("claims", ["documented", "v1"])
async def test_every_way_to_carry_a_token_is_accepted(wallet: Deployment, alice: str, name: str, claims: str) -> None:
    """A Bearer token and both cookies are read, with the claims of both vocabularies."""
    token = wallet.key.token(alice, ISSUER, AUDIENCE, claims="v1" if claims == "v1" else "documented")
    headers = {"authorization": f"Bearer {token}"} if name == "authorization" else {"cookie": f"{name}={token}"}

    response = await wallet.get(WALLET, **headers)

    assert (200, alice) == (response.status_code, response.json()["userId"])


async def test_whoever_does_not_prove_who_he_is_reads_nothing(wallet: Deployment, alice: str) -> None:
    """No token, a broken one, one for another audience, of another issuer, and an expired one are all a 401."""
    good = wallet.token(alice)
    tokens = {
        "broken": f"{good[:-4]}AAAA",
        "audience": wallet.key.token(alice, ISSUER, "another-service"),
        "issuer": wallet.key.token(alice, "somebody", AUDIENCE),
        "expired": wallet.key.token(alice, ISSUER, AUDIENCE, lifetime_s=-3_600),
    }

    refused = [await wallet.get(WALLET), await wallet.get(STATEMENT)]
    refused += [await wallet.get(WALLET, authorization=f"Bearer {token}") for token in tokens.values()]

    assert [(401, UNAUTHORIZED)] * 6 == [(response.status_code, response.json()) for response in refused]


async def test_a_user_reads_nothing_but_the_own_wallet(wallet: Deployment, alice: str) -> None:
    """There is no way to name another user's wallet; who has none gets a 404."""
    bob, nobody = new_id(), new_id()
    await wallet.open(bob)

    response = await wallet.get(f"{WALLET}?userId={alice}", bob)
    elsewhere = await wallet.get(f"{WALLET}/{alice}", bob)
    missing = await wallet.get(WALLET, nobody)

    assert bob == response.json()["userId"]
    assert 404 == elsewhere.status_code
    assert (404, {"error": "Wallet not found"}) == (missing.status_code, missing.json())


async def test_the_statement_tells_every_change_of_the_balance(wallet: Deployment, alice: str) -> None:
    """Newest first, one row per entry, pages that neither repeat nor skip a row."""
    bob, sent, reversed_id = new_id(), new_id(), new_id()
    await wallet.open(bob)
    await wallet.send(transfer(sent, alice, bob, 40.5), topup(reversed_id, alice, 7))
    await wallet.answers.last(reversed_id)
    await wallet.send(failed(reversed_id))
    await wallet.wait_balance(alice, "109.50")

    first = (await wallet.get(f"{STATEMENT}?limit=3", alice)).json()
    second = (await wallet.get(f"{STATEMENT}?limit=3&cursor={first['nextCursor']}", alice)).json()
    transfers = (await wallet.get(f"{STATEMENT}?type=transfer", alice)).json()["transactions"]

    rows = first["transactions"] + second["transactions"]
    assert ["reversal", "topup", "transfer", "topup"] == [row["type"] for row in rows]
    assert ["debit", "credit", "debit", "credit"] == [row["direction"] for row in rows]
    assert [109.5, 116.5, 109.5, 150] == [row["balanceAfter"] for row in rows]
    assert second["nextCursor"] is None
    assert [(sent, bob, 40.5)] == [(row["transactionId"], row["counterpartyId"], row["amount"]) for row in transfers]


async def test_a_bad_parameter_is_named(wallet: Deployment, alice: str) -> None:
    """A limit of 0 is a 400 that says what is wrong; an unknown path is a 404 in the same form."""
    bad = await wallet.get(f"{STATEMENT}?limit=0", alice)
    unknown = await wallet.get("/api/v1/wallet/nothing", alice)

    assert 400 == bad.status_code
    assert "limit" in bad.json()["error"]
    assert (404, {"error": "Not Found"}) == (unknown.status_code, unknown.json())


async def test_head_is_get_without_a_body(wallet: Deployment, alice: str) -> None:
    """``wget --spider``, which v1's container health check runs, asks with HEAD."""
    headers = {"authorization": f"Bearer {wallet.token(alice)}"}
    got = [await wallet.process.http.get(path, headers=headers) for path in (WALLET, "/health", "/api-docs")]

    heads = [await wallet.process.http.head(path, headers=headers) for path in (WALLET, "/health", "/api-docs")]

    assert [200, 200, 200] == [head.status_code for head in heads]
    assert [b"", b"", b""] == [head.content for head in heads]
    assert [get.headers["content-length"] for get in got] == [head.headers["content-length"] for head in heads]


async def test_health_needs_no_token(wallet: Deployment) -> None:
    """The gateway's, the container's and the orchestrator's questions are answered to anybody."""
    gateway, container, ready = [
        await wallet.get(path) for path in ("/api/v1/wallet/health", "/health", "/health/ready")
    ]

    assert ("healthy", "wallet-service") == (gateway.json()["status"], gateway.json()["service"])
    assert INSTANT.fullmatch(gateway.json()["timestamp"])
    assert {"status": "ok", "service": "wallet"} == container.json()
    assert {"service", "mongodb", "rabbitmq"} == ready.json()["components"].keys()


@pytest.mark.parametrize("pattern", NAMES_OF_THE_DASHBOARDS + NAMES_OF_OURS)
async def test_metrics_have_the_names_that_are_queried(wallet: Deployment, alice: str, pattern: str) -> None:
    """``/metrics`` shows HTTP and database under the names of the dashboards, and events, batches and outbox."""
    await wallet.get(WALLET, alice)

    response = await wallet.get("/metrics")

    assert response.headers["content-type"].startswith("text/plain")
    assert re.search(pattern, response.text), response.text


async def test_the_documentation_carries_its_document_inside(wallet: Deployment) -> None:
    """``/api-docs`` loads nothing from elsewhere, and holds the OpenAPI 3.1 document that ``/openapi.json`` serves."""
    page, document = await wallet.get("/api-docs"), (await wallet.get("/openapi.json")).json()

    assert page.headers["content-type"].startswith("text/html")
    assert document["openapi"].startswith("3.1")
    assert {WALLET, STATEMENT} <= document["paths"].keys()
    assert STATEMENT in page.text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)


async def test_the_log_holds_no_token(wallet: Deployment, alice: str) -> None:
    """Whatever carries a token into a request, a good one or a bad one, the log shows none of it."""
    token, bad = wallet.token(alice), wallet.key.token(alice, "somebody", AUDIENCE)
    for one in (token, bad):
        await wallet.get(f"{WALLET}?access_token={one}", authorization=f"Bearer {one}", cookie=f"mint_session={one}")
        await wallet.get(f"/{one}", cookie=f"access.token={one}", **{"x-request-id": "e2e-request"})

    assert not [part for one in (token, bad) for part in one.split(".")[1:] if part in wallet.process.log]
    assert "e2e-request" in wallet.process.log
