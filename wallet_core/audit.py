"""The audit: does everything that is stored follow from everything else? Pure checks over streams of the books.

::

    wallet       = fold of its entries: no gap, no step that does not add up, an unbroken chain of seals
    transaction  = legal in its state, and its legs are exactly the entries that name it
    outbox       = every waiting transaction has an answer to publish
    money        = what the wallets hold = what the entries add up to = what came in less what was taken back

Nothing is repaired. Every contradiction is a ``Finding`` that names its subject, and the checks go on after it. Sums
are Python's integers. Bounds: one wallet and one record at a time; ``BooksAudit`` keeps counts and sums alone.

``audit_books`` does it all for books that fit in memory; an adapter feeds larger ones to ``BooksAudit`` in chunks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from wallet_core.ledger import GENESIS_HASH, Direction, Entry, EntryKind, TransactionKind, TransactionRecord
from wallet_core.record_audit import EntryKey, key_of, record_contradictions
from wallet_core.wallet import Wallet


class Check(StrEnum):
    """What was checked when something did not fit."""

    WALLET = "wallet"
    ENTRY = "entry"
    CHAIN = "chain"
    TRANSACTION = "transaction"
    OUTBOX = "outbox"
    MONEY = "money"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction. ``subject`` is the id of a wallet, transaction or row, or an entry's ``wallet/sequence``."""

    check: Check
    subject: str
    text: str


@dataclass(slots=True)
class MoneyFlow:
    """The money of one currency, in minor units, from three sides."""

    held_minor: int = 0
    posted_minor: int = 0
    came_in_minor: int = 0
    went_out_minor: int = 0


@dataclass(slots=True)
class Summary:
    """What an audit has looked at so far. ``waiting`` are v1's wallets that could not be adopted, hence not audited."""

    wallets: int = 0
    entries: int = 0
    transactions: int = 0
    outbox_rows: int = 0
    waiting: int = 0
    reversals_due: int = 0
    findings: int = 0
    money: dict[str, MoneyFlow] = field(default_factory=lambda: defaultdict(MoneyFlow))


