"""Money: an integer of minor units with a currency, and the only way from a number of a message to it.

No float and no rounding touches an amount: a number that is not a whole count of minor units is refused. Every
check comes before the arithmetic it protects: ``Decimal`` rounds silently at 28 digits, and
``int(Decimal("1e999999"))`` takes half a minute.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from wallet_core.errors import InvalidAmount

AMOUNT_MINOR_MAX = 10**15
"""Most minor units in an amount or a balance, 10 trillion dollars; sums of 9,000 of them still fit in 64 bits."""

EXPONENT_MAX = 4
"""ISO 4217 knows no currency with more than four decimals (CLF, UYW)."""

_CURRENCY_CODE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Currency:
    """
    A currency: its ISO 4217 ``code`` and its ``exponent``, the number of its decimals (USD 2, JPY 0, KWD 3).

    Raises ValueError for a code that is not three capital letters, and for an exponent that is not 0 to 4.
    """

    code: str
    exponent: int

    def __post_init__(self) -> None:
        """Check the shape, so that no wrong currency exists. Raises ValueError."""
        if not _CURRENCY_CODE.fullmatch(self.code):
            msg = f"{self.code!r} is not a currency code: use the three capital letters of ISO 4217, such as 'USD'"
            raise ValueError(msg)
        if not 0 <= self.exponent <= EXPONENT_MAX:
            msg = f"{self.code} cannot have {self.exponent} decimals: 0 to {EXPONENT_MAX} are possible"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Money:
    """
    An exact amount: ``amount_minor`` in the smallest unit of ``currency``; 10050 of USD are 100.50 dollars.

    Any whole number is one, as a balance may be 0; ``from_major`` is strict with what a message says.
    """

    amount_minor: int
    currency: Currency

    @classmethod
    def from_major(cls, value: object, currency: Currency) -> Money:
        """
        Read a positive amount in major units, as a message carries it: 100, 100.0 and 1e2 are the same.

        ``value`` must be an ``int`` or a ``Decimal``; text, booleans and floats are not amounts. Raises InvalidAmount,
        whose text says which rule was broken.

        >>> from decimal import Decimal
        >>> from wallet_core import Currency, Money
        >>> Money.from_major(Decimal("100.50"), Currency("USD", 2)).amount_minor
        10050
        >>> Money.from_major(Decimal("0.001"), Currency("USD", 2))
        Traceback (most recent call last):
        wallet_core.errors.InvalidAmount: Invalid amount: more than 2 decimal places
        """
        return cls(_minor_units(value, currency), currency)

    @property
    def major(self) -> Decimal:
        """The amount in major units, exact and with all decimals of the currency: ``Decimal("100.50")``."""
        return major_units(self.amount_minor, self.currency)


def major_units(amount_minor: int, currency: Currency) -> Decimal:
    """Turn minor units (negative ones too) into an exact ``Decimal`` of major units: 10050 is ``Decimal("100.50")``."""
    digits = tuple(int(digit) for digit in str(abs(amount_minor)))
    return Decimal((int(amount_minor < 0), digits, -currency.exponent))


def _minor_units(value: object, currency: Currency) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise InvalidAmount("not a number")
    if isinstance(value, int):
        if abs(value) > AMOUNT_MINOR_MAX:
            raise _too_large(currency)
        value = Decimal(value)
    if not value.is_finite():
        raise InvalidAmount("not a number")
    if value.is_signed() or not value:
        raise InvalidAmount("must be greater than zero")
    if value.adjusted() + currency.exponent >= len(str(AMOUNT_MINOR_MAX)):
        raise _too_large(currency)
    amount_minor = _scaled(value, currency)
    if amount_minor > AMOUNT_MINOR_MAX:
        raise _too_large(currency)
    return amount_minor


def _scaled(value: Decimal, currency: Currency) -> int:
    """Scale a positive Decimal of at most 16 whole digits, on its digits and without rounding."""
    _, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits))
    shift = int(exponent) + currency.exponent
    if shift >= 0:
        return int(text + "0" * shift)
    whole, fraction = text[:shift], text[shift:]
    if fraction.strip("0"):
        raise InvalidAmount(f"more than {currency.exponent} decimal places")
    return int(whole or "0")


def _too_large(currency: Currency) -> InvalidAmount:
    return InvalidAmount(f"more than {major_units(AMOUNT_MINOR_MAX, currency)} {currency.code}")
