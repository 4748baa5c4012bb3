"""What every test shares: fixtures, and the event loop that the service runs on."""

import pytest

# Ours comes from the tree; an installed `wallet-core` brings it by its entry point. First, since it also asks for the
# asserts of the suites to be explained, which must happen before anything imports them.
pytest_plugins = (
    "wallet_core.testing.plugin",
    "tests.fixtures.driver",
    "tests.fixtures.mongod",
    "tests.fixtures.rabbitmq",
)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run each `async def` test on asyncio: aio-pika and motor know no other loop."""
    return "asyncio"
