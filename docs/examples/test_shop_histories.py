"""The shop beside the wallet, whatever happens to it."""

from asyncio import run

from hypothesis import given, settings
from hypothesis.stateful import invariant

from docs.examples.shop import Shop
from wallet_core.memory import Published
from wallet_core.testing import InMemoryWalletService
from wallet_core.testing.facts import Fact
from wallet_core.testing.strategies import adversarial_histories
from wallet_core.testing.wallet_machine import WalletMachine


@given(adversarial_histories())
@settings(max_examples=20, deadline=None)
def test_what_the_shop_takes_for_paid_is_paid(history: list[Fact]) -> None:
    """Duplicates, reused ids, failures that come first: the shop and the books agree in the end."""
    shop, wallet_service = Shop(), InMemoryWalletService()
    for event in (fact.event() for fact in history):
        wallet_service.deliver_twice()
        run(wallet_service.deliver(event.subject, event.message))

    for message in wallet_service.published:
        shop.on_finalized(message.message_id, message.body)

    orders = {answer.transaction_id for answer in wallet_service.finalizations}
    assert shop.paid == {id_ for id_ in orders if wallet_service.transaction(id_).state in ("applied", "reversal_due")}


class ShopMachine(WalletMachine):
    """Batches, a relay, a broker that is away: the shop reads what comes out."""

    def begin(self) -> None:
        """Open the shop; the wallet's own start has drawn who is there."""
        self.shop = Shop()

    def answered(self, published: Published) -> None:
        """Let the shop read each answer."""
        self.shop.on_finalized(published.message_id, published.body)

    @invariant()
    def the_shop_believes_the_answers(self) -> None:
        """At any time, what it takes for paid is what the last answers say."""
        assert self.shop.paid == {id_ for id_, status in self.believed.items() if status == "completed"}


TestShop = ShopMachine.TestCase
TestShop.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
