"""What the unit tests share."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.scenario import ALICE, BOB, CAROL, Scenario, transaction_id
from wallet_core import AMOUNT_MINOR_MAX

FULL = Decimal(AMOUNT_MINOR_MAX) / 100


@pytest.fixture
def scenario() -> Scenario:
    """Alice has 100.00, Bob's wallet is full, Carol's is empty."""
    scenario = Scenario()
    scenario.open(ALICE, BOB, CAROL)
    scenario.fund(ALICE, 100, transaction_id(0xA))
    scenario.fund(BOB, FULL, transaction_id(0xB))
    return scenario
