"""The random operations are worth comparing: repeatable, and among ten thousand is all that may happen to a store."""

from __future__ import annotations

import asyncio
from collections import Counter

from wallet_core import ConcurrentUpdate, LedgerCorrupted, Outcome, OutcomeKind, StoreRejected
from wallet_core.testing.conformance import memory_store
from wallet_core.testing.conformance.operations import (
    AskForLease,
    LoseRace,
    Operation,
    Post,
    PutBack,
    ReadPage,
    ReadWallet,
    Refused,
    RollBack,
    TakeAnswers,
    WriteWrongly,
    Wrong,
)
from wallet_core.testing.conformance.random_operations import SUSPENDED, RandomOperations

OPERATIONS = 10_000
KINDS = {Post, RollBack, LoseRace, WriteWrongly, ReadWallet, ReadPage, TakeAnswers, PutBack, AskForLease}


async def results_of(seed: int) -> list[tuple[Operation, object]]:
    """Apply a sequence to memory."""
    store = memory_store()
    await store.suspend(SUSPENDED)
    return [(operation, await operation.apply(store)) for operation in RandomOperations(seed).draw(OPERATIONS)]


def test_ten_thousand_operations_meet_everything() -> None:
    """Every kind of operation, outcome, refusal and error comes up; most of them find something to do."""
    results = asyncio.run(results_of(1))

    outcomes = [outcome for _, result in results if isinstance(result, tuple) for outcome in result]
    ended = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    assert {type(operation) for operation, _ in results} == KINDS
    assert {outcome.kind for outcome in ended} == set(OutcomeKind)
    assert {outcome.reason for outcome in ended} >= {
        "Insufficient balance",
        "Balance limit exceeded",
        "Wallet not found",
        "Wallet suspended",
        "Wallet version conflict",
        "Cannot transfer to the same wallet",
        "Transaction failed before it completed",
        "Unknown transaction type",
        "Invalid recipient",
        "another completed with this transactionId is recorded",
    }
    assert Counter(outcome.kind for outcome in ended)[OutcomeKind.APPLIED] > len(ended) / 3
    assert {result.error for _, result in results if isinstance(result, Refused)} == {LedgerCorrupted}
    wrong = {(each.wrong, result) for each, result in results if isinstance(each, WriteWrongly) and result is not None}
    assert wrong == {(each, StoreRejected if each is Wrong.APPEND_AGAIN else ConcurrentUpdate) for each in Wrong}
    pages = [len(result) for each, result in results if isinstance(each, ReadPage) and isinstance(result, list)]
    assert sum(map(bool, pages)) > len(pages) / 2


def test_a_seed_is_a_sequence() -> None:
    """The same seed gives the same operations, another one others."""
    first, again, other = (list(RandomOperations(seed).draw(1_000)) for seed in (1, 1, 2))

    assert first == again
    assert first != other
