"""What a test of a neighbour gets wrong is told to it at once, by the value and with what to write instead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest

from wallet_core import Currency, DeadLetterReason, Money, Vocabulary
from wallet_core.testing import InMemoryWalletService, WalletClock
from wallet_core.testing.events import ALICE, transaction_id

CALLS: dict[str, Callable[[InMemoryWalletService, str], Awaitable[object]]] = {
    "signup": lambda service, id_: service.signup(id_),
    "the id of a top-up": lambda service, id_: service.complete_topup(id_, "ada", 1),
    "the user of a top-up": lambda service, id_: service.complete_topup("t1", id_, 1),
    "the id of a transfer": lambda service, id_: service.complete_transfer(id_, "ada", "ben", 1),
    "the sender of a transfer": lambda service, id_: service.complete_transfer("t1", id_, "ben", 1),
    "the recipient of a transfer": lambda service, id_: service.complete_transfer("t1", "ada", id_, 1),
    "fail": lambda service, id_: service.fail(id_),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("id_", ["jos\u00e9", "", None, "a" * 65])
async def test_what_is_no_id_is_refused(
    wallet_service: InMemoryWalletService,
    call: Callable[[InMemoryWalletService, str | None], Awaitable[object]],
    id_: str | None,
) -> None:
    """The error says what an id is, and no event has come."""
    with pytest.raises(
        ValueError, match=f"^{id_!r} is no id: use 1 to 64 of the characters A-Z, a-z, 0-9, '_' and '-'"
    ):
        await call(wallet_service, id_)

    assert ([], []) == (wallet_service.handled, wallet_service.dead_letters)


async def test_a_message_may_hold_what_is_no_id(wallet_service: InMemoryWalletService) -> None:
    """A neighbour may send anything, so a raw message goes to the wallet, which sets it aside."""
    await wallet_service.deliver("user.signup", {"userId": "jos\u00e9"})

    (dead_letter,) = wallet_service.dead_letters
    assert DeadLetterReason.NO_USABLE_ID is dead_letter.reason


@pytest.mark.parametrize("amount_minor", [1.5, True, "100"])
async def test_money_holds_an_int(wallet_service: InMemoryWalletService, amount_minor: object) -> None:
    """Money that was made of a float, a bool or a text is refused by its value."""
    money = Money(amount_minor, Currency("USD", 2))  # type: ignore[arg-type]

    with pytest.raises(TypeError, match=f"^{amount_minor!r} is neither Money nor an int of minor units"):
        await wallet_service.complete_topup("t1", "ada", money)


async def test_a_vocabulary_may_be_its_text() -> None:
    """The text of a vocabulary is that vocabulary, in the messages too."""
    service = InMemoryWalletService(vocabulary="v1")  # type: ignore[arg-type]
    await service.signup(ALICE)

    answer = await service.complete_topup(transaction_id(1), ALICE, 100)

    assert answer is not None
    assert Vocabulary.V1 is answer.vocabulary


@pytest.mark.parametrize("vocabulary", ["V1", "v2", None])
def test_what_is_no_vocabulary_is_refused(vocabulary: object) -> None:
    """It would be spoken as another one."""
    with pytest.raises(ValueError, match=f"{vocabulary!r} is not a valid Vocabulary"):
        InMemoryWalletService(vocabulary=vocabulary)  # type: ignore[arg-type]


@pytest.mark.parametrize("retry_delays_ms", [(), (0,), (1_000, -1)])
def test_delays_are_above_zero(retry_delays_ms: tuple[int, ...]) -> None:
    """Without a delay nothing could wait, and one of nothing would be no wait."""
    with pytest.raises(ValueError, match="give one or more, each above 0 milliseconds"):
        InMemoryWalletService(retry_delays_ms=retry_delays_ms)


def test_a_clock_stands_at_an_instant() -> None:
    """A time of day without an offset would be that of the machine's own zone."""
    with pytest.raises(ValueError, match="has no offset from UTC, so it is no instant: add tzinfo=UTC"):
        WalletClock(datetime(2025, 1, 15, 12))  # noqa: DTZ001 - the mistake itself
