"""The shop beside a whole wallet service in memory."""

from asyncio import run

from docs.examples.shop import Shop
from wallet_core.testing import InMemoryWalletService


def test_an_answer_that_comes_twice_is_one_mail(wallet_service: InMemoryWalletService) -> None:
    """The wallet may answer twice; the customer hears it once."""
    shop = Shop()
    run(wallet_service.signup("ada"))
    run(wallet_service.signup("shop"))
    run(wallet_service.complete_topup("topup-1", "ada", 10_000))
    wallet_service.lose_next_ack()
    run(wallet_service.complete_transfer("order-1", "ada", "shop", 3_050))

    for message in wallet_service.published:
        shop.on_finalized(message.message_id, message.body)

    assert shop.mails == ["topup-1: completed, thank you", "order-1: completed, thank you"]


def test_an_order_that_is_too_dear_is_not_paid(wallet_service: InMemoryWalletService) -> None:
    """A refusal is an answer like any other, with its reason."""
    shop = Shop()
    run(wallet_service.signup("ada"))
    run(wallet_service.signup("shop"))
    run(wallet_service.complete_transfer("order-1", "ada", "shop", 3_050))

    for message in wallet_service.published:
        shop.on_finalized(message.message_id, message.body)

    assert shop.paid == set()
    assert shop.mails == ["order-1: failed, Insufficient balance"]
