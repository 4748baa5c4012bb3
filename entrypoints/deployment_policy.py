"""The rules that a deployment has chosen, from its settings: what decides, and what explains a decision, need them."""

from __future__ import annotations

from entrypoints.settings import Settings
from wallet_core.policy import Policy, Shortfall, Wire


def policy_of(settings: Settings) -> Policy:
    """Give the rules that this deployment has chosen."""
    return Policy(
        currency=settings.wallet_currency,
        opening_balance_minor=settings.initial_wallet_balance.amount_minor,
        shortfall=Shortfall(settings.wallet_reversal_shortfall),
        wire=Wire(settings.wallet_wire),
    )
