"""The steps of this adapter, in the order of an event's walk: between any two of them a process may die.

A closed list. An observer hears of each step when it is done, and so a test can end the process at every one of them;
nothing here decides anything. ``STATEMENTS`` names the step that follows each statement of a transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Self


class StoreStep(StrEnum):
    """A step, and what is done when it is reached."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        """Be the name; keep the meaning."""
        step = str.__new__(cls, name)
        step._value_ = name
        step.meaning = meaning
        return step

    COLLECTION_MADE = "collection_made", "one collection is made"
    INDEX_MADE = "index_made", "one index is made"
    TRANSACTION_BEGUN = "transaction_begun", "a database transaction has begun; nothing is sent in it"
    TRANSACTIONS_READ = "transactions_read", "the records of a batch are read"
    WALLETS_READ = "wallets_read", "the wallets of a batch are read"
    WALLETS_CHANGED = "wallets_changed", "changed wallets are written, not committed"
    WALLETS_OPENED = "wallets_opened", "new wallets are written, not committed"
    TRANSACTIONS_CHANGED = "transactions_changed", "changed records are written, not committed"
    TRANSACTIONS_RECORDED = "transactions_recorded", "new records are written, not committed"
    ENTRIES_APPENDED = "entries_appended", "entries are written, not committed"
    OUTBOX_ADDED = "outbox_added", "the row of the outbox is written, not committed"
    BEFORE_COMMIT = "before_commit", "all is written; the commit is about to be sent"
    AFTER_COMMIT = "after_commit", "the commit is confirmed by a majority"
    LEASE_TAKEN = "lease_taken", "the relay has taken or prolonged its lease"
    OUTBOX_READ = "outbox_read", "the relay has read rows of the outbox"
    ANSWERS_READ = "answers_read", "the relay has asked the books about the answers of these rows"
    ROW_SETTLED = "row_settled", "one row whose answers are confirmed is removed, or shrunk to the others"
    LEASE_RELEASED = "lease_released", "the relay has given its lease back, at the end of the process"


STATEMENTS: Mapping[tuple[str, str], StoreStep] = {
    ("find", "transactions"): StoreStep.TRANSACTIONS_READ,
    ("find", "wallets"): StoreStep.WALLETS_READ,
    ("update", "wallets"): StoreStep.WALLETS_CHANGED,
    ("insert", "wallets"): StoreStep.WALLETS_OPENED,
    ("update", "transactions"): StoreStep.TRANSACTIONS_CHANGED,
    ("insert", "transactions"): StoreStep.TRANSACTIONS_RECORDED,
    ("insert", "entries"): StoreStep.ENTRIES_APPENDED,
    ("insert", "outbox"): StoreStep.OUTBOX_ADDED,
}
"""The step after each statement (operation, collection) of a posting's transaction."""
