"""What every store must do, whatever happens: the same as the books in memory, result by result."""

# ruff: noqa: S101 - a suite speaks in asserts

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest

from wallet_core.policy import Shortfall
from wallet_core.testing.books import BooksCopy, check_books, check_legs, read_books
from wallet_core.testing.conformance.random_operations import SUSPENDED, RandomOperations
from wallet_core.testing.conformance.store import Store, memory_store


class SameAsMemorySuite:
    """Provide the fixture ``store``: a fresh ``Store`` with empty books. Another ``seed`` is another sequence."""

    seed = 1
    operations = 1_000

    async def test_random_operations_end_as_in_memory(self, store: Store) -> None:
        """Each operation of a random sequence ends as it does in memory, and in the end so do the books."""
        drawn, memory = RandomOperations(self.seed), memory_store()
        for each in (memory, store):
            await each.suspend(SUSPENDED)

        for number, operation in enumerate(drawn.draw(self.operations)):
            expected, actual = await operation.apply(memory), await operation.apply(store)
            assert actual == expected, f"operation {number} of seed {self.seed}: {operation}"

        books = await _books(store, drawn)
        for expected, actual in _pairs(await _books(memory, drawn), books):
            assert actual == expected, f"in the end, after seed {self.seed}"
        check_books(books, may_overdraw=drawn.policy.shortfall is Shortfall.OVERDRAW)
        check_legs(books)


def _pairs(expected: BooksCopy, actual: BooksCopy) -> Iterator[tuple[object, object]]:
    """Put everything beside what it should be, so that the first difference is told and no more."""
    yield from zip_longest(expected.wallets, actual.wallets)
    yield from zip_longest(chain(*expected.entries), chain(*actual.entries))
    yield from zip_longest(expected.transactions, actual.transactions)


async def _books(store: Store, drawn: RandomOperations) -> BooksCopy:
    return await read_books(store, drawn.user_ids, drawn.transaction_ids)
