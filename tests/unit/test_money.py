"""Amounts: whole counts of minor units or a refusal; no float, no rounding, no slow number."""

from __future__ import annotations

import time
from decimal import Decimal, localcontext

import pytest

from tests.scenario import USD
from wallet_core import AMOUNT_MINOR_MAX, Currency, InvalidAmount, Money
from wallet_core.money import major_units

JPY = Currency("JPY", 0)
KWD = Currency("KWD", 3)
CLF = Currency("CLF", 4)


@pytest.mark.parametrize(
    ("value", "currency", "amount_minor"),
    [
        (100, USD, 10_000),
        (Decimal("100.0"), USD, 10_000),
        (Decimal("1e2"), USD, 10_000),
        (Decimal("1E+2"), USD, 10_000),
        (Decimal("100.5"), USD, 10_050),
        (Decimal("0.01"), USD, 1),
        (Decimal("1e-2"), USD, 1),
        (Decimal("1.000"), USD, 100),
        (Decimal("0.10"), USD, 10),
        (Decimal("19.99"), USD, 1_999),
        (Decimal("1.000000000000000000000000000000000000000000"), USD, 100),
        (1, JPY, 1),
        (Decimal("1.0"), JPY, 1),
        (Decimal("0.001"), KWD, 1),
        (Decimal("12.3450"), KWD, 12_345),
        (Decimal("0.0001"), CLF, 1),
        (10**13, USD, AMOUNT_MINOR_MAX),
        (Decimal("1e13"), USD, AMOUNT_MINOR_MAX),
        (Decimal("9999999999999.99"), USD, AMOUNT_MINOR_MAX - 1),
        (10**15, JPY, AMOUNT_MINOR_MAX),
        (10**11, CLF, AMOUNT_MINOR_MAX),
    ],
)
def test_amount_is_a_whole_count_of_minor_units(value: Decimal | int, currency: Currency, amount_minor: int) -> None:
    """A number that is a whole count of minor units is that count, however it is spelled."""
    money = Money.from_major(value, currency)

    assert Money(amount_minor, currency) == money


@pytest.mark.parametrize(
    ("value", "currency"),
    [
        (Decimal("0.001"), USD),
        (Decimal("100.005"), USD),
        (Decimal("0." + "1" * 40), USD),
        (Decimal("1." + "0" * 40 + "1"), USD),
        (Decimal("1e-40"), USD),
        (Decimal("1e-999999"), USD),
        (Decimal("0.5"), JPY),
        (Decimal("0.0001"), KWD),
        (Decimal("0.00001"), CLF),
    ],
)
def test_fraction_of_a_minor_unit_is_refused(value: Decimal, currency: Currency) -> None:
    """A fraction of a minor unit is refused, never rounded."""
    with pytest.raises(InvalidAmount, match=f"more than {currency.exponent} decimal places"):
        Money.from_major(value, currency)


@pytest.mark.parametrize(
    "value", [0, -1, Decimal(0), Decimal("-0"), Decimal("0.00"), Decimal("0e9"), Decimal("-0.001")]
)
def test_amount_that_is_not_positive_is_refused(value: Decimal | int) -> None:
    """Zero and negative numbers are no amounts."""
    with pytest.raises(InvalidAmount, match="must be greater than zero"):
        Money.from_major(value, USD)


@pytest.mark.parametrize(
    ("value", "currency"),
    [
        (10**13 + 1, USD),
        (Decimal("10000000000000.01"), USD),
        (Decimal("1e14"), USD),
        (Decimal("1e15"), USD),
        (10**15 + 1, JPY),
        (10**16, JPY),
        (Decimal("100000000000.0001"), CLF),
        pytest.param(10**5000, USD, id="an int of 5,001 digits"),
        pytest.param(Decimal("9" * 5000), USD, id="a Decimal of 5,000 digits"),
        (Decimal("1e400"), USD),
        (Decimal("1e999999"), USD),
    ],
)
def test_amount_over_the_limit_is_refused(value: Decimal | int, currency: Currency) -> None:
    """More than 10^15 minor units are refused, whatever the currency's exponent."""
    with pytest.raises(InvalidAmount, match="more than .* " + currency.code):
        Money.from_major(value, currency)


