"""A policy holds only what a deployment can decide: what is no such value is refused when it is made."""

from __future__ import annotations

import pytest

from wallet_core import AMOUNT_MINOR_MAX, Currency, Policy, Shortfall
from wallet_core.policy import Wire

USD = Currency("USD", 2)


@pytest.mark.parametrize("opening_balance_minor", [1.5, True, "100", None])
def test_an_opening_balance_is_an_int(opening_balance_minor: object) -> None:
    """A float, a bool or a text is refused by its value: it would be posted to every new wallet."""
    with pytest.raises(TypeError, match=f"{opening_balance_minor!r} is no opening balance: use an int of minor units"):
        Policy(USD, opening_balance_minor=opening_balance_minor)  # type: ignore[arg-type]


@pytest.mark.parametrize("opening_balance_minor", [-1, AMOUNT_MINOR_MAX + 1])
def test_an_opening_balance_is_a_possible_balance(opening_balance_minor: int) -> None:
    """Nobody begins with a debt, or with more than a wallet can hold."""
    with pytest.raises(
        ValueError, match=f"^{opening_balance_minor} is no opening balance: use 0 to {AMOUNT_MINOR_MAX}"
    ):
        Policy(USD, opening_balance_minor=opening_balance_minor)


def test_a_shortfall_is_a_member() -> None:
    """The text of a choice would pass for the other choice, so it is refused, and the choices are named."""
    with pytest.raises(TypeError, match=r"'overdraw' is no Shortfall: use one of Shortfall.WAIT, Shortfall.OVERDRAW"):
        Policy(USD, shortfall="overdraw")  # type: ignore[arg-type]


def test_a_wire_is_a_member() -> None:
    """The text of a vocabulary is refused, and the choices are named."""
    with pytest.raises(TypeError, match=r"'v1' is no Wire: use one of Wire.AUTO, Wire.DOCUMENTED, Wire.V1"):
        Policy(USD, wire="v1")  # type: ignore[arg-type]


def test_the_widest_policy_is_possible() -> None:
    """The most that a wallet can hold may be what it begins with."""
    policy = Policy(USD, AMOUNT_MINOR_MAX, Shortfall.OVERDRAW, Wire.V1)

    assert AMOUNT_MINOR_MAX == policy.opening_balance_minor
