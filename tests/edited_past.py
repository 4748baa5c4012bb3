"""The books in memory with some records or entries written otherwise: by an older service, or by a hand of somebody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from tests.scenario import Scenario
from wallet_core import Entry, Policy, SuspendedWallet, TransactionRecord, Wallet
from wallet_core.explanation import Explanation, explain_transaction
from wallet_core.ledger import SeenWallet
from wallet_core.leg_audit import EntryKey
from wallet_core.memory.past import MemoryPast
from wallet_core.past import Past


class EditedPast(MemoryPast):
    """A Past that shows what ``edit`` makes of each record, and ``edit_entry`` of each entry; None leaves one out."""

    def __init__(
        self,
        scenario: Scenario,
        edit: Callable[[TransactionRecord], TransactionRecord] = lambda record: record,
        edit_entry: Callable[[Entry], Entry | None] = lambda entry: entry,
        other_wallets: Sequence[Wallet] = (),
    ) -> None:
        """Show the books of a scenario, with other wallets instead of those of the same users."""
        super().__init__(scenario.store)
        self._other_wallets = {wallet.user_id: wallet for wallet in other_wallets}
        self._edit = edit
        self._edit_entry = edit_entry

    async def transaction(self, transaction_id: str) -> TransactionRecord | None:
        """Give the record as it is edited."""
        record = await super().transaction(transaction_id)
        return None if record is None else self._edit(record)

    async def wallets(self, user_ids: Collection[str]) -> Mapping[str, Wallet | SuspendedWallet]:
        """Give the wallets, or others instead."""
        return {**await super().wallets(user_ids), **self._other_wallets}

    async def entries(self, keys: Collection[EntryKey]) -> Mapping[EntryKey, Entry]:
        """Give the entries as they are edited."""
        edited = {key: self._edit_entry(entry) for key, entry in (await super().entries(keys)).items()}
        return {key: entry for key, entry in edited.items() if entry is not None}


def unseen(scenario: Scenario) -> EditedPast:
    """Show the books as they were written before a record kept which versions of its wallets it had seen."""
    return EditedPast(scenario, lambda record: record._replace(seen=()))


def seen(scenario: Scenario, versions: Mapping[str, int | None]) -> EditedPast:
    """Show the books as they are written by a service that keeps which versions it saw."""
    wallets = tuple(SeenWallet(user_id, version) for user_id, version in versions.items())
    return EditedPast(scenario, lambda record: record._replace(seen=wallets))


def words(explanation: Explanation) -> str:
    """Give everything that an explanation says."""
    reasons = [reason for each in explanation.decisions for reason in each.reasons]
    return " ".join([*explanation.remarks, *reasons, *explanation.next_steps])


def difference(explanation: Explanation, position: int = 0) -> tuple[str, str, str]:
    """Give the first thing that would be different: which fact, then, now."""
    found = explanation.decisions[position].differences[0]
    return found.fact, found.then, found.now


def explained(
    scenario: Scenario, transaction_id: str, past: Past | None = None, policy: Policy | None = None
) -> Explanation:
    """Explain a transaction of a scenario, under its policy if no other is given."""
    chosen = past or MemoryPast(scenario.store)
    return asyncio.run(explain_transaction(transaction_id, chosen, policy or scenario.policy))
