"""What becomes of one v1 wallet: adopted exactly, or left for a person with a reason. Decided without I/O.

v1 keeps ``{_id, userId, balance, createdAt, updatedAt}`` with the balance in major units, as JavaScript's only number:
a double. It is exact when the shortest decimal that stands for this double (what v1 has always shown) is a whole number
of minor units: 0.1 is 10 cents. It is rounded, and listed, when the double's exact value is within 10^-6 of a whole
number of minor units: 0.30000000000000004, which is what 0.1 + 0.2 leaves, is 30 cents. No float takes part in any
arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from bson import Decimal128, ObjectId

from adapters.mongo.fields import in_utc
from adapters.mongo.handles import Document
from wallet_core.events import Vocabulary
from wallet_core.fields import usable_id
from wallet_core.ledger import (
    GENESIS_HASH,
    Entry,
    EntryKind,
    Leg,
    TransactionKind,
    TransactionRecord,
    TransactionState,
)
from wallet_core.money import AMOUNT_MINOR_MAX, Currency, major_units
from wallet_core.wallet import Cause, Wallet

ROUNDING_MAX = Fraction(1, 10**6)
"""How far from a whole number of minor units a double may be (requirement of the adoption)."""

ADOPTED_PREFIX = "adopted:"
"""Transaction id of an adoption: this and the wallet's id. No producer's id can hold a colon."""

SHOWN_LENGTH_MAX = 60
"""Most characters of a foreign value that a reason shows."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A v1 wallet as one of ours. ``entry`` is None for a balance of 0, ``rounded`` unless it was rounded."""

    wallet: Wallet
    entry: Entry | None
    rounded: str | None

    def record(self, now: datetime) -> TransactionRecord | None:
        """Give the record of the transaction that the entry belongs to."""
        if self.entry is None:
            return None
        leg = Leg(
            self.wallet.user_id, self.wallet.id, self.entry.direction, self.entry.amount_minor, self.entry.sequence
        )
        return TransactionRecord(
            id=self.entry.transaction_id,
            state=TransactionState.APPLIED,
            vocabulary=Vocabulary.DOCUMENTED,
            currency=self.wallet.currency,
            recorded_at=now,
            changed_at=now,
            kind=TransactionKind.ADOPTED,
            recipient_id=self.wallet.user_id,
            amount_minor=self.entry.amount_minor,
            legs=(leg,),
        )


@dataclass(frozen=True, slots=True)
class Left:
    """A v1 wallet that stays as it is, and why."""

    reason: str


def adopt_wallet(document: Document, currency: Currency) -> Adopted | Left:
    """Decide about a v1 wallet. Whether its owner has another one is not seen here."""
    key, user_id = document.get("_id"), owner_of(document)
    if not isinstance(key, ObjectId):
        return Left("its _id is no ObjectId")
    if user_id is None:
        return Left(f"its userId is {_shown(document.get('userId'))}: an ObjectId, or a text that is an id, is needed")
    dates = _dates(document, key)
    if isinstance(dates, Left):
        return dates
    balance = _balance(document, currency)
    if isinstance(balance, Left):
        return balance
    balance_minor, rounded = balance
    opened_at, changed_at = dates
    empty = Wallet(str(key), user_id, currency.code, 0, 0, GENESIS_HASH, opened_at, changed_at)
    if balance_minor == 0:
        return Adopted(empty, None, rounded)
    entry = empty.credit(balance_minor, Cause(f"{ADOPTED_PREFIX}{empty.id}", EntryKind.ADOPTED, changed_at))
    return Adopted(empty.after(entry), entry, rounded)


def owner_of(document: Document) -> str | None:
    """Read a v1 wallet's owner; None when it is none of the ids that messages can carry."""
    owner = document.get("userId")
    if isinstance(owner, ObjectId):
        return str(owner)
    return usable_id(owner)


def _dates(document: Document, key: ObjectId) -> tuple[datetime, datetime] | Left:
    """Give createdAt and updatedAt; what is absent is taken from the other, or from the ObjectId's own time."""
    for name in ("createdAt", "updatedAt"):
        if not isinstance(document.get(name), datetime | None):
            return Left(f"its {name} is {_shown(document[name])}, which is no date")
    created_at, updated_at = document.get("createdAt"), document.get("updatedAt")
    opened_at = in_utc(created_at) if isinstance(created_at, datetime) else key.generation_time
    return opened_at, in_utc(updated_at) if isinstance(updated_at, datetime) else opened_at


def _balance(document: Document, currency: Currency) -> tuple[int, str | None] | Left:
    """Give the balance in minor units, and from what it was rounded, if it was."""
    value, its_currency = document.get("balance"), document.get("currency", currency.code)
    number = _exact(value)
    if its_currency != currency.code:
        return Left(f"its currency is {_shown(its_currency)}, and that of the books {currency.code}")
    if number is None or number < 0:
        return Left(f"its balance is {_shown(value)}, which is {'no number' if number is None else 'negative'}")
    is_small = not number or number.adjusted() + currency.exponent < len(str(AMOUNT_MINOR_MAX))
    minor_units = Fraction(number) * 10**currency.exponent if is_small else Fraction(AMOUNT_MINOR_MAX + 1)
    if minor_units > AMOUNT_MINOR_MAX:
        return Left(f"its balance {_shown(value)} is over {major_units(AMOUNT_MINOR_MAX, currency)} {currency.code}")
    balance_minor = round(minor_units)
    if minor_units == balance_minor:
        return balance_minor, None
    if isinstance(value, float) and abs(Fraction(value) * 10**currency.exponent - balance_minor) <= ROUNDING_MAX:
        return balance_minor, f"its balance {value!r} is taken as {major_units(balance_minor, currency)}"
    return Left(f"its balance {_shown(value)} is no whole number of minor units ({currency.exponent} decimals)")


def _exact(value: object) -> Decimal | None:
    """Give a stored number as the decimal that it shows; None for what is no finite number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, Decimal128):
        number = value.to_decimal()
        return number if number.is_finite() else None
    return None


def _shown(value: object) -> str:
    """Show a foreign value to a person."""
    if value is None:
        return "missing"
    shown = f"{type(value).__name__} {value}"
    return shown if len(shown) <= SHOWN_LENGTH_MAX else f"{shown[: SHOWN_LENGTH_MAX - 3]}..."