@pytest.mark.parametrize(
    "value",
    [None, "100", "1e2", "", True, False, 100.0, float("nan"), [], [100], {}, {"$gt": ""}, b"100"],
    ids=repr,
)
def test_what_is_no_number_is_refused(value: object) -> None:
    """Text, booleans, floats and anything else that JSON may hold are no amounts."""
    with pytest.raises(InvalidAmount, match="not a number"):
        Money.from_major(value, USD)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "-NaN", "Infinity", "-Infinity"])
def test_decimal_that_is_not_finite_is_refused(value: str) -> None:
    """Not-a-number and infinity are no amounts."""
    with pytest.raises(InvalidAmount, match="not a number"):
        Money.from_major(Decimal(value), USD)


@pytest.mark.parametrize(
    "value",
    [
        "1e999999",
        "-1e999999",
        "1e-999999",
        "0e999999",
        pytest.param("9" * 60_000, id="60,000 digits"),
        pytest.param("0." + "9" * 60_000, id="60,000 decimals"),
    ],
)
def test_no_number_is_slow(value: str) -> None:
    """A number that would take half a minute to expand is refused at once."""
    number = Decimal(value)
    started_s = time.process_time()

    with pytest.raises(InvalidAmount):
        Money.from_major(number, USD)

    assert time.process_time() - started_s < 0.5


def test_no_whole_number_is_slow() -> None:
    """An int of a million bits, whose decimal digits would take a second to find, is refused at once."""
    number = 1 << 1_000_000
    started_s = time.process_time()

    with pytest.raises(InvalidAmount):
        Money.from_major(number, USD)

    assert time.process_time() - started_s < 0.5


def test_amount_does_not_depend_on_the_decimal_context() -> None:
    """A context of few digits, which rounds silently, changes no amount."""
    with localcontext() as context:
        context.prec = 3

        assert Money(999_999_999_999_999, USD) == Money.from_major(Decimal("9999999999999.99"), USD)
        with pytest.raises(InvalidAmount):
            Money.from_major(Decimal("100.001"), USD)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "shown"),
    [
        (10_050, USD, "100.50"),
        (1, USD, "0.01"),
        (15_000, USD, "150.00"),
        (7, JPY, "7"),
        (7, KWD, "0.007"),
        (0, USD, "0.00"),
    ],
)
def test_major_units_keep_the_decimals_of_the_currency(amount_minor: int, currency: Currency, shown: str) -> None:
    """An amount in major units is exact and has all decimals of its currency."""
    money = Money(amount_minor, currency)

    assert shown == str(money.major)


def test_overdrawn_balance_in_major_units_is_negative() -> None:
    """A balance below zero is shown as such."""
    assert Decimal("-0.05") == major_units(-5, USD)
    assert Decimal("-1234.56") == major_units(-123_456, USD)


def test_largest_amount_in_major_units_is_exact() -> None:
    """The largest amount, and the one below, survive the way to major units and back."""
    for amount_minor in (AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX - 1):
        assert Money(amount_minor, USD) == Money.from_major(Money(amount_minor, USD).major, USD)


def test_refusal_fits_into_an_answer() -> None:
    """A refusal says which rule is broken, in words of at most 200 characters."""
    with pytest.raises(InvalidAmount) as raised:
        Money.from_major(Decimal("9" * 5_000), CLF)

    assert str(raised.value).startswith("Invalid amount: ")
    assert len(str(raised.value)) <= 200


@pytest.mark.parametrize(("code", "exponent"), [("usd", 2), ("US", 2), ("USDT", 2), ("", 2), ("US1", 2), ("USD\n", 2)])
def test_currency_has_three_capital_letters(code: str, exponent: int) -> None:
    """What is no ISO 4217 code is no currency."""
    with pytest.raises(ValueError, match="is not a currency code"):
        Currency(code, exponent)


@pytest.mark.parametrize("exponent", [-1, 5])
def test_currency_has_zero_to_four_decimals(exponent: int) -> None:
    """A currency has 0 to 4 decimals."""
    with pytest.raises(ValueError, match="0 to 4"):
        Currency("USD", exponent)


def test_limit_is_ten_to_the_fifteen() -> None:
    """The most minor units in an amount or a balance are 10^15."""
    assert AMOUNT_MINOR_MAX == 1_000_000_000_000_000
