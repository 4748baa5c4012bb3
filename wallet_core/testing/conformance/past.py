"""What whoever explains a decision must be given of the past: records, entries by their number, wallets as they are."""

# ruff: noqa: S101 - a suite speaks in asserts

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from wallet_core.batch import post_all
from wallet_core.commands import Linked, SetAside
from wallet_core.ledger import SeenWallet, TransactionState
from wallet_core.memory import ManualClock
from wallet_core.messages import request_of
from wallet_core.past import Past
from wallet_core.policy import Policy
from wallet_core.ports import Books
from wallet_core.records import fresh_record
from wallet_core.testing.conformance.store import Store
from wallet_core.testing.events import ALICE, BOB, CAROL, DAVE, USD, Event, failed, signup, topup, transaction_id
from wallet_core.wallet import SuspendedWallet, Wallet, wallet_id_of

DOLLARS = Policy(USD)
FIRST = transaction_id(0)
ALICES, BOBS = wallet_id_of(ALICE, "USD"), wallet_id_of(BOB, "USD")


@dataclass(frozen=True, slots=True)
class RememberedBooks:
    """Empty books, and their past."""

    store: Store
    past: Past
    clock: ManualClock = field(default_factory=ManualClock)

    async def write(self) -> None:
        """Give Alice 3 entries, a second apart, and Bob none; Dave's wallet waits for a person."""
        await self.post(signup(ALICE))
        await self.post(signup(BOB))
        for number in range(3):
            await self.post(topup(transaction_id(number), ALICE, 1))
        await self.store.suspend(DAVE)

    async def post(self, event: Event) -> None:
        """Post one event, a second after the one before."""
        request = request_of(event.subject, event.message, USD)
        assert not isinstance(request, SetAside)
        self.clock.advance(timedelta(seconds=1))
        await post_all([request], self.store.unit_of_work, self.clock, DOLLARS)


class PastSuite:
    """Provide the fixture ``books``: ``RememberedBooks`` that are empty."""

    async def test_a_record_is_found_by_its_id(self, books: RememberedBooks) -> None:
        """It is given as it is now; nobody knows another one."""
        await books.write()
        await books.post(failed(FIRST))

        record, other = await books.past.transaction(FIRST), await books.past.transaction(transaction_id(99))

        assert record is not None
        assert (record.id, record.state, other) == (FIRST, TransactionState.REVERSED, None)

    async def test_what_a_refusal_has_seen_comes_back(self, books: RememberedBooks) -> None:
        """It says which version of a wallet that was, or that there was none."""
        event = topup(transaction_id(20), ALICE, 1)
        request = request_of(event.subject, event.message, USD)
        assert isinstance(request, Linked)
        seen = (SeenWallet(ALICE, 0), SeenWallet(CAROL, None))
        record = fresh_record(request, request.vocabulary, DOLLARS, books.clock.now())._replace(seen=seen)

        async def work(inside: Books) -> None:
            await inside.journal.record_many([record])

        await books.store.unit_of_work.run(work)

        assert await books.past.transaction(record.id) == record

    async def test_wallets_are_as_they_are_now(self, books: RememberedBooks) -> None:
        """Usable ones are given, and suspended ones; a stranger has none."""
        await books.write()

        wallets = await books.past.wallets([ALICE, BOB, CAROL, DAVE])

        assert set(wallets) == {ALICE, BOB, DAVE}
        assert isinstance(alices := wallets[ALICE], Wallet)
        assert (alices.balance_minor, alices.version) == (300, 3)
        assert isinstance(wallets[DAVE], SuspendedWallet)

    async def test_entries_are_found_by_wallet_and_sequence(self, books: RememberedBooks) -> None:
        """Those that exist are given, whatever their number; others are absent."""
        await books.write()

        entries = await books.past.entries([(ALICES, 1), (ALICES, 3), (ALICES, 4), (ALICES, 0), (BOBS, 1)])

        balances = {key: entry.balance_after_minor for key, entry in entries.items()}
        assert balances == {(ALICES, 1): 100, (ALICES, 3): 300}

    async def test_the_sequence_at_an_instant_is_that_of_the_last_entry(self, books: RememberedBooks) -> None:
        """An entry of that very instant counts; before the first there is none."""
        await books.write()
        instants = [
            books.clock.now() + timedelta(milliseconds=moved)
            for moved in (5_000, 0, -1, -1_000, -2_000, -2_001, -60_000)
        ]

        assert [await books.past.sequence_at(ALICES, instant) for instant in instants] == [3, 3, 2, 2, 1, 0, 0]
        assert await books.past.sequence_at(BOBS, instants[0]) == 0
