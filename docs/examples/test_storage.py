"""Everything that there is for a storage adapter; put yours where ``open_books`` opens books in memory."""

import pytest
from hypothesis import settings

from wallet_core.testing.conformance import (
    PendingAnswersSuite,
    RacesSuite,
    ReaderSuite,
    SameAsMemorySuite,
    Store,
    UnitOfWorkSuite,
    memory_store,
)
from wallet_core.testing.wallet_machine import WalletMachine


def open_books() -> Store:
    """Open empty books that nobody else uses."""
    return memory_store()


class TestStorage(UnitOfWorkSuite, RacesSuite, ReaderSuite, PendingAnswersSuite, SameAsMemorySuite):
    """All three ports of storage, each test on books of its own."""

    @pytest.fixture
    def store(self) -> Store:
        """Give empty books."""
        return open_books()


class StorageMachine(WalletMachine):
    """Any events in any order, shrunk to the fewest when something does not fit."""

    async def open_store(self) -> Store:
        """Give each run empty books."""
        return open_books()


TestStorageMachine = StorageMachine.TestCase
TestStorageMachine.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
