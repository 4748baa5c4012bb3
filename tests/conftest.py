"""What every test shares: the event loop that the service runs on."""

import pytest

pytest_plugins = ("tests.fixtures.mongod", "tests.fixtures.rabbitmq")

# The suites speak in asserts too; pytest explains a failed one only in modules that it knows of before their import.
pytest.register_assert_rewrite("wallet_core.testing.conformance")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run each `async def` test on asyncio: aio-pika and motor know no other loop."""
    return "asyncio"
