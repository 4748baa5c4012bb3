"""A short history in which every state of a transaction comes up: books that have been lived in."""

from hashlib import sha256

from wallet_core import (
    Credit,
    Currency,
    Debit,
    Linked,
    OpenWallet,
    OutcomeKind,
    Policy,
    Request,
    Reverse,
    TransactionKind,
    Vocabulary,
    post_all,
)
from wallet_core.memory import ManualClock
from wallet_core.ports import UnitOfWork

USD = Currency("USD", 2)
ALICE = "507f1f77bcf86cd799439011"
BOB = "507f1f77bcf86cd799439020"
CAROL = "carol_3"

APPLIED, SENT, REFUSED, VOID, TOMBSTONE, TAKEN_BACK, SPENT, DUE = (f"{number:024x}" for number in range(1, 9))
"""Ids of the transactions, each named for what becomes of it."""


def topup(id_: str, user_id: str, amount_minor: int) -> Linked:
    """Ask for a top-up."""
    return Linked(
        transaction_id=id_,
        fingerprint=sha256(f'["1","topup",null,"{user_id}","USD",{amount_minor}]'.encode()).hexdigest(),
        vocabulary=Vocabulary.V1,
        kind=TransactionKind.TOPUP,
        sender_id=None,
        recipient_id=user_id,
        amount_minor=amount_minor,
        legs=(Credit(user_id, amount_minor),),
    )


def transfer(id_: str, sender_id: str, recipient_id: str, amount_minor: int) -> Linked:
    """Ask for a transfer."""
    return Linked(
        transaction_id=id_,
        fingerprint=sha256(
            f'["1","transfer","{sender_id}","{recipient_id}","USD",{amount_minor}]'.encode()
        ).hexdigest(),
        vocabulary=Vocabulary.DOCUMENTED,
        kind=TransactionKind.TRANSFER,
        sender_id=sender_id,
        recipient_id=recipient_id,
        amount_minor=amount_minor,
        legs=(Debit(sender_id, amount_minor), Credit(recipient_id, amount_minor)),
    )


def failed(id_: str) -> Reverse:
    """Say that a transaction has failed, as v1 does."""
    return Reverse(id_, Vocabulary.V1, None, None, None, None, "the card was refused")


BATCHES: tuple[tuple[Request, ...], ...] = (
    (OpenWallet(ALICE), OpenWallet(BOB), OpenWallet(CAROL)),
    (topup(APPLIED, ALICE, 5_000), transfer(SENT, ALICE, BOB, 1_250), transfer(REFUSED, BOB, ALICE, 999_999)),
    (failed(VOID), failed(TOMBSTONE), topup(TAKEN_BACK, CAROL, 700)),
    (topup(TOMBSTONE, ALICE, 1), failed(TAKEN_BACK), transfer(DUE, BOB, CAROL, 300)),
    (transfer(SPENT, CAROL, ALICE, 10_250), failed(DUE)),
)
"""Carol spends what Bob has sent her, so that it cannot be taken back. Each wallet was opened with 100.00."""

HELD_MINOR = 3 * 10_000 + 5_000


async def live(unit_of_work: UnitOfWork) -> None:
    """Let it happen."""
    policy = Policy(USD, opening_balance_minor=10_000)
    for batch in BATCHES:
        outcomes = await post_all(batch, unit_of_work, ManualClock(), policy)
        assert OutcomeKind.UNKNOWN_WALLET not in {outcome.kind for outcome in outcomes}