class WalletAudit:
    """Folds the entries of one wallet, in order, and compares the result with the wallet."""

    def __init__(self, wallet: Wallet) -> None:
        """Begin before the first entry."""
        self.wallet = wallet
        self._sequence = 0
        self._balance_minor = 0
        self._hash = GENESIS_HASH
        self._recorded_at = wallet.opened_at
        self._has_time = False

    def take(self, entry: Entry) -> Collection[Finding]:
        """Check the next entry; after a contradiction go on from what it says, so that one error is told once."""
        subject = f"{entry.wallet_id}/{entry.sequence}"
        found = [Finding(Check.ENTRY, subject, text) for text in self._contradictions(entry)]
        if entry.hash != entry.hash_after(self._hash):
            found.append(Finding(Check.CHAIN, subject, "its seal does not follow from it and the entry before it"))
        self._sequence, self._balance_minor = entry.sequence, entry.balance_after_minor
        self._hash, self._recorded_at, self._has_time = entry.hash, entry.recorded_at, True
        return found

    def end(self) -> Collection[Finding]:
        """Compare the wallet with the fold of its entries."""
        wallet = self.wallet
        sides = (
            ("version", wallet.version, self._sequence),
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
        expected = self._sequence + 1
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
    Checks the books piece by piece, in any order of the pieces, and adds up what it sees.

    Feed every wallet with its entries (``wallet``), every record with the entries of its legs (``record``) and every
    outbox row (``row``); then ``end``. If ``has_unclaimed`` is True afterwards, some entries belong to no leg of any
    transaction: feed all entries with their records to ``claim`` to learn which.
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.summary = Summary()
        self._claimed = 0
        self._orphaned_wallet_id = ""

    def begin_wallet(self, wallet: Wallet) -> WalletAudit:
        """Count a wallet; give the fold for its entries."""
        self.summary.wallets += 1
        self.summary.money[wallet.currency].held_minor += wallet.balance_minor
        return WalletAudit(wallet)

    def take(self, fold: WalletAudit, entry: Entry) -> Collection[Finding]:
        """Check the next entry of a wallet."""
        self.summary.entries += 1
        self.summary.money[entry.currency].posted_minor += entry.signed_minor
        return self._counted(fold.take(entry))

    def end_wallet(self, fold: WalletAudit) -> Collection[Finding]:
        """Compare a wallet with its entries."""
        return self._counted(fold.end())

    def orphan(self, entry: Entry) -> Collection[Finding]:
        """Tell of an entry whose wallet does not exist; of several in a row of one wallet, the first."""
        self.summary.entries += 1
        self.summary.money[entry.currency].posted_minor += entry.signed_minor
        if entry.wallet_id == self._orphaned_wallet_id:
            return ()
        self._orphaned_wallet_id = entry.wallet_id
        subject = f"{entry.wallet_id}/{entry.sequence}"
        return self._counted([Finding(Check.ENTRY, subject, "its wallet does not exist")])

    def record(self, record: TransactionRecord, entries: Mapping[EntryKey, Entry]) -> Collection[Finding]:
        """Check a transaction against its own state and the entries of its legs, by wallet and sequence."""
        self.summary.transactions += 1
        self.summary.reversals_due += record.due_since is not None
        self._add_flow(record)
        keys = {(leg.wallet_id, leg.sequence) for leg in (*record.legs, *record.reversal_legs)}
        self._claimed += sum(key in entries and entries[key].transaction_id == record.id for key in keys)
        texts = record_contradictions(record, entries)
        return self._counted([Finding(Check.TRANSACTION, record.id, text) for text in texts])

    def row(
        self, row_id: str, transaction_ids: Collection[str], records: Mapping[str, TransactionRecord]
    ) -> Collection[Finding]:
        """Check that every transaction of an outbox row has an answer to publish."""
        self.summary.outbox_rows += 1
        ghosts = [id_ for id_ in transaction_ids if id_ not in records or records[id_].answer is None]
        return self._counted(
            [Finding(Check.OUTBOX, row_id, f"transaction {id_} has no answer to publish") for id_ in ghosts]
        )

    def unreadable(self, subject: str, text: str) -> Collection[Finding]:
        """Tell of something stored that cannot even be read."""
        return self._counted([Finding(Check.UNREADABLE, subject, text)])

    @property
    def has_unclaimed(self) -> bool:
        """Whether there are entries that no transaction has among its legs."""
        return self._claimed != self.summary.entries

    def claim(self, entry: Entry, record: TransactionRecord | None) -> Collection[Finding]:
        """Check that an entry is a leg of the transaction that it names."""
        subject = f"{entry.wallet_id}/{entry.sequence}"
        if record is None:
            text = f"its transaction {entry.transaction_id} does not exist"
        elif key_of(entry) in {(leg.wallet_id, leg.sequence) for leg in (*record.legs, *record.reversal_legs)}:
            return ()
        else:
            text = f"its transaction {record.id} is {record.state} and does not have it among its legs"
        return self._counted([Finding(Check.ENTRY, subject, text)])

    def end(self) -> Collection[Finding]:
        """Compare what the wallets hold with what was posted, and that with what came in and went out."""
        found = []
        for currency, money in self.summary.money.items():
            net_minor = money.came_in_minor - money.went_out_minor
            if money.held_minor != money.posted_minor:
                text = f"the wallets hold {money.held_minor} minor units, their entries add up to {money.posted_minor}"
                found.append(Finding(Check.MONEY, currency, text))
            if money.posted_minor != net_minor:
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

    def _counted(self, findings: Collection[Finding]) -> Collection[Finding]:
        self.summary.findings += len(findings)
        return findings


def audit_books(
    wallets: Iterable[Wallet],
    entries: Iterable[Entry],
    records: Iterable[TransactionRecord],
    outbox: Mapping[str, Collection[str]],
) -> tuple[list[Finding], Summary]:
    """Check books that fit in memory; ``outbox`` gives the transaction ids of each row by its id."""
    audit = BooksAudit()
    by_key = {key_of(entry): entry for entry in entries}
    by_id = {record.id: record for record in records}
    findings: list[Finding] = []
    of_wallet: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(by_key.values(), key=key_of):
        of_wallet[entry.wallet_id].append(entry)
    for wallet in wallets:
        fold = audit.begin_wallet(wallet)
        for entry in of_wallet.pop(wallet.id, ()):
            findings += audit.take(fold, entry)
        findings += audit.end_wallet(fold)
    for orphans in of_wallet.values():
        findings += [finding for entry in orphans for finding in audit.orphan(entry)]
    for record in by_id.values():
        findings += audit.record(record, by_key)
    for row_id, transaction_ids in outbox.items():
        findings += audit.row(row_id, transaction_ids, by_id)
    if audit.has_unclaimed:
        for entry in by_key.values():
            findings += audit.claim(entry, by_id.get(entry.transaction_id))
    findings += audit.end()
    return findings, audit.summary
