"""The pytest plugin of ``wallet-core``: installed with it, its fixtures are there without an import.

::

    async def test_a_top_up_is_answered(wallet_service):
        await wallet_service.signup("ada")

        answer = await wallet_service.complete_topup("t1", "ada", 1_000)

        assert answer.status == "completed"

Another currency, an opening balance: define a fixture ``wallet_policy`` of your own. Whatever runs ``async`` tests
(anyio, pytest-asyncio, ``asyncio.run``) fits: the fixtures need no event loop.
"""

from __future__ import annotations

import sys

import pytest

from wallet_core.policy import Policy
from wallet_core.testing.clock import WalletClock
from wallet_core.testing.service import DOLLARS, InMemoryWalletService

SUITES = "wallet_core.testing.conformance"
"""They speak in asserts; pytest explains a failed one only in modules that it knows of before their import."""

if SUITES not in sys.modules:  # as somebody's doctests or another plugin may have it: then it is too late, and no harm
    pytest.register_assert_rewrite(SUITES)


@pytest.fixture
def wallet_policy() -> Policy:
    """Give what ``wallet_service`` decides: dollars, no opening balance. Define your own to decide otherwise."""
    return DOLLARS


@pytest.fixture
def wallet_clock() -> WalletClock:
    """Give the clock of ``wallet_service``: it stands still until the test moves it."""
    return WalletClock()


@pytest.fixture
def wallet_service(wallet_policy: Policy, wallet_clock: WalletClock) -> InMemoryWalletService:
    """Give a wallet service in memory with empty books."""
    return InMemoryWalletService(wallet_policy, clock=wallet_clock)
