"""The service under test, and the wallet that it works with: in memory, and the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.embedding.transactions_service.service import TransactionsService
from tests.embedding.transactions_service.tests.in_memory_wallet import InMemoryWallet
from tests.embedding.transactions_service.tests.notices import Notices
from tests.embedding.transactions_service.tests.real_wallet import RealWallet, WalletAddress, real_wallet_at
from tests.embedding.transactions_service.tests.wallet_under_test import WalletUnderTest
from wallet_core.testing import InMemoryWalletService, WalletClock


@pytest.fixture(scope="package", params=["in_memory", "real"])
def where(request: pytest.FixtureRequest) -> str:
    """Choose where the wallet runs: all tests in memory, then all on the real one."""
    return str(request.param)


@pytest.fixture
def wallet(where: str, request: pytest.FixtureRequest) -> WalletUnderTest:
    """Give the wallet; the servers are started only where they are asked for."""
    chosen: WalletUnderTest = request.getfixturevalue(f"{where}_wallet")
    return chosen


@pytest.fixture
def in_memory_wallet(wallet_service: InMemoryWalletService, wallet_clock: WalletClock) -> Iterator[InMemoryWallet]:
    """Give the wallet in memory; whatever a test has done to it, in the end every cent is accounted for."""
    yield InMemoryWallet(wallet_service, wallet_clock)
    assert [] == wallet_service.audit()


@pytest.fixture
async def real_wallet(wallet_address: WalletAddress) -> AsyncIterator[RealWallet]:
    """Give the wallet that runs at ``wallet_address``; all tests share it, so each draws ids of its own."""
    async with real_wallet_at(wallet_address) as wallet:
        yield wallet


@pytest.fixture
def notices() -> Notices:
    """Give what users are told."""
    return Notices()


@pytest.fixture
async def transactions(wallet: WalletUnderTest, notices: Notices) -> TransactionsService:
    """Give the service under test, which listens to the wallet."""
    service = TransactionsService(wallet, notices)
    await wallet.subscribe(service.take_answer)
    return service
