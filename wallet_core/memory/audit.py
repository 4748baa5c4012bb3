"""The audit of books that fit in memory: everything is there at once, so each piece is looked up where it is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from wallet_core.audit import BooksAudit, Finding, Summary, WalletAudit
from wallet_core.ledger import Entry, TransactionRecord
from wallet_core.leg_audit import EntryKey, key_of
from wallet_core.wallet import Wallet


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
    by_wallet_id = {wallet.id: wallet for wallet in wallets}
    findings = list(_wallet_findings(audit, by_wallet_id, by_key))
    for record in by_id.values():
        findings += audit.record(record)
    answered = {record.id for record in by_id.values() if record.answer is not None}
    for row_id, transaction_ids in outbox.items():
        findings += audit.row(row_id, transaction_ids, answered)
    if audit.has_suspects:
        findings += _leg_findings(audit, by_wallet_id, by_key, by_id)
    findings += audit.end()
    return findings, audit.summary


def _wallet_findings(
    audit: BooksAudit, wallets: Mapping[str, Wallet], entries: Mapping[EntryKey, Entry]
) -> Iterator[Finding]:
    of_wallet: dict[str, list[Entry]] = defaultdict(list)
    for key in sorted(entries):
        of_wallet[key[0]].append(entries[key])
    for wallet in wallets.values():
        fold = WalletAudit(wallet)
        for entry in of_wallet.pop(wallet.id, ()):
            yield from audit.take(fold, entry)
        yield from audit.end_wallet(fold)
    for orphans in of_wallet.values():
        for entry in orphans:
            yield from audit.orphan(entry)


def _leg_findings(
    audit: BooksAudit,
    wallets: Mapping[str, Wallet],
    entries: Mapping[EntryKey, Entry],
    records: Mapping[str, TransactionRecord],
) -> Iterator[Finding]:
    owners = {wallet.id: wallet.user_id for wallet in wallets.values()}
    for record in records.values():
        if audit.is_suspect(record.id):
            yield from audit.legs(record, entries, owners)
    for key, entry in entries.items():
        if audit.is_suspect(entry.transaction_id):
            yield from audit.claim(key, entry.transaction_id, records.get(entry.transaction_id))
