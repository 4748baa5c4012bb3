"""The wallet in memory, as the test of a neighbour sees it: the rules are the real ones, the errors say what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import pytest

from wallet_core import (
    AMOUNT_MINOR_MAX,
    Currency,
    DeadLetterReason,
    Direction,
    Entry,
    EntryKind,
    FinalStatus,
    Money,
    OutcomeKind,
    Policy,
    Shortfall,
    TransactionState,
    Vocabulary,
)
from wallet_core.body import BODY_BYTES_MAX
from wallet_core.ports import Books
from wallet_core.testing import InMemoryWalletService, UnknownTransaction, UnknownWallet

USD = Currency("USD", 2)
ADA = "507f1f77bcf86cd799439011"
BEN = "507f1f77bcf86cd799439020"
T1 = "507f1f77bcf86cd799439031"


async def with_money(service: InMemoryWalletService) -> InMemoryWalletService:
    """Let Ada and Ben sign up, and Ada have 100.00."""
    await service.signup("ada")
    await service.signup("ben")
    await service.complete_topup("funds", "ada", 10_000)
    return service


async def test_money_moves_and_is_answered(wallet_service: InMemoryWalletService) -> None:
    """A top-up and a transfer are answered completed, and the balances are what they say."""
    await with_money(wallet_service)

    answer = await wallet_service.complete_transfer("t1", "ada", "ben", Money(3_050, USD))

    assert answer is not None
    assert ("t1", FinalStatus.COMPLETED, None) == (answer.transaction_id, answer.status, answer.reason)
    assert [6_950, 3_050] == [wallet_service.balance(user_id).amount_minor for user_id in ("ada", "ben")]
    assert ["funds", "t1"] == [finalization.transaction_id for finalization in wallet_service.finalizations]
    assert [] == wallet_service.audit()


@pytest.mark.parametrize(
    ("amount_minor", "reason"),
    [
        (10_001, "Insufficient balance"),
        (0, "Invalid amount: must be greater than zero"),
        (-5, "Invalid amount: must be greater than zero"),
        (AMOUNT_MINOR_MAX + 1, "Invalid amount: more than 10000000000000.00 USD"),
    ],
)
async def test_a_refusal_is_a_finalization(
    wallet_service: InMemoryWalletService, amount_minor: int, reason: str
) -> None:
    """What breaks a rule is answered failed, with the reason of the rule; nothing moves."""
    await with_money(wallet_service)

    answer = await wallet_service.complete_transfer("t1", "ada", "ben", amount_minor)

    assert answer is not None
    assert (FinalStatus.FAILED, reason) == (answer.status, answer.reason)
    assert Money(10_000, USD) == wallet_service.balance("ada")


async def test_a_failure_takes_the_money_back(wallet_service: InMemoryWalletService) -> None:
    """A transaction that fails after it completed is answered again, failed and with revision 2."""
    await with_money(wallet_service)
    await wallet_service.complete_transfer("t1", "ada", "ben", 3_050)

    answer = await wallet_service.fail("t1", "the order was cancelled")

    assert answer is not None
    assert (FinalStatus.FAILED, "the order was cancelled", 2) == (answer.status, answer.reason, answer.revision)
    assert 0 == wallet_service.balance("ben").amount_minor


async def test_a_failure_that_comes_first_is_remembered(wallet_service: InMemoryWalletService) -> None:
    """What failed before it completed has no answer yet, and may not complete any more."""
    await with_money(wallet_service)

    assert await wallet_service.fail("t1") is None
    answer = await wallet_service.complete_transfer("t1", "ada", "ben", 1)

    assert answer is not None
    assert "Transaction failed before it completed" == answer.reason
    assert TransactionState.VOID is wallet_service.transaction("t1").state


async def test_money_that_was_spent_cannot_go_back(wallet_service: InMemoryWalletService) -> None:
    """A reversal whose money is gone has no answer, and becomes one dead letter."""
    await with_money(wallet_service)
    await wallet_service.complete_transfer("t1", "ada", "ben", 100)
    await wallet_service.complete_transfer("t2", "ben", "ada", 100)

    assert await wallet_service.fail("t1") is None

    assert TransactionState.REVERSAL_DUE is wallet_service.transaction("t1").state
    (waiting,) = wallet_service.waiting
    assert wallet_service.clock.now() + timedelta(seconds=1) == waiting.due_at


async def test_the_policy_is_the_deployments() -> None:
    """Another currency, an opening balance, a reversal that may overdraw: the policy decides."""
    yen = Policy(Currency("JPY", 0), opening_balance_minor=70, shortfall=Shortfall.OVERDRAW)
    service = InMemoryWalletService(policy=yen)
    await service.signup("ada")
    await service.signup("ben")
    await service.complete_transfer("t1", "ada", "ben", 70)
    await service.complete_transfer("t2", "ben", "ada", 140)

    await service.fail("t1")

    assert [Money(210, yen.currency), Money(-70, yen.currency)] == [service.balance("ada"), service.balance("ben")]


RAW: Mapping[str, tuple[dict[str, object], str]] = {
    "documented": ({"type": "transfer", "userId": ADA, "recipientId": BEN, "amount": 30.5}, "completed"),
    "documented, sender id": ({"type": "transfer", "senderId": ADA, "recipientId": BEN, "amount": 30.5}, "completed"),
    "exact digits": ({"type": "transfer", "userId": ADA, "recipientId": BEN, "amount": Decimal("30.50")}, "completed"),
    "v1": ({"type": "Transfer", "fromUserId": ADA, "toUserId": BEN, "amount": 30}, "Completed"),
    "v1, refused": ({"type": "Transfer", "fromUserId": ADA, "toUserId": BEN, "amount": 1e3}, "Failed"),
    "text is no amount": ({"type": "topup", "userId": ADA, "amount": "30"}, "failed"),
}


@pytest.mark.parametrize(("message", "status"), RAW.values(), ids=RAW.keys())
async def test_raw_messages_are_read_as_from_the_wire(message: dict[str, object], status: str) -> None:
    """A message in either vocabulary is read as its JSON, and answered in its own vocabulary."""
    service = InMemoryWalletService()
    await service.deliver("user.signup", {"userId": ADA, "email": "ada@example.org"})
    await service.deliver("user.signup", {"id": BEN, "role": "user"})
    await service.deliver(
        "transaction.completed", {"transactionId": "f" * 24, "type": "topup"} | {"userId": ADA} | {"amount": 100}
    )

    await service.deliver("transaction.completed", {"transactionId": T1, **message})

    assert status == json.loads(service.published[-1].body)["status"]
    moved_minor = 10_000 - service.balance(ADA).amount_minor
    assert moved_minor == (0 if status.lower() == "failed" else int(Decimal(str(message["amount"])) * 100))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no JSON", DeadLetterReason.NO_USABLE_ID),
        (b'{"transactionId": {"$gt": ""}}', DeadLetterReason.NO_USABLE_ID),
        (b" " * (BODY_BYTES_MAX + 1), DeadLetterReason.TOO_LARGE),
        (b'{"transactionId": "t1", "type": "topup", "version": "2.0"}', DeadLetterReason.UNSUPPORTED_VERSION),
        (b'{"transactionId": "t1", "type": "TopUp", "amount": 1}', DeadLetterReason.UNANSWERABLE_ID),
    ],
)
async def test_what_cannot_be_judged_is_a_dead_letter(
    wallet_service: InMemoryWalletService, body: bytes, reason: DeadLetterReason
) -> None:
    """Bytes that are no message, and messages that nobody may judge, are set aside with their reason."""
    assert await wallet_service.deliver("transaction.completed", body) is None

    assert [reason] == [letter.reason for letter in wallet_service.dead_letters]
    assert OutcomeKind.SET_ASIDE is wallet_service.handled[-1].outcome.kind


async def test_a_reused_id_is_a_dead_letter(wallet_service: InMemoryWalletService) -> None:
    """The same id with another amount is a bug of its producer: set aside, and not answered."""
    await with_money(wallet_service)

    assert await wallet_service.complete_topup("funds", "ada", 20_000) is None

    assert [DeadLetterReason.KEY_REUSED] == [letter.reason for letter in wallet_service.dead_letters]
    assert 10_000 == wallet_service.balance("ada").amount_minor


async def test_the_calls_can_speak_v1() -> None:
    """A neighbour that speaks v1 is answered in v1, under ids of 24 hex digits; these may be written in capitals."""
    service = InMemoryWalletService(vocabulary=Vocabulary.V1)
    await service.signup(ADA.upper())
    await service.signup(BEN)

    await service.complete_topup(T1, ADA, 500)
    await service.complete_transfer(T1[:-1] + "f", ADA, BEN, 200)
    await service.complete_topup("t1", ADA, 500)

    assert ["Completed", "Completed"] == [json.loads(message.body)["status"] for message in service.published]
    assert [DeadLetterReason.UNANSWERABLE_ID] == [letter.reason for letter in service.dead_letters]
    assert 300 == service.balance(ADA.upper()).amount_minor


@pytest.mark.parametrize("amount", [12.5, True, Decimal("12.5"), "12.50", None])
async def test_an_amount_is_money_or_minor_units(wallet_service: InMemoryWalletService, amount: object) -> None:
    """Anything else is a mistake of the test, and the error says what to write."""
    with pytest.raises(TypeError, match="neither Money nor an int of minor units: 1 USD is 100 of them"):
        await wallet_service.complete_topup("t1", "ada", amount)  # type: ignore[arg-type]


async def test_money_of_another_currency_is_a_mistake(wallet_service: InMemoryWalletService) -> None:
    """A deployment has one currency."""
    with pytest.raises(ValueError, match="the one currency of this service"):
        await wallet_service.complete_topup("t1", "ada", Money(1, Currency("EUR", 2)))


async def test_a_routing_key_must_reach_the_wallet(wallet_service: InMemoryWalletService) -> None:
    """A key that no queue of ours is bound to is a mistake: the message would reach nobody."""
    with pytest.raises(ValueError, match=r"'transaction.complete': it reads 'user.signup', 'transaction.completed'"):
        await wallet_service.deliver("transaction.complete", {})


@pytest.mark.parametrize("value", [object(), float("nan"), Decimal("NaN")])
async def test_a_message_must_be_json(wallet_service: InMemoryWalletService, value: object) -> None:
    """What no JSON can carry cannot have been sent."""
    with pytest.raises((TypeError, ValueError)):
        await wallet_service.deliver("transaction.completed", {"transactionId": "t1", "amount": value})


async def test_a_message_that_is_nested_too_deeply_is_a_mistake(wallet_service: InMemoryWalletService) -> None:
    """A dict that Python cannot walk to its end is refused; a neighbour may send such a body, and so may a test."""
    message: dict[str, object] = {}
    for _ in range(sys.getrecursionlimit()):
        message = {"deeper": message}

    with pytest.raises(ValueError, match="nested too deeply to be written: send such a body as bytes"):
        await wallet_service.deliver("transaction.completed", message)

    depth = sys.getrecursionlimit()
    await wallet_service.deliver("transaction.completed", b'{"deeper":' * depth + b"1" + b"}" * depth)
    assert [DeadLetterReason.NO_USABLE_ID] == [letter.reason for letter in wallet_service.dead_letters]


async def test_a_message_is_a_dict_or_bytes(wallet_service: InMemoryWalletService) -> None:
    """JSON as text would be sent as a JSON string: a mistake of the test, and one that it should not search for."""
    with pytest.raises(TypeError, match="a dict, or its JSON as bytes, not str"):
        await wallet_service.deliver("transaction.completed", '{"transactionId": "t1"}')  # type: ignore[arg-type]


async def test_an_unknown_wallet_says_what_to_do(wallet_service: InMemoryWalletService) -> None:
    """Looking at a wallet that is not there is a KeyError that says how to open it, and what there is."""
    await with_money(wallet_service)

    with pytest.raises(KeyError) as raised:
        wallet_service.balance("cleo")

    assert str(raised.value) == (
        "user 'cleo' has no wallet: 'await service.signup('cleo')' opens one "
        "(2 wallets, 1 transactions, 1 finalizations, 0 waiting, 0 dead letters)"
    )
    with pytest.raises(UnknownWallet):
        wallet_service.statement("cleo")
    with pytest.raises(UnknownTransaction, match="nothing is recorded about transaction 't9'"):
        wallet_service.transaction("t9")


async def test_a_statement_comes_in_pages(wallet_service: InMemoryWalletService) -> None:
    """The newest entries come first; the cursor of a page continues it."""
    await with_money(wallet_service)
    await wallet_service.complete_transfer("t1", "ada", "ben", 3_050)

    first = wallet_service.statement("ada", limit=1)
    second = wallet_service.statement("ada", limit=1, before_sequence=first.next_cursor)

    assert [("t1", Direction.DEBIT, 3_050)] == [_shown(entry) for entry in first.entries]
    assert [("funds", Direction.CREDIT, 10_000)] == [_shown(entry) for entry in second.entries]
    assert second.next_cursor is None


async def test_the_audit_is_the_real_one(wallet_service: InMemoryWalletService) -> None:
    """An entry that no balance knows of is found."""
    await with_money(wallet_service)
    (entry,) = wallet_service.statement("ada").entries

    async def tamper(books: Books) -> None:
        await books.journal.append_many([entry._replace(sequence=2, kind=EntryKind.TRANSFER)])

    await wallet_service.store.run(tamper)

    assert any(f"{entry.wallet_id}/2" == finding.subject for finding in wallet_service.audit())


async def test_it_shows_what_there_is(wallet_service: InMemoryWalletService) -> None:
    """What pytest prints of it tells a person how far the story went."""
    await with_money(wallet_service)
    await wallet_service.complete_topup("t1", "cleo", 1)
    wallet_service.reorder(1)

    shown = repr(wallet_service)

    assert "in USD: 2 wallets, 1 transactions, 1 finalizations, 1 waiting, 0 dead letters, 0 held back" in shown


def _shown(entry: Entry) -> tuple[str, Direction, int]:
    return entry.transaction_id, entry.direction, entry.amount_minor
