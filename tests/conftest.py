"""What every test shares: fixtures, and the event loop that the service runs on."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@settings(max_examples=1, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text())
def _know_all_characters(_: str) -> None:
    """Draw a text."""


@pytest.fixture(scope="session", autouse=True)
def known_characters() -> None:
    """Let hypothesis make its table of Unicode, once for a clone: a busy core takes 3 s, too slow for a first draw."""
    _know_all_characters()
