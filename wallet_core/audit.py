"""The audit: does everything that is stored follow from everything else? Pure checks over streams of the books.

::

    wallet       = fold of its entries: no gap, no step that does not add up, an unbroken chain of seals
    transaction  = legal in its state
    legs         = exactly the entries that name the transaction, in the wallets of its users (``leg_sums``)
    outbox       = every waiting transaction has an answer to publish
    money        = what the wallets hold = what the entries add up to = what came in less what was taken back

Nothing is repaired. Every contradiction is a ``Finding`` that names its subject, and the checks go on after it. Sums
are Python's integers. Bounds: one wallet and one record at a time; ``BooksAudit`` keeps counts and sums alone, so what
it costs does not depend on the size of the books.

An adapter feeds its books to ``BooksAudit``, in pieces of its own choice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from wallet_core.ledger import GENESIS_HASH, Direction, Entry, EntryKind, TransactionKind, TransactionRecord
from wallet_core.leg_audit import EntryKey, entry_facts, leg_contradictions, leg_facts, leg_keys
from wallet_core.leg_sums import LegSums
from wallet_core.record_audit import record_contradictions
from wallet_core.wallet import Wallet


class Check(StrEnum):
    """What was checked when something did not fit; ``unreadable`` is what could not even be read."""

    WALLET = "wallet"
    ENTRY = "entry"
    CHAIN = "chain"
    TRANSACTION = "transaction"
    OUTBOX = "outbox"
    MONEY = "money"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One contradiction; ``text`` says what does not fit.

    ``subject`` is the id of a wallet, transaction or row of the outbox, or an entry's ``wallet/sequence``.
    """

    check: Check
    subject: str
    text: str


@dataclass(slots=True)
class MoneyFlow:
    """
    The money of one currency from three sides: what wallets hold, what their entries add up to, what came and went.

    All in minor units. ``held_minor`` equals ``posted_minor``, and ``came_in_minor`` less ``went_out_minor``, or an
    audit says so.
    """

    held_minor: int = 0
    posted_minor: int = 0
    came_in_minor: int = 0
    went_out_minor: int = 0


@dataclass(slots=True)
class Summary:
    """
    What an audit has looked at so far: how many ``wallets``, ``entries``, ``transactions`` and ``outbox_rows``.

    ``findings`` counts what does not fit, ``reversals_due`` what is not finished. ``money`` is by currency code.
    ``waiting`` are v1's wallets that could not be adopted, hence not audited. ``instants`` is how many moments of the
    books were read: one, unless the books are so large that the database could not keep one for long enough.
    """

    wallets: int = 0
    entries: int = 0
    transactions: int = 0
    outbox_rows: int = 0
    waiting: int = 0
    reversals_due: int = 0
    findings: int = 0
    instants: int = 1
    money: dict[str, MoneyFlow] = field(default_factory=lambda: defaultdict(MoneyFlow))


class WalletAudit:
    """Folds the entries of one wallet, in order, and compares the result with the wallet."""

    def __init__(self, wallet: Wallet) -> None:
        """Begin before the first entry. ``wallet`` may be read again later: it is compared in the end."""
        self.wallet = wallet
        self.sequence: int = 0
        self._balance_minor = 0
        self._hash = GENESIS_HASH
        self._recorded_at = wallet.opened_at
        self._has_time = False

    def take(self, entry: Entry) -> Collection[Finding]:
        """Check the next entry; after a contradiction go on from what it says, so that one error is told once."""
        found = [Finding(Check.ENTRY, subject_of(entry), text) for text in self._contradictions(entry)]
        if entry.hash != entry.hash_after(self._hash):
            text = "its seal does not follow from it and the entry before it"
            found.append(Finding(Check.CHAIN, subject_of(entry), text))
        self.sequence, self._balance_minor = entry.sequence, entry.balance_after_minor
        self._hash, self._recorded_at, self._has_time = entry.hash, entry.recorded_at, True
        return found

    def end(self) -> Collection[Finding]:
        """Compare the wallet with the fold of its entries."""
        wallet = self.wallet
        sides = (
            ("version", wallet.version, self.sequence),
            ("balance in minor units", wallet.balance_minor, self._balance_minor),
            ("head hash", wallet.head_hash.hex(), self._hash.hex()),
            ("time of change", wallet.changed_at, self._recorded_at if self._has_time else wallet.changed_at),
        )
        return [
            Finding(Check.WALLET, wallet.id, f"its {name} is {stored}, its entries make it {folded}")
            for name, stored, folded in sides
            if stored != folded
        ]

    def _contradictions(self, entry: Entry) -> Iterator[str]:
        expected = self.sequence + 1
        if entry.sequence > expected:
            yield f"entries {expected} to {entry.sequence - 1} before it are missing"
        balance_minor = self._balance_minor + entry.signed_minor
        if entry.sequence == expected and entry.balance_after_minor != balance_minor:
            yield f"its balance after is {entry.balance_after_minor}, the entries before it make it {balance_minor}"
        if entry.amount_minor < 1:
            yield f"its amount is {entry.amount_minor} minor units"
        if entry.currency != self.wallet.currency:
            yield f"its currency is {entry.currency}, the wallet's {self.wallet.currency}"
        if self._has_time and entry.recorded_at < self._recorded_at:
            yield f"it was recorded at {entry.recorded_at}, before the entry before it"
        is_debit = entry.direction is Direction.DEBIT
        if is_debit and entry.balance_after_minor < 0 and entry.kind is not EntryKind.REVERSAL:
            yield f"it takes the balance to {entry.balance_after_minor} and is no reversal"


