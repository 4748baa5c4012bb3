"""
The fixtures that ``wallet-core`` brings to every project in which it is installed.

``nox -s wheel`` runs this file a second time, away from the tree: there nothing but the wheel's entry point can provide
the fixtures. So it uses nothing else of this project, and no plugin for ``async`` tests.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from wallet_core import Currency, FinalStatus, Money, Policy
from wallet_core.testing import InMemoryWalletService, WalletClock

EUR = Currency("EUR", 2)


class TestFixtures:
    """Without a line of configuration."""

    def test_the_books_are_empty(self, wallet_service: InMemoryWalletService) -> None:
        """Each test has a wallet service of its own."""
        asyncio.run(wallet_service.signup("ada"))

        assert Money(0, Currency("USD", 2)) == wallet_service.balance("ada")
        assert [] == wallet_service.finalizations

    def test_the_clock_is_that_of_the_service(
        self, wallet_service: InMemoryWalletService, wallet_clock: WalletClock
    ) -> None:
        """What waits is handled when the test moves the clock."""
        asyncio.run(wallet_service.complete_topup("t1", "ada", 100))

        wallet_clock.advance(timedelta(minutes=1))

        assert wallet_service.clock is wallet_clock
        assert [FinalStatus.FAILED] == [answer.status for answer in wallet_service.finalizations]


class TestAnotherPolicy:
    """A project decides by a fixture of its own."""

    @pytest.fixture
    def wallet_policy(self) -> Policy:
        """Keep euros, and give everybody five."""
        return Policy(EUR, opening_balance_minor=500)

    def test_the_service_keeps_to_it(self, wallet_service: InMemoryWalletService) -> None:
        """A new wallet holds what the policy says."""
        asyncio.run(wallet_service.signup("ada"))

        assert Money(500, EUR) == wallet_service.balance("ada")
