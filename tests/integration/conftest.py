"""What several tests share: an endpoint that publishes keys and an authenticator that trusts it; a bank on MongoDB."""

from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.mongo.client import connect
from adapters.mongo.driver import Driver
from adapters.mongo.indexes import prepare
from tests.integration.jwks_endpoint import KEY, JwksEndpoint, Service, published, service_on
from tests.integration.mongo_bank import Bank, CountingObserver


@pytest.fixture
def endpoint() -> Iterator[JwksEndpoint]:
    """Run an endpoint that publishes one key."""
    with JwksEndpoint(published(KEY)) as running:
        yield running


@pytest.fixture
async def service(endpoint: JwksEndpoint) -> AsyncIterator[Service]:
    """Run an authenticator on that endpoint."""
    async with service_on(endpoint) as running:
        yield running


@pytest.fixture
async def bank(database_url: str, driver: Driver) -> AsyncIterator[Bank]:
    """Open the bank on a database of its own."""
    observer = CountingObserver()
    database = connect(database_url, observer, driver)
    await prepare(database)
    bank = Bank(database, observer)
    await bank.open()
    yield bank
    await database.close()