class BooksAudit:
    """
    Checks the books piece by piece, and adds up what it sees.

    Feed every wallet with its entries in order, every record and every outbox row. If ``has_suspects`` is True then,
    legs and entries are not the same: feed each suspect record with its entries (``legs``) and each entry of a suspect
    transaction with its record (``claim``), to learn which. Then ``end``.
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.summary: Summary = Summary()
        self._sums = LegSums()
        self._orphaned_wallet_id = ""

    def take(self, fold: WalletAudit, entry: Entry) -> Collection[Finding]:
        """Check the next entry of a wallet."""
        self._count(entry, fold.wallet.user_id)
        return self._counted(fold.take(entry))

    def end_wallet(self, fold: WalletAudit) -> Collection[Finding]:
        """Compare a wallet with its entries."""
        self.summary.wallets += 1
        self.summary.money[fold.wallet.currency].held_minor += fold.wallet.balance_minor
        return self._counted(fold.end())

    def orphan(self, entry: Entry) -> Collection[Finding]:
        """Tell of an entry whose wallet does not exist; of several in a row of one wallet, the first."""
        self._count(entry, None)
        if entry.wallet_id == self._orphaned_wallet_id:
            return ()
        self._orphaned_wallet_id = entry.wallet_id
        return self._counted([Finding(Check.ENTRY, subject_of(entry), "its wallet does not exist, or cannot be read")])

    def record(self, record: TransactionRecord) -> Collection[Finding]:
        """Check a transaction against its own state."""
        self.summary.transactions += 1
        self.summary.reversals_due += record.due_since is not None
        self._add_flow(record)
        for facts in leg_facts(record):
            self._sums.recorded(facts)
        return self._counted([Finding(Check.TRANSACTION, record.id, text) for text in record_contradictions(record)])

    @property
    def has_suspects(self) -> bool:
        """Whether some entry is no leg of its transaction, or some leg has no such entry."""
        return self._sums.has_suspects

    def is_suspect(self, transaction_id: str) -> bool:
        """Tell whether this transaction may be one of those."""
        return self._sums.is_suspect(transaction_id)

    def legs(
        self, record: TransactionRecord, entries: Mapping[EntryKey, Entry], owners: Mapping[str, str]
    ) -> Collection[Finding]:
        """Compare the legs of a suspect transaction with their entries; ``owners`` gives the user by wallet id."""
        texts = leg_contradictions(record, entries, owners)
        return self._counted([Finding(Check.TRANSACTION, record.id, text) for text in texts])

    def claim(self, key: EntryKey, transaction_id: str, record: TransactionRecord | None) -> Collection[Finding]:
        """Check that the entry ``key`` is a leg of the transaction that it names, whose ``record`` is given."""
        if record is None:
            text = f"its transaction {transaction_id} does not exist, or cannot be read"
        elif key in leg_keys(record):
            return ()
        else:
            text = f"its transaction {record.id} is {record.state} and does not have it among its legs"
        return self._counted([Finding(Check.ENTRY, f"{key[0]}/{key[1]}", text)])

    def row(self, row_id: str, transaction_ids: Collection[str], answered: Collection[str]) -> Collection[Finding]:
        """Check that every transaction of an outbox row is among those that have an answer to publish."""
        self.summary.outbox_rows += 1
        return self._counted(
            [
                Finding(Check.OUTBOX, row_id, f"transaction {id_} has no answer that could be published")
                for id_ in transaction_ids
                if id_ not in answered
            ]
        )

    def unreadable(self, subject: str, text: str) -> Collection[Finding]:
        """Tell of something stored that cannot even be read."""
        return self._counted([Finding(Check.UNREADABLE, subject, text)])

    def end(self) -> Collection[Finding]:
        """
        Compare what the wallets hold with what was posted, and that with what came in and went out.

        The latter only if all was read at one instant: otherwise the transactions were read later than the entries,
        and there may be more of them. That each of them fits its entries has been checked one by one.
        """
        found = []
        for currency, money in self.summary.money.items():
            net_minor = money.came_in_minor - money.went_out_minor
            if money.held_minor != money.posted_minor:
                text = f"the wallets hold {money.held_minor} minor units, their entries add up to {money.posted_minor}"
                found.append(Finding(Check.MONEY, currency, text))
            if money.posted_minor != net_minor and self.summary.instants == 1:
                text = f"the entries add up to {money.posted_minor} minor units, the transactions to {net_minor}"
                found.append(Finding(Check.MONEY, currency, text))
        return self._counted(found)

    def _add_flow(self, record: TransactionRecord) -> None:
        """Add what a transaction brought in or took back; a transfer does neither."""
        if record.kind is TransactionKind.TRANSFER:
            return
        money = self.summary.money[record.currency]
        money.came_in_minor += sum(leg.amount_minor for leg in record.legs)
        money.went_out_minor += sum(leg.amount_minor for leg in record.reversal_legs)

    def _count(self, entry: Entry, owner_id: str | None) -> None:
        """Add up an entry of the wallet of ``owner_id``."""
        self.summary.entries += 1
        self.summary.money[entry.currency].posted_minor += entry.signed_minor
        self._sums.posted(entry_facts(entry, owner_id))

    def _counted(self, findings: Collection[Finding]) -> Collection[Finding]:
        self.summary.findings += len(findings)
        return findings


def subject_of(entry: Entry) -> str:
    """Name an entry for a person."""
    return f"{entry.wallet_id}/{entry.sequence}"
