"""Two wallets with 100.00 each on a real MongoDB, one transfer of 1.00 between them, and what came of it."""

from collections import Counter
from collections.abc import Iterable

from adapters.mongo.client import Database
from adapters.mongo.pending_answers import MongoPendingAnswers
from adapters.mongo.reader import MongoReader
from adapters.mongo.steps import StoreStep
from adapters.mongo.unit_of_work import MongoUnitOfWork
from tests import history
from wallet_core import (
    Currency,
    EntryKind,
    Linked,
    OpenWallet,
    OutcomeKind,
    Policy,
    post_all,
)
from wallet_core.memory import ManualClock
from wallet_core.ports import StatementQuery
from wallet_core.testing.conformance.store import ALICE, BOB, page_of, transaction_id

USD = Currency("USD", 2)

ONE_EFFECT = (9_900, 10_100, 2, 1)
NO_EFFECT = (10_000, 10_000, 0, 0)


class CountingObserver:
    """A StoreObserver that counts."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.counts: Counter[str] = Counter()
        self.statements: Counter[str] = Counter()

    def statement_ended(self, operation: str, collection: str, duration_s: float) -> None:
        """Count a statement; every one takes some time."""
        assert duration_s > 0
        self.statements[f"{operation} {collection}"] += 1

    def race_lost(self) -> None:
        """Count."""
        self.counts["race_lost"] += 1

    def connection_lost(self) -> None:
        """Count."""
        self.counts["connection_lost"] += 1

    def commit_repeated(self) -> None:
        """Count."""
        self.counts["commit_repeated"] += 1

    def reached(self, step: StoreStep, ids: Iterable[str | None] = (), about: str = "") -> None:
        """Take no notice."""

    def clear(self) -> None:
        """Start again at nothing."""
        self.counts.clear()
        self.statements.clear()


def transfer(number: int, amount_minor: int = 100) -> Linked:
    """Let Alice send Bob a sum, under the transaction id of ``number``."""
    return history.transfer(transaction_id(number), ALICE, BOB, amount_minor)


class Bank:
    """Alice and Bob, their money, and one transfer that may be sent again and again."""

    def __init__(self, database: Database, observer: CountingObserver) -> None:
        """Take a prepared, empty database that reports to ``observer``."""
        self.database = database
        self.observer = observer
        self.unit_of_work = MongoUnitOfWork(database)
        self.reader = MongoReader(database)

    async def open(self) -> None:
        """Open both wallets and forget what was counted."""
        policy = Policy(USD, opening_balance_minor=10_000)
        await post_all([OpenWallet(ALICE), OpenWallet(BOB)], self.unit_of_work, ManualClock(), policy)
        self.observer.clear()

    async def transfer(self, number: int = 7, amount_minor: int = 100) -> OutcomeKind:
        """Let Alice send Bob 1.00, always under the same transaction id; or another sum, under that of ``number``."""
        (outcome,) = await post_all([transfer(number, amount_minor)], self.unit_of_work, ManualClock(), Policy(USD))
        return outcome.kind

    async def effects(self) -> tuple[int, int, int, int]:
        """Give Alice's balance, Bob's, the number of entries of the transfer, and that of answers to publish."""
        balances, entries = [], 0
        for user_id in (ALICE, BOB):
            wallet = await self.reader.wallet_of(user_id)
            assert wallet is not None
            balances.append(wallet.balance_minor)
            entries += len(await page_of(self.reader, StatementQuery(user_id, 10, kind=EntryKind.TRANSFER)) or ())
        rows = await MongoPendingAnswers(self.database).pending(10)
        return balances[0], balances[1], entries, sum(len(row.transaction_ids) for row in rows)
