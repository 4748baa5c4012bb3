"""The audit finds every planted error, names it, and says nothing about books that are right."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.history import (
    ALICE,
    APPLIED,
    BOB,
    CAROL,
    DUE,
    HELD_MINOR,
    REFUSED,
    SENT,
    SPENT,
    TAKEN_BACK,
    TOMBSTONE,
    USD,
    VOID,
    failed,
    live,
)
from wallet_core import (
    Direction,
    Entry,
    EntryKind,
    FinalStatus,
    Policy,
    Shortfall,
    TransactionRecord,
    TransactionState,
    Vocabulary,
    Wallet,
    post_all,
)
from wallet_core.audit import BooksAudit, Check, Finding, Summary, WalletAudit
from wallet_core.leg_audit import key_of
from wallet_core.memory import ManualClock, MemoryStore
from wallet_core.memory.audit import audit_books
from wallet_core.wallet import wallet_id_of

ALICES, BOBS, CAROLS = (wallet_id_of(user_id, "USD") for user_id in (ALICE, BOB, CAROL))
TWIN = "f" * 24
NOON_2020 = datetime(2020, 1, 1, 12, tzinfo=UTC)


@dataclass
class Books:
    """Everything stored, open to a vandal."""

    wallets: dict[str, Wallet]
    entries: dict[tuple[str, int], Entry]
    records: dict[str, TransactionRecord]
    outbox: dict[str, tuple[str, ...]]

    def audit(self) -> tuple[list[Finding], Summary]:
        """Check them."""
        return audit_books(self.wallets.values(), self.entries.values(), self.records.values(), self.outbox)

    def change_wallet(self, id_: str, **fields: object) -> None:
        """Alter a wallet."""
        self.wallets[id_] = self.wallets[id_]._replace(**fields)  # type: ignore[arg-type]

    def change_entry(self, id_: str, sequence: int, **fields: object) -> None:
        """Alter an entry, and leave its seal as it was."""
        self.entries[id_, sequence] = self.entries[id_, sequence]._replace(**fields)  # type: ignore[arg-type]

    def change_record(self, id_: str, **fields: object) -> None:
        """Alter a record."""
        self.records[id_] = self.records[id_]._replace(**fields)  # type: ignore[arg-type]


async def books_after(store: MemoryStore) -> Books:
    """Take a copy of what a store holds."""
    entries = [entry for wallet in store.wallets() for entry in store.entries_of(wallet.id)]
    return Books(
        {wallet.id: wallet for wallet in store.wallets()},
        {key_of(entry): entry for entry in entries},
        {record.id: record for record in store.transactions()},
        {row.id: row.transaction_ids for row in await store.pending(100)},
    )


@pytest.fixture
async def books() -> Books:
    """Live the whole history in memory."""
    store = MemoryStore(ManualClock())
    await live(store)
    return await books_after(store)


async def test_books_that_are_right_have_no_finding(books: Books) -> None:
    """A history with every state of a transaction is clean, and the summary tells what was looked at."""
    findings, summary = books.audit()

    states = {record.state for record in books.records.values()}
    money = summary.money["USD"]
    assert set(TransactionState) - {TransactionState.UNDECIDED} == states  # that one is of legacy transactions alone
    assert [] == findings
    assert (3, len(books.entries), len(books.records)) == (summary.wallets, summary.entries, summary.transactions)
    assert (1, 0, len(books.outbox)) == (summary.reversals_due, summary.findings, summary.outbox_rows)
    assert HELD_MINOR == money.held_minor == money.posted_minor == money.came_in_minor - money.went_out_minor
    assert 700 == money.went_out_minor


async def test_books_that_are_right_have_no_suspect(books: Books) -> None:
    """Where legs and entries are the same no transaction needs a look of its own."""
    audit = BooksAudit()
    for wallet in books.wallets.values():
        fold = WalletAudit(wallet)
        for sequence in range(1, wallet.version + 1):
            assert not audit.take(fold, books.entries[wallet.id, sequence])
    before = audit.has_suspects
    for record in books.records.values():
        assert not audit.record(record)

    assert (True, False) == (before, audit.has_suspects)


async def test_an_overdraft_by_a_reversal_is_right() -> None:
    """A balance below zero is no finding when a reversal that may overdraw has made it."""
    store = MemoryStore(ManualClock())
    await live(store)
    await post_all([failed(DUE)], store, ManualClock(), Policy(USD, shortfall=Shortfall.OVERDRAW))
    books = await books_after(store)

    findings, _ = books.audit()

    assert books.wallets[CAROLS].balance_minor < 0
    assert [] == findings


VANDALISM: list[tuple[str, Callable[[Books], object], set[tuple[Check, str]]]] = [
    (
        "a wrong balance",
        lambda books: books.change_wallet(ALICES, balance_minor=1),
        {(Check.WALLET, ALICES), (Check.MONEY, "USD")},
    ),
    ("a wrong version", lambda books: books.change_wallet(ALICES, version=1), {(Check.WALLET, ALICES)}),
    ("a wrong head hash", lambda books: books.change_wallet(ALICES, head_hash=bytes(32)), {(Check.WALLET, ALICES)}),
    (
        "a wrong time of change",
        lambda books: books.change_wallet(ALICES, changed_at=books.wallets[ALICES].changed_at + timedelta(seconds=1)),
        {(Check.WALLET, ALICES)},
    ),
    (
        "a missing last entry",
        lambda books: books.entries.pop((BOBS, 3)),
        {(Check.WALLET, BOBS), (Check.TRANSACTION, DUE), (Check.MONEY, "USD")},
    ),
    (
        "a gap in a sequence",
        lambda books: books.entries.pop((ALICES, 2)),
        {
            (Check.ENTRY, f"{ALICES}/3"),
            (Check.CHAIN, f"{ALICES}/3"),
            (Check.TRANSACTION, APPLIED),
            (Check.MONEY, "USD"),
        },
    ),
    (
        "an altered description",
        lambda books: books.change_entry(ALICES, 2, description="gift"),
        {(Check.CHAIN, f"{ALICES}/2")},
    ),
    (
        "an altered amount",
        lambda books: books.change_entry(ALICES, 2, amount_minor=1),
        {
            (Check.ENTRY, f"{ALICES}/2"),
            (Check.CHAIN, f"{ALICES}/2"),
            (Check.TRANSACTION, APPLIED),
            (Check.MONEY, "USD"),
        },
    ),
    (
        "a forged entry with a seal of its own",
        lambda books: forge(books, ALICES),
        {(Check.WALLET, ALICES), (Check.ENTRY, f"{ALICES}/5"), (Check.MONEY, "USD")},
    ),
    (
        "an entry that goes back in time",
        lambda books: books.change_entry(
            ALICES, 2, recorded_at=books.entries[ALICES, 1].recorded_at - timedelta(days=1)
        ),
        {(Check.ENTRY, f"{ALICES}/2"), (Check.CHAIN, f"{ALICES}/2")},
    ),
    (
        "another currency",
        lambda books: books.change_entry(ALICES, 2, currency="EUR"),
        {
            (Check.ENTRY, f"{ALICES}/2"),
            (Check.CHAIN, f"{ALICES}/2"),
            (Check.TRANSACTION, APPLIED),
            (Check.MONEY, "USD"),
            (Check.MONEY, "EUR"),
        },
    ),
    (
        "a removed wallet",
        lambda books: books.wallets.pop(CAROLS),
        {(Check.ENTRY, f"{CAROLS}/1"), (Check.MONEY, "USD")},
    ),
    (
        "a removed record",
        lambda books: books.records.pop(SENT),
        {(Check.ENTRY, f"{ALICES}/3"), (Check.ENTRY, f"{BOBS}/2"), (Check.OUTBOX, "1")},
    ),
    (
        "an applied transaction that says it was refused",
        lambda books: books.change_record(SENT, state=TransactionState.REFUSED),
        {(Check.TRANSACTION, SENT)},
    ),
    (
        "a refused transaction that says it was applied",
        lambda books: books.change_record(REFUSED, state=TransactionState.APPLIED),
        {(Check.TRANSACTION, REFUSED)},
    ),
    (
        "a reversed transaction without its reversal",
        lambda books: books.change_record(TAKEN_BACK, reversal_legs=()),
        {(Check.TRANSACTION, TAKEN_BACK), (Check.ENTRY, f"{CAROLS}/3"), (Check.MONEY, "USD")},
    ),
    (
        "an applied transaction with a reversal",
        lambda books: books.change_record(TAKEN_BACK, state=TransactionState.APPLIED),
        {(Check.TRANSACTION, TAKEN_BACK)},
    ),
    (
        "a leg that points elsewhere",
        lambda books: books.change_record(APPLIED, legs=(books.records[APPLIED].legs[0]._replace(sequence=1),)),
        {(Check.TRANSACTION, APPLIED), (Check.ENTRY, f"{ALICES}/2")},
    ),
    (
        "a leg of another user",
        lambda books: books.change_record(
            APPLIED, recipient_id=BOB, legs=(books.records[APPLIED].legs[0]._replace(user_id=BOB),)
        ),
        {(Check.TRANSACTION, APPLIED)},
    ),
    (
        "a wallet of another user",
        lambda books: books.change_wallet(CAROLS, user_id=ALICE),
        {(Check.TRANSACTION, id_) for id_ in (f"opening:{CAROLS}", TAKEN_BACK, DUE, SPENT)},
    ),
    (
        "an entry with another counterparty",
        lambda books: books.change_entry(BOBS, 2, counterparty_id=CAROL),
        {(Check.CHAIN, f"{BOBS}/2"), (Check.TRANSACTION, SENT)},
    ),
    (
        "two transactions for one entry",
        lambda books: copy_record(books, APPLIED, TWIN),
        {(Check.TRANSACTION, TWIN), (Check.MONEY, "USD")},
    ),
    (
        "two entries that have changed places",
        lambda books: swap(books, (ALICES, 2), (BOBS, 2)),
        {
            *((check, f"{wallet_id}/2") for check in (Check.ENTRY, Check.CHAIN) for wallet_id in (ALICES, BOBS)),
            (Check.TRANSACTION, APPLIED),
            (Check.TRANSACTION, SENT),
        },
    ),
    (
        "a missing answer",
        lambda books: books.change_record(SPENT, answer=None),
        {(Check.TRANSACTION, SPENT), (Check.OUTBOX, "4")},
    ),
    (
        "an answer that says the opposite",
        lambda books: change_answer(books, SENT, status=FinalStatus.FAILED, reason="no"),
        {(Check.TRANSACTION, SENT)},
    ),
    (
        "a failed answer without a reason",
        lambda books: change_answer(books, REFUSED, reason=None),
        {(Check.TRANSACTION, REFUSED)},
    ),
    (
        "an answer in a later revision",
        lambda books: change_answer(books, SENT, revision=2),
        {(Check.TRANSACTION, SENT)},
    ),
    (
        "an answer about another transaction",
        lambda books: change_answer(books, SENT, transaction_id=VOID),
        {(Check.TRANSACTION, SENT)},
    ),
    (
        "a due reversal without a time",
        lambda books: books.change_record(DUE, due_since=None),
        {(Check.TRANSACTION, DUE)},
    ),
    (
        "a lost fingerprint",
        lambda books: books.change_record(TOMBSTONE, fingerprint=None),
        {(Check.TRANSACTION, TOMBSTONE)},
    ),
    (
        "another fingerprint",
        lambda books: books.change_record(SENT, fingerprint="0" * 64),
        {(Check.TRANSACTION, SENT)},
    ),
    (
        "another currency of a refused transaction",
        lambda books: books.change_record(REFUSED, currency="EUR"),
        {(Check.TRANSACTION, REFUSED)},
    ),
    (
        "another amount of a refused transaction",
        lambda books: books.change_record(REFUSED, amount_minor=1),
        {(Check.TRANSACTION, REFUSED)},
    ),
    (
        "an answer with another reason",
        lambda books: change_answer(books, REFUSED, reason="no"),
        {(Check.TRANSACTION, REFUSED)},
    ),
    (
        "a completed answer with a reason",
        lambda books: change_answer(books, SENT, reason="no"),
        {(Check.TRANSACTION, SENT)},
    ),
    (
        "an answer in the other vocabulary",
        lambda books: change_answer(books, SENT, vocabulary=Vocabulary.V1),
        {(Check.TRANSACTION, SENT)},
    ),
    *(
        (
            f"an answer of another time while {record_name}",
            lambda books, id_=id_: change_answer(books, id_, finalized_at=NOON_2020),
            {(Check.TRANSACTION, id_)},
        )
        for record_name, id_ in (("applied", SENT), ("refused", REFUSED), ("reversed", TAKEN_BACK), ("due", DUE))
    ),
    (
        "a dead letter of what is not due",
        lambda books: books.change_record(SENT, dead_letter_id="letter"),
        {(Check.TRANSACTION, SENT)},
    ),
    (
        "a ghost answer",
        lambda books: books.outbox.update(ghost=("f" * 24, VOID)),
        {(Check.OUTBOX, "ghost")},
    ),
    (
        "an opening that was reversed",
        lambda books: books.change_record(f"opening:{ALICES}", state=TransactionState.REVERSED),
        {(Check.TRANSACTION, f"opening:{ALICES}")},
    ),
]


def change_answer(books: Books, id_: str, **fields: object) -> None:
    """Alter the answer of a record."""
    answer = books.records[id_].answer
    assert answer is not None
    books.change_record(id_, answer=answer._replace(**fields))  # type: ignore[arg-type]


def copy_record(books: Books, id_: str, copy_id: str) -> None:
    """Record a transaction once more under another id."""
    books.records[copy_id] = books.records[id_]._replace(id=copy_id)
    change_answer(books, copy_id, transaction_id=copy_id)


def swap(books: Books, one: tuple[str, int], other: tuple[str, int]) -> None:
    """Give each of two entries the other's transaction, and leave everything else as it was."""
    ids = books.entries[one].transaction_id, books.entries[other].transaction_id
    books.change_entry(*one, transaction_id=ids[1])
    books.change_entry(*other, transaction_id=ids[0])


def forge(books: Books, wallet_id: str) -> None:
    """Append an entry that is right in itself, without telling wallet or transaction."""
    last = books.entries[wallet_id, books.wallets[wallet_id].version]
    forged = last._replace(
        sequence=last.sequence + 1,
        direction=Direction.CREDIT,
        kind=EntryKind.TOPUP,
        amount_minor=100,
        balance_after_minor=last.balance_after_minor + 100,
    )
    books.entries[key_of(forged)] = forged._replace(hash=forged.hash_after(last.hash))


@pytest.mark.parametrize(
    ("plant", "expected"), [each[1:] for each in VANDALISM], ids=[each[0].replace(" ", "_") for each in VANDALISM]
)
async def test_every_planted_error_is_found_and_named(
    books: Books, plant: Callable[[Books], object], expected: set[tuple[Check, str]]
) -> None:
    """What does not fit is told with its subject, and nothing else is."""
    plant(books)

    findings, summary = books.audit()

    assert expected == {(finding.check, finding.subject) for finding in findings}
    assert len(findings) == summary.findings
