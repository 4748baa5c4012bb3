"""The books as they will be: what the decisions of one plan have changed so far, on top of what was loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from wallet_core.errors import LedgerCorrupted, WalletSuspended
from wallet_core.events import FinalStatus, TransactionFinalized
from wallet_core.ledger import Entry, Leg, SeenWallet, TransactionRecord
from wallet_core.outcome import Outcome
from wallet_core.ports import RecordChange, WalletChange
from wallet_core.wallet import SuspendedWallet, Wallet


@dataclass(frozen=True, slots=True)
class State:
    """What the books say about everything that the requests touch: wallets by user id, records by transaction id."""

    wallets: Mapping[str, Wallet | SuspendedWallet]
    transactions: Mapping[str, TransactionRecord]


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What to store, and how each request ended, in their order.

    ``answered`` are the ids of the transactions whose answer must be published.
    """

    outcomes: tuple[Outcome, ...]
    wallets_opened: tuple[Wallet, ...]
    wallets_changed: tuple[WalletChange, ...]
    entries: tuple[Entry, ...]
    records_new: tuple[TransactionRecord, ...]
    records_changed: tuple[RecordChange, ...]
    answered: tuple[str, ...]

    def answers(self) -> tuple[TransactionFinalized, ...]:
        """Give the answers that the changed records hold."""
        records = (*self.records_new, *(change.record for change in self.records_changed))
        return tuple(record.answer for record in records if record.answer is not None)

    def state_after(self) -> State:
        """Say what the books will say, once this is stored, about all that it changes."""
        changed = (change.wallet for change in self.wallets_changed)
        rewritten = (change.record for change in self.records_changed)
        return State(
            {wallet.user_id: wallet for wallet in (*self.wallets_opened, *changed)},
            {record.id: record for record in (*self.records_new, *rewritten)},
        )


class Drafts:
    """Loaded state plus changes; lives for one ``plan``. Every reader sees the changes made before it."""

    def __init__(self, state: State, now: datetime) -> None:
        """Start from what was loaded; ``now`` stamps the answers."""
        self._state = state
        self._now = now
        self._wallets: dict[str, Wallet] = {}
        self._records: dict[str, TransactionRecord] = {}
        self._entries: list[Entry] = []
        self._answered: dict[str, None] = {}

    def wallet(self, user_id: str) -> Wallet | SuspendedWallet | None:
        """Give the user's wallet as it will be."""
        return self._wallets.get(user_id) or self._state.wallets.get(user_id)

    def usable_wallet(self, user_id: str) -> Wallet:
        """Give a wallet that may be posted to. Raises WalletSuspended, and LedgerCorrupted when there is none."""
        wallet = self.wallet(user_id)
        if isinstance(wallet, SuspendedWallet):
            raise WalletSuspended(user_id)
        if wallet is None:
            msg = f"the wallet of user {user_id} has entries and does not exist: run 'wallet audit'"
            raise LedgerCorrupted(msg)
        return wallet

    def record(self, transaction_id: str) -> TransactionRecord | None:
        """Give the transaction's record as it will be."""
        return self._records.get(transaction_id) or self._state.transactions.get(transaction_id)

    def seen(self, user_ids: Iterable[str]) -> tuple[SeenWallet, ...]:
        """Say which version of these users' wallets a decision sees, None where there is no wallet."""
        wallets = ((user_id, self.wallet(user_id)) for user_id in user_ids)
        return tuple(
            SeenWallet(user_id, wallet.version if isinstance(wallet, Wallet) else None) for user_id, wallet in wallets
        )

    def add_wallet(self, wallet: Wallet) -> None:
        """Open a wallet."""
        self._wallets[wallet.user_id] = wallet

    def keep_record(self, record: TransactionRecord) -> None:
        """Add or replace a record."""
        self._records[record.id] = record

    def keep_entries(self, user_ids: Sequence[str], entries: Sequence[Entry]) -> tuple[Leg, ...]:
        """Apply decided entries to their owners' wallets; give them as the legs of their transaction."""
        legs = []
        for user_id, entry in zip(user_ids, entries, strict=True):
            self._wallets[user_id] = self.usable_wallet(user_id).after(entry)
            legs.append(Leg(user_id, entry.wallet_id, entry.direction, entry.amount_minor, entry.sequence))
        self._entries.extend(entries)
        return tuple(legs)

    def answer(self, record: TransactionRecord, status: FinalStatus) -> None:
        """Record the next answer of a transaction, with the record, and mark it for publishing."""
        answer = TransactionFinalized(
            transaction_id=record.id,
            revision=record.revision + 1,
            status=status,
            reason=record.reason,
            user_id=record.initiator_id,
            vocabulary=record.vocabulary,
            finalized_at=self._now,
        )
        self.keep_record(record._replace(answer=answer))
        self.publish(record.id)

    def publish(self, transaction_id: str) -> None:
        """Mark the transaction's current answer for publishing, once whatever the number of calls."""
        self._answered[transaction_id] = None

    def plan(self, outcomes: tuple[Outcome, ...]) -> Plan:
        """Give everything that has changed."""
        stored_wallets, stored_records = self._state.wallets, self._state.transactions
        return Plan(
            outcomes=outcomes,
            wallets_opened=tuple(wallet for user_id, wallet in self._wallets.items() if user_id not in stored_wallets),
            wallets_changed=tuple(
                WalletChange(stored.version, wallet)
                for user_id, wallet in self._wallets.items()
                if isinstance(stored := stored_wallets.get(user_id), Wallet)
            ),
            entries=tuple(self._entries),
            records_new=tuple(record for id_, record in self._records.items() if id_ not in stored_records),
            records_changed=tuple(
                RecordChange(stored_records[id_], record)
                for id_, record in self._records.items()
                if id_ in stored_records
            ),
            answered=tuple(self._answered),
        )
