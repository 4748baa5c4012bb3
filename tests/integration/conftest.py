"""What the tests of tokens and keys share: an endpoint that publishes keys, and an authenticator that trusts it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.integration.jwks_endpoint import KEY, JwksEndpoint, Service, published, service_on


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
