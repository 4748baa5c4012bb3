"""The wallet of another deployment: it keeps euros, and gives everybody five of them."""

import pytest

from wallet_core import Currency, Policy
from wallet_core.testing import InMemoryWalletService


@pytest.fixture
def wallet_policy() -> Policy:
    """Decide otherwise than by default."""
    return Policy(Currency("EUR", 2), opening_balance_minor=500)


async def test_a_new_user_has_five_euros(wallet_service: InMemoryWalletService) -> None:
    """The fixture of the service takes the policy from here."""
    await wallet_service.signup("ada")

    assert wallet_service.balance("ada").amount_minor == 500
